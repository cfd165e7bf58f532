from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.contracts.chat_model import ChatModelContract
from tests.tiny import fresh
from transformers import AutoModelForCausalLM

from recexplainer.chat.local import LocalChat
from recexplainer.chat.model import ChatModel, Conversation, Message
from recexplainer.errors import ChatError

REFUSING = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system message') }}{% endif %}"


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two layers with new weights, its tokenizer and chat template."""
    return save(request.param, tmp_path_factory.mktemp(request.param) / f"tiny-{request.param}")


def save(architecture: str, path: Path) -> Path:
    """A quarter of its tokens end an answer, or it would write without an end; it answers the first question."""
    surrogate = fresh("intention", architecture)
    backbone = deepcopy(surrogate.backbone)  # the surrogate is shared between tests
    surrogate.tokenizer.save_pretrained(path)
    backbone.generation_config.eos_token_id = list(range(0, len(surrogate.tokenizer), 4))
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        for weight in backbone.parameters():
            if weight.ndim > 1:
                weight.data.normal_(0, 0.2, generator=generator)
        backbone.save_pretrained(path)
        if greedy_by_hand(path, conversations()[0], 12):
            return path
    raise AssertionError("new weights answer nothing")


def conversations() -> list[Conversation]:
    texts = ["Alpine Open", "Would the recommender suggest “Iron Petals”, and why?", "a " * 40, "b"]
    return [(Message("system", "Be brief."), Message("user", text)) for text in texts]


def greedy_by_hand(path: Path, conversation: Conversation, longest: int) -> str | None:
    """One conversation, token by token, without padding, cache or `generate`; None where it does not end."""
    tokenizer: Any = fresh("intention").tokenizer
    model: Any = AutoModelForCausalLM.from_pretrained(path).eval()
    turns = [{"role": message.role, "content": message.content} for message in conversation]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    answer: list[int] = []
    while len(answer) < longest:
        with torch.inference_mode():
            token = int(model(input_ids=torch.tensor([[*ids, *answer]])).logits[0, -1].argmax())
        if token in (tokenizer.eos_token_id, *model.generation_config.eos_token_id):
            return tokenizer.decode(answer, skip_special_tokens=True).strip() or None
        answer.append(token)
    return None


class TestLocalChat(ChatModelContract):
    @pytest.fixture
    def chat_model(self, folder: Path) -> ChatModel:
        return LocalChat(folder, max_tokens=12, batch_size=3)


@pytest.mark.parametrize("batch", [1, 3])
def test_answers_are_greedy_in_order_and_the_same_in_any_batch(folder: Path, batch: int) -> None:
    model: ChatModel = LocalChat(folder, max_tokens=12, batch_size=batch)
    assert model.name == folder.name
    answers = model.answer(conversations())
    assert answers == [greedy_by_hand(folder, one, 12) for one in conversations()]
    assert len(set(answers)) > 1


def test_sampling_settings_of_the_model_do_not_count(folder: Path, tmp_path: Path) -> None:
    sampled: Any = AutoModelForCausalLM.from_pretrained(folder)
    sampled.generation_config.update(do_sample=True, temperature=5.0, repetition_penalty=3.0, max_length=5)
    sampled.save_pretrained(tmp_path)
    fresh("intention").tokenizer.save_pretrained(tmp_path)
    expected = LocalChat(folder, max_tokens=12).answer(conversations())
    assert LocalChat(tmp_path, max_tokens=12).answer(conversations()) == expected


def test_an_answer_ends_where_the_model_ends_it(folder: Path, tmp_path: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    turns = [{"role": message.role, "content": message.content} for message in conversations()[0]]
    prompt = fresh("intention").tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    with torch.inference_mode():
        first = int(model(input_ids=torch.tensor([prompt])).logits[0, -1].argmax())
    model.generation_config.eos_token_id = [first]
    model.save_pretrained(tmp_path)
    fresh("intention").tokenizer.save_pretrained(tmp_path)
    assert LocalChat(tmp_path, max_tokens=12).answer(conversations()[:1]) == [None]


def test_a_conversation_that_is_too_long(folder: Path) -> None:
    with pytest.raises(ChatError, match=r"exceed the model's 1,024") as caught:
        LocalChat(folder, max_tokens=12).answer([(Message("user", "Alpine Open, " * 900),)])
    assert caught.value.hint


@pytest.mark.parametrize("limits", [{"max_tokens": 0}, {"batch_size": 0}])
def test_limits(folder: Path, limits: dict[str, int]) -> None:
    with pytest.raises(ChatError, match="are impossible"):
        LocalChat(folder, **limits)


def test_no_model_there(tmp_path: Path) -> None:
    with pytest.raises(ChatError, match="tokenizer cannot be loaded") as caught:
        LocalChat(tmp_path)
    assert caught.value.location == str(tmp_path)
    fresh("intention").tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ChatError, match="model cannot be loaded"):
        LocalChat(tmp_path)


def test_weights_that_are_not_whole(tmp_path: Path) -> None:
    path = save("llama", tmp_path / "tiny")
    weights = load_file(path / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ChatError, match=r"1 are missing, model\.norm\.weight"):
        LocalChat(path)


def test_a_model_without_a_chat_template(tmp_path: Path) -> None:
    path = save("llama", tmp_path / "tiny")
    (path / "chat_template.jinja").unlink()
    with pytest.raises(ChatError, match="no chat template"):
        LocalChat(path)


def test_a_template_that_does_not_take_it(tmp_path: Path) -> None:
    path = save("llama", tmp_path / "tiny")
    (path / "chat_template.jinja").write_text(REFUSING)
    with pytest.raises(ChatError, match="no system message"):
        LocalChat(path).answer(conversations())


@pytest.mark.parametrize(("opening", "answered"), [("", True), ("<think>\n", False)])
def test_what_is_written_inside_thinking_that_the_template_opens_is_no_answer(
    opening: str, answered: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save("gpt2", tmp_path / "tiny")
    template = (path / "chat_template.jinja").read_text()
    (path / "chat_template.jinja").write_text(template + opening)
    (answer,) = LocalChat(path, max_tokens=40).answer(conversations()[:1])
    assert (answer is not None) is answered
    assert ("unscored: 1 cut off" in caplog.text) is not answered


def test_thinking_is_switched_off_where_the_template_can(tmp_path: Path) -> None:
    path = save("gpt2", tmp_path / "tiny")
    refusing = "{% if enable_thinking is not false %}{{ raise_exception('it would think') }}{% endif %}"
    template = (path / "chat_template.jinja").read_text()
    (path / "chat_template.jinja").write_text(refusing + template)
    assert LocalChat(path, max_tokens=40).answer(conversations()[:1]) != [None]


def test_an_answer_that_is_cut_off_is_none_and_counted(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert LocalChat(folder, max_tokens=1).answer(conversations()[:1]) == [None]
    assert "answered 0 of 1 requests; unscored: 1 cut off" in caplog.text
