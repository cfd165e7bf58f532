"""What a reasoning model writes before its answer, told from the answer by its marks.

Marks of DeepSeek, Qwen, Magistral, gpt-oss (Harmony), Gemma, Command, Granite, Kimi, Sky-T1, MedGemma, Apertus and of
prompts that ask for such tags. A text without marks is returned as it is.
"""

from __future__ import annotations

import re

WITHOUT_THINKING = {"enable_thinking": False, "thinking": False, "reasoning": False}
"""What switches thinking off in a chat template: each has its own name for it, and ignores those it does not know."""

_TAG = r"(?:\w+[:_])?(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|inner_monologue|analysis)"
_MARK = re.compile(
    rf"""
    (?P<open> <\s*{_TAG}(?:\s[^<>]*)?> | \[\s*THINK\s*\] | ◁think▷
        | <\|channel\|?>\s*(?:analysis|commentary|thought)\b[^<]*?(?:<\|message\|>|\n|(?=\S))
        | <\|(?:begin_of_thought|START_THINKING|inner_prefix|think)\|> | <unused94>(?:thought\b)?
        | \A\s*(?:assistant)?(?:analysis|commentary)(?=(?-i:[A-Z"“])) | \A\s*Here(?:'s|\ is)\ my\ thought\ process: )
    | (?P<close> <\s*/\s*{_TAG}\s*> | \[\s*/\s*THINK\s*\] | ◁/think▷ | <channel\|>
        | <\|channel\|>\s*final\b[^<]*<\|message\|> | <\|(?:end_of_thought|END_THINKING|inner_suffix)\|> | <unused95> )
    | (?P<change> assistant\s*final(?=\W|[A-Z0-9]) | Here(?:'s|\ is)\ my\ response: )
    | (?P<end> <\|start\|>(?:assistant)? | <\|(?:end|return|call|im_end|eot_id|endoftext|(?:START|END)_RESPONSE)\|>
        | <\|(?:begin|end)_of_solution\|> | </s> | <(?:end_of_turn|eos)> | <\|end_of_text\|> | <｜end▁of▁sentence｜> )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_WRAPPED = re.compile(r"\s*<(answer|response|output|final)>(.*?)</\1>\s*", re.DOTALL | re.IGNORECASE)
_NEXT_TURN = re.compile(r"<\|(?:im_start|start_header_id)\|>\s*user\b.*|<start_of_turn>user\b.*", re.DOTALL)
_OPENED = re.compile(rf"(?:<{_TAG}>|\[THINK\]|◁think▷)\s*\Z", re.IGNORECASE)


def split_thinking(text: str) -> tuple[str, bool]:
    """The answer without what was thought before it, and whether the text ends before thinking did.

    A closing mark without an opening one ends thinking that the prompt opened. An answer that stands whole in
    `<answer>` marks is taken out of them, and what follows as the next turn of the user is left out.
    """
    text = _NEXT_TURN.sub("", text)
    kept: list[str] = []
    start, inside = 0, False
    for mark in _MARK.finditer(text):
        if mark["change"] and not inside:
            continue
        if not inside:
            kept.append(text[start : mark.start()])
        if (mark["close"] and not inside) or mark["change"]:
            kept.clear()
        inside = bool(mark["open"])
        start = mark.end()
    if not inside:
        kept.append(text[start:])
    answer = "".join(kept).strip() if start else text
    wrapped = _WRAPPED.fullmatch(answer)
    return (wrapped[2].strip() if wrapped else answer), inside


def without_thinking(text: str) -> str:
    """The answer alone; "" where nothing but thinking came."""
    return split_thinking(text)[0]


def opened_thinking(prompt: str) -> str:
    """The mark at the end of a prompt with which a chat template begins the model's thinking; "" if there is none."""
    found = _OPENED.search(prompt[-40:])
    return found[0] if found else ""
