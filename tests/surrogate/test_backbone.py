from __future__ import annotations

import pytest
import torch
from tests.tiny import NANO, fresh, world

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.backbone import build_nano, learn_tokenizer
from recexplainer.surrogate.frame import chat_frame, encode

TEXTS = ["Quiet Harbor; Copper Sky", "Will the user like “Quiet Harbor”? Yes", "Copper Sky 2\nQuiet Harbor"] * 30


def test_text_comes_back_as_it_was() -> None:
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    for text in (*TEXTS[:3], "ümlaut 游戏 “x”; y\n  spaces ", "never seen: @#~"):
        assert tokenizer.decode(encode(tokenizer, text)) == text


def test_a_title_is_the_same_tokens_wherever_it_stands() -> None:
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    title = encode(tokenizer, "Quiet Harbor")
    assert encode(tokenizer, "Quiet Harbor; Copper Sky")[: len(title)] == title
    assert encode(tokenizer, "Copper Sky; Quiet Harbor")[-len(title) :] == title
    quoted = encode(tokenizer, "“Quiet Harbor”")
    assert quoted == [*encode(tokenizer, "“"), *title, *encode(tokenizer, "”")]


def test_a_frequent_title_is_few_tokens() -> None:
    tokenizer = fresh("behavior").tokenizer
    lengths = [len(encode(tokenizer, title)) for title in world().titles]
    assert sum(lengths) / len(lengths) < 6


def test_nothing_is_encoded_as_nothing() -> None:
    assert encode(learn_tokenizer(TEXTS, 500, 256), "") == []


def test_the_vocabulary_keeps_to_its_size_and_holds_every_byte() -> None:
    tokenizer = learn_tokenizer(TEXTS, 400, 256)
    assert 260 <= len(tokenizer) <= 400
    assert tokenizer.model_max_length == 256


def test_text_never_becomes_an_end_of_answer() -> None:
    """Words that a reader types are words, or else they could end the question."""
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    assert tokenizer.eos_token_id not in encode(tokenizer, "Quiet Harbor")


def test_the_frame_of_nano() -> None:
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    frame = chat_frame(tokenizer)
    assert tokenizer.convert_ids_to_tokens(list(frame.before)) == ["<|user|>"]
    assert tokenizer.convert_ids_to_tokens(list(frame.between)) == ["<|assistant|>"]
    assert frame.stop == tokenizer.eos_token_id


def test_attention_starts_with_equal_queries_and_keys_and_passes_values_on() -> None:
    backbone, _ = build_nano(TEXTS, NANO, seed=0)
    states = torch.randn(50, NANO.hidden_size)
    for layer in backbone.model.layers:
        attention = layer.self_attn
        alike = attention.q_proj(states) @ attention.k_proj(states).T
        assert (alike.argmax(1) == torch.arange(50)).float().mean() > 0.9
        values, sign = attention.v_proj(states), torch.ones(NANO.hidden_size)
        if layer is backbone.model.layers[-1]:
            sign[-attention.head_dim :] = -1  # the last head suppresses what it sees
        torch.testing.assert_close(attention.o_proj(values * sign), 0.5 * states, atol=1e-4, rtol=1e-3)


def test_question_frame_and_answer_are_the_chat_template() -> None:
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    frame = chat_frame(tokenizer)
    built = [*frame.before, *encode(tokenizer, "Quiet Harbor?"), *frame.between, *encode(tokenizer, "Yes"), frame.stop]
    chat = [{"role": "user", "content": "Quiet Harbor?"}, {"role": "assistant", "content": "Yes"}]
    assert built == encode(tokenizer, str(tokenizer.apply_chat_template(chat, tokenize=False)))


def test_the_frame_of_another_template() -> None:
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    tokenizer.chat_template = (
        "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{{ eos_token }}\n{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    frame = chat_frame(tokenizer)
    assert tokenizer.decode(list(frame.before)) == "[user] "
    assert tokenizer.decode(list(frame.between)) == "<|end|>\n[assistant] "
    assert frame.stop == tokenizer.eos_token_id


def test_without_a_chat_template_there_is_an_error() -> None:
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    tokenizer.chat_template = None
    with pytest.raises(SurrogateError, match="no chat template") as caught:
        chat_frame(tokenizer)
    assert "chat (instruct)" in caught.value.hint


def test_a_template_that_loses_the_message_is_an_error() -> None:
    tokenizer = learn_tokenizer(TEXTS, 500, 256)
    tokenizer.chat_template = "{% for m in messages %}hello{% endfor %}"
    with pytest.raises(SurrogateError, match="loses the message"):
        chat_frame(tokenizer)


def test_the_seed_draws_the_weights() -> None:
    one, other, third = (build_nano(TEXTS, NANO, seed)[0].state_dict() for seed in (4, 4, 5))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any(not torch.equal(one[name], third[name]) for name in one)


def test_nano_has_the_shape_of_its_settings() -> None:
    model, tokenizer = build_nano(TEXTS, NANO, 0)
    assert (model.config.hidden_size, model.config.num_hidden_layers) == (32, 2)
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    assert model.config.max_position_embeddings == NANO.max_length
