"""What a chat template puts around a question and its answer, as token ids, and text as token ids.

The frame is read once, when a surrogate is made, and is saved with it. Thinking is switched off in it, a template that
writes the date writes always the same one, and a system message that the template puts by itself is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any

from jinja2 import TemplateError

from recexplainer.chat.thinking import WITHOUT_THINKING
from recexplainer.errors import SurrogateError, first_line

_QUESTION, _ANSWER, _OWN_SYSTEM = "QUESTIONMARK", "ANSWERMARK", "SYSTEMMARK"
_SYSTEM = "You are a helpful assistant."
_THINKING = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
)
# The date that templates are told: the one that Llama's template takes where there is no clock.
_DATE = datetime(2024, 7, 26, 12)
_DIRECTIVES = ("d", "-d", "e", "b", "B", "m", "-m", "y", "Y", "a", "A", "j", "H", "I", "M", "S", "p", "F", "T", "D")
_ANCHORS = ("", "\n", "“", ".")
_ERRORS = (TemplateError, ValueError, TypeError, LookupError, AttributeError)  # of templates of any origin


@dataclass(frozen=True, slots=True)
class ChatFrame:
    """What a chat template puts around one question and its answer: token ids, and the one that ends the answer."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    stop: int


def chat_frame(tokenizer: Any, system_message: str = "") -> ChatFrame:
    """The frame of a finished turn in a tokenizer's chat template.

    `system_message` goes before the question; "": none, where the template can do without. Raises SurrogateError if
    there is no template, it fails or loses a message, it leaves thinking open where the answer begins, or nothing ends
    the answer.
    """
    template = _one_template(tokenizer)
    prompt, finished = _rendered(tokenizer, template, system_message)
    before, rest = finished.split(_QUESTION)
    if not system_message:
        before = _without_default_system(tokenizer, template, before)
    between, after = rest.split(_ANSWER)
    asked = prompt.partition(_QUESTION)[2]
    if asked.rstrip() == between.rstrip():
        between = asked
    for opening, closing in _THINKING:
        if between.rfind(opening) > between.rfind(closing):
            raise _unusable(tokenizer, f"opens {opening} and does not close it before the answer")
    ends = _markers(tokenizer)
    stop = next((token for token in encode(tokenizer, after) if token in ends), tokenizer.eos_token_id)
    if stop is None:
        raise SurrogateError(
            "The backbone's tokenizer has no token that ends a text.",
            location=_name(tokenizer),
            hint="Set its eos_token.",
        )
    return ChatFrame(tuple(_ids(tokenizer, before)), tuple(encode(tokenizer, between)), stop)


def encode(tokenizer: Any, text: str, *, literal: bool = False) -> list[int]:
    """Token ids of a piece of text as it continues another, nothing added: no special token, no leading blank.

    `literal`: what is written like a special token ("</s>" in a title) is text, and ends no answer.
    """
    if not text:
        return []
    anchor = _anchor(tokenizer)
    return _after(tokenizer, anchor, text, literal) if anchor else _ids(tokenizer, text, literal)


def _ids(tokenizer: Any, text: str, literal: bool = False) -> list[int]:
    how = {"add_special_tokens": False, "split_special_tokens": literal, "verbose": False}
    return tokenizer.encode(text, **how) if text else []


@lru_cache(maxsize=8)
def _anchor(tokenizer: Any) -> str:
    """The text to put before a piece, and to cut off again, so that its tokens begin with no blank; "": none.

    SentencePiece tokenizers begin each text with a blank, which would be inside every quotation mark.
    """
    for anchor in _ANCHORS:
        ids = [token for word in ("Quiet", "Harbor") for token in _after(tokenizer, anchor, word)]
        if tokenizer.decode(ids, clean_up_tokenization_spaces=False) == "QuietHarbor":
            return anchor
    return ""


def _after(tokenizer: Any, anchor: str, text: str, literal: bool = False) -> list[int]:
    head, ids = (_ids(tokenizer, part, literal) for part in (anchor, anchor + text))
    return ids[len(head) :] if ids[: len(head)] == head else _ids(tokenizer, text, literal)


def _one_template(tokenizer: Any) -> str:
    template: Any = tokenizer.chat_template
    if not template:
        raise SurrogateError(
            "The backbone's tokenizer has no chat template.",
            location=_name(tokenizer),
            hint="Use a chat (instruct) version of the model, or set `tokenizer.chat_template`.",
        )
    if isinstance(template, str):
        return template
    named: dict[str, str] = dict(template)
    if "default" not in named and len(named) > 1:
        raise _unusable(tokenizer, f"is one of several ({', '.join(sorted(named))}), none named default")
    return named.get("default") or next(iter(named.values()))


def _rendered(tokenizer: Any, template: str, own_system: str = "") -> tuple[str, str]:
    """A question with the opening of its answer, and the finished turn; in the first way that the template takes."""
    if "strftime_now" in template:  # the sandbox of transformers takes no functions
        written = "format" + "".join(f"|replace('%{one}', '{_DATE.strftime('%' + one)}')" for one in _DIRECTIVES)
        # `{{ '' }}`: a newline that follows a block would be taken away.
        template = f"{{% macro strftime_now(format) %}}{{{{ {written} }}}}{{% endmacro %}}{{{{ '' }}}}{template}"
    reasons: list[str] = []
    options: dict[str, Any] = {"chat_template": template, "tokenize": False, **WITHOUT_THINKING}
    for system, in_parts in product((own_system,) if own_system else ("", _SYSTEM), (False, True)):
        chat = _turns(system, in_parts=in_parts)
        try:
            prompt = tokenizer.apply_chat_template(chat[:-1], add_generation_prompt=True, **options)
            finished = tokenizer.apply_chat_template(chat, **options)
        except _ERRORS as error:
            reasons.append(f"fails: {first_line(error)}")
            continue
        question, answer = (finished.split(mark) for mark in (_QUESTION, _ANSWER))
        whole = len(question) == len(answer) == 2 and _ANSWER in question[1] and _QUESTION in prompt
        if whole and own_system.strip() in question[0]:
            return prompt, finished
        reasons.append("loses the system message" if whole else "loses the message, or writes it more than once")
    raise _refused(tokenizer, reasons[0]) if own_system else _unusable(tokenizer, reasons[0])


def _without_default_system(tokenizer: Any, template: str, before: str) -> str:
    """What is before a question, without a system turn that the template adds where it is given none.

    The turn is left out only if a message of one's own would take its place, nothing but markers and the role is around
    it, and a later question is framed as this one is without it: what a model saw in training then stays whole.
    """
    try:
        own = _rendered(tokenizer, template, _OWN_SYSTEM)[1].split(_QUESTION)[0]
    except SurrogateError:
        return before
    head, _, tail = own.partition(_OWN_SYSTEM)
    default, later = before.removeprefix(head).removesuffix(tail), _later_opening(tokenizer, template)
    if head + default + tail != before or not default.strip() or not (later and tail.endswith(later)):
        return before
    for marker in map(str, tokenizer.added_tokens_decoder.values()):
        head = head.replace(marker, "")
    if head.strip() not in ("", "system"):
        return before
    bos = tokenizer.bos_token or ""  # of some it is what opens every turn
    return bos + later if before.startswith(bos) and not later.startswith(bos) else later


def _later_opening(tokenizer: Any, template: str) -> str:
    """What opens a question that is not the first; "" if the template does not take two."""
    turns = _turns("", in_parts=False)
    try:
        first, both = (
            tokenizer.apply_chat_template(chat, chat_template=template, tokenize=False, **WITHOUT_THINKING)
            for chat in (turns, [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}, *turns])
        )
    except _ERRORS:
        return ""
    end = first.partition(_ANSWER)[2]
    return both.partition(_QUESTION)[0].rpartition(end)[2] if end else ""


def _turns(system: str, *, in_parts: bool) -> list[dict[str, Any]]:
    """A question and its answer; some templates want a system message, some the content in parts."""
    turns = [("system", system)] * bool(system) + [("user", _QUESTION), ("assistant", _ANSWER)]
    return [{"role": role, "content": [{"type": "text", "text": text}] if in_parts else text} for role, text in turns]


def _markers(tokenizer: Any) -> set[int]:
    """The tokens that are no words: those added to the vocabulary, but for runs of blanks."""
    added: dict[int, Any] = tokenizer.added_tokens_decoder
    return {token for token, content in added.items() if str(content).strip()}


def _unusable(tokenizer: Any, what: str) -> SurrogateError:
    return SurrogateError(
        f"The chat template of the backbone's tokenizer {what}.",
        location=_name(tokenizer),
        hint="Correct the template (chat_template.jinja beside the weights), or choose another backbone.",
    )


def _refused(tokenizer: Any, reason: str) -> SurrogateError:
    return SurrogateError(
        f"The chat template of the backbone's tokenizer takes no system message: it {reason}.",
        location=f"surrogate.pretrained.system_message, {_name(tokenizer)}",
        hint="Leave `system_message` out, or choose another backbone.",
    )


def _name(tokenizer: Any) -> str:
    return str(tokenizer.name_or_path or type(tokenizer).__name__)


def bos_prefix(tokenizer: Any) -> str:
    """The special tokens that a tokenizer puts before a text by itself, as text: "<bos>" of most base models, or ""."""
    text = "Question"
    whole: list[int] = tokenizer(text).input_ids
    own = _ids(tokenizer, text)
    start = next((at for at in range(len(whole)) if whole[at : at + len(own)] == own), 0)
    return "".join(tokenizer.convert_ids_to_tokens(whole[:start]))


def tokens_that_begin(word: str, texts: Sequence[str]) -> list[int]:
    """The tokens, of which these are the texts, that begin a word: with a part of it, all of it, or it and more."""
    return [
        token
        for token, text in enumerate(map(str.strip, texts))
        if text and (word.startswith(text) or (text.startswith(word) and not text[len(word)].isalpha()))
    ]
