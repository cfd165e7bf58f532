from __future__ import annotations

from typing import Any

import pytest
from tests.tiny import world
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.backbone import learn_tokenizer
from recexplainer.surrogate.frame import bos_prefix, chat_frame, encode

TEXTS = ["Quiet Harbor; Copper Sky", "Will the user like “Quiet Harbor”? Yes", "Copper Sky 2\nQuiet Harbor"] * 30
TURNS = "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}<|end|>{% endfor %}"
OPENING = "{% if add_generation_prompt %}[assistant]{% endif %}"
THINKING = (
    "{% for m in messages %}[{{ m['role'] }}]{% if m['role'] == 'assistant' %}THOUGHT{% endif %}{{ m['content'] }}"
    "<|end|>{% endfor %}{% if add_generation_prompt %}[assistant]PROMPT{% endif %}"
)
SILENT = "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
PARTS = "{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}{% endif %}{% endfor %}"


def tokenizer(template: Any) -> Any:
    learned = learn_tokenizer(TEXTS, 500, 256)
    learned.chat_template = template
    return learned


def frame_text(template: Any) -> tuple[str, str, str]:
    one = tokenizer(template)
    frame = chat_frame(one)
    return one.decode(frame.before), one.decode(frame.between), one.convert_ids_to_tokens(frame.stop)


@pytest.mark.parametrize(
    ("template", "before", "between"),
    [
        (TURNS + OPENING, "[user]", "<|end|>[assistant]"),
        (TURNS, "[user]", "<|end|>[assistant]"),
        ({"default": TURNS + OPENING, "tool_use": "tools"}, "[user]", "<|end|>[assistant]"),
        ({"rag": TURNS + OPENING}, "[user]", "<|end|>[assistant]"),
        (TURNS.replace("m['content']", "m['content'] | trim") + OPENING, "[user]", "<|end|>[assistant]"),
        (TURNS.replace("{{ m['content'] }}", PARTS) + OPENING, "[user]", "<|end|>[assistant]"),
        ("{% if tools %}TOOLS{% endif %}" + TURNS + OPENING, "[user]", "<|end|>[assistant]"),
        (
            "{% if messages[0]['role'] != 'system' %}{{ raise_exception('system first') }}{% endif %}" + TURNS,
            "[system]You are a helpful assistant.<|end|>[user]",
            "<|end|>[assistant]",
        ),
        (
            "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TURNS,
            "[user]",
            "<|end|>[assistant]",
        ),
    ],
)
def test_the_frame_of_many_templates(template: Any, before: str, between: str) -> None:
    assert frame_text(template) == (before, between, "<|end|>")


@pytest.mark.parametrize(
    ("prompt", "thought", "between"),
    [
        (SILENT, "<think></think>", "<think></think>"),  # switched off
        ("<think>", "<think></think>", "<think></think>"),  # always on: the finished turn closes it
        ("<think>", "", ""),  # the finished turn leaves it out
        ("", "<think></think>", "<think></think>"),
        (SILENT, "<think></think>\n", "<think></think>"),
        ("", "<channel>final<message>", "<channel>final<message>"),
    ],
)
def test_an_answer_is_not_learned_inside_an_open_thought(prompt: str, thought: str, between: str) -> None:
    template = THINKING.replace("PROMPT", prompt).replace("THOUGHT", thought)
    assert frame_text(template)[1] == f"<|end|>[assistant]{between}"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (THINKING.replace("PROMPT", "<think>").replace("THOUGHT", "<think>"), "opens <think> and does not close it"),
        ({"rag": TURNS, "tool_use": TURNS}, r"several \(rag, tool_use\), none named default"),
        ("{{ messages", "fails: unexpected"),
        ("{{ nothing.there }}", "fails: 'nothing' is undefined"),
        ("{{ raise_exception('not today') }}", "fails: not today"),
        (TURNS.replace("m['content']", "m['content'] | lower"), "loses the message"),
        (TURNS + TURNS, "more than once"),
        ("{{ messages[-1]['content'].strip() }}", "loses the message"),  # in parts it fails, too
    ],
)
def test_a_template_that_cannot_be_used_is_one_line(template: Any, problem: str) -> None:
    with pytest.raises(SurrogateError, match=problem) as caught:
        chat_frame(tokenizer(template))
    assert "\n" not in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize(
    ("written", "date"),
    [("%Y-%m-%d", "2024-07-26"), ("%d %b %Y", "26 Jul 2024"), ("%A, %-d %B", "Friday, 26 July"), ("%H:%M", "12:00")],
)
def test_a_template_that_writes_the_date_writes_always_the_same(written: str, date: str) -> None:
    clock = f"{{% if strftime_now is defined %}}{{{{ strftime_now('{written}') }}}}{{% endif %}}"
    assert frame_text(clock + TURNS)[0] == f"{date}[user]"


def test_an_answer_ends_with_a_marker_or_the_end_of_text() -> None:
    assert frame_text(TURNS.replace("<|end|>", "\n<|assistant|>\n"))[2] == "<|assistant|>"
    assert frame_text(TURNS.replace("<|end|>", "\nover.\n"))[2] == "<|end|>", "words end nothing"


def sentence_piece(kind: str) -> Any:
    """A tokenizer that begins each text with a blank: as Llama 2, as newer ones, or as a byte-level one."""
    byte_level = kind == "byte-level"
    one = Tokenizer(models.BPE() if byte_level else models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    strip = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    one.decoder = decoders.ByteLevel() if byte_level else decoders.Sequence(strip)
    if byte_level:
        one.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    elif kind == "llama-2":
        one.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        one.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=kind, split=False)
    letters = pre_tokenizers.ByteLevel.alphabet() if byte_level else []
    special = ["<unk>", "<s>", "</s>", *(f"<0x{number:02X}>" for number in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=letters, show_progress=False)
    one.train_from_iterator([*world().titles, *TEXTS], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=one, bos_token="<s>", eos_token="</s>")


@pytest.mark.parametrize("kind", ["llama-2", "first", "always", "never", "byte-level"])
def test_no_blank_is_added_to_a_title(kind: str) -> None:
    one = sentence_piece(kind)
    pieces = ["“", world().titles[0], "”; “", world().titles[1], "”.\n"]
    ids = [token for piece in pieces for token in encode(one, piece)]
    assert one.decode(ids, clean_up_tokenization_spaces=False).strip() == "".join(pieces).strip()


@pytest.mark.parametrize("kind", ["llama-2", "never", "byte-level"])
def test_a_title_ends_no_answer(kind: str) -> None:
    one = sentence_piece(kind)
    ids = encode(one, "Quiet</s>Harbor", literal=True)
    assert one.eos_token_id not in ids
    assert one.decode(ids, clean_up_tokenization_spaces=False).strip() == "Quiet</s>Harbor"
    assert one.eos_token_id in encode(one, "Quiet</s>")


def test_what_a_tokenizer_puts_before_a_text_by_itself() -> None:
    from tokenizers.processors import TemplateProcessing

    one = sentence_piece("never")
    assert bos_prefix(one) == ""
    one.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", one.bos_token_id), ("</s>", one.eos_token_id)]
    )
    assert bos_prefix(one) == "<s>"


DEFAULT = (
    "{% if messages[0]['role'] != 'system' %}<|user|>system\nYou are a helpful machine named Tiny.<|end|>\n{% endif %}"
    "{% for m in messages %}{{ '<|user|>' + m['role'] + '\n' + m['content'] + '<|end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|user|>assistant\n' }}{% endif %}"
)


def test_a_default_system_message_of_the_template_is_left_out() -> None:
    one = tokenizer(DEFAULT)
    one.bos_token = "<|user|>"  # as SmolLM2 has it
    frame = chat_frame(one)
    assert one.decode(frame.before) == "<|user|>user\n"
    assert one.decode(frame.between) == "<|end|>\n<|user|>assistant\n"


def test_a_bos_before_a_default_system_message_stays() -> None:
    opening = DEFAULT.replace("{% if messages[0]", "<|pad|>{% if messages[0]", 1)
    one = tokenizer(opening)
    one.bos_token = "<|pad|>"
    assert one.decode(chat_frame(one).before) == "<|pad|><|user|>user\n"


def test_a_system_message_of_ones_own_takes_its_place() -> None:
    one = tokenizer(DEFAULT)
    frame = chat_frame(one, "Answer as the recommender does.")
    assert one.decode(frame.before) == "<|user|>system\nAnswer as the recommender does.<|end|>\n<|user|>user\n"


MORE = (
    "<|user|>system\nKnown until 2024.\n"
    "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}{% else %}You are named Tiny.{% endif %}"
    "<|end|>\n{% for m in messages if m['role'] != 'system' %}{{ '<|user|>' + m['role'] + '\n' + m['content'] }}"
    "{{ '<|end|>' + '\n' }}{% endfor %}"
)


@pytest.mark.parametrize("template", [MORE, DEFAULT.replace("messages[0]['role'] != 'system'", "true")])
def test_a_system_turn_that_is_more_than_a_default_stays(template: str) -> None:
    one = tokenizer(template)
    assert "named Tiny" in one.decode(chat_frame(one).before)


@pytest.mark.parametrize(
    "template",
    [
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + TURNS,
        TURNS.replace("{% for m in messages %}", "{% for m in messages if m['role'] != 'system' %}"),
    ],
)
def test_a_template_without_system_messages_takes_none(template: str) -> None:
    with pytest.raises(SurrogateError, match="takes no system message") as caught:
        chat_frame(tokenizer(template), "Answer as the recommender does.")
    assert "surrogate.pretrained.system_message" in caught.value.location
