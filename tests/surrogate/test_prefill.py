from __future__ import annotations

from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from tests.surrogate.families import USABLE, VOCABULARY, tiny_model
from tests.surrogate.test_logits import quick_first

from recexplainer.surrogate import prefill
from recexplainer.surrogate.loading import generating_plainly
from recexplainer.surrogate.prefill import Prefill, PromptLayer


def model_and_prompts(family: str) -> tuple[Any, tuple[torch.Tensor, torch.Tensor], torch.Tensor, torch.Tensor]:
    """A tiny model, two prompts of different lengths, and both of them padded on the left with their mask."""
    torch.manual_seed(1)
    long, short = torch.randint(3, VOCABULARY, (7,)), torch.randint(3, VOCABULARY, (4,))
    ids = torch.stack([long, torch.cat([torch.zeros(3, dtype=torch.long), short])])
    return tiny_model(family), (long, short), ids, torch.tensor([[1] * 7, [0] * 3 + [1] * 4])


@pytest.fixture(params=["together", "in parts"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a processor reads prompts: together, or in parts that the cache is put together from."""
    if request.param == "in parts":
        monkeypatch.setattr(prefill, "_READ_TOGETHER", 8)


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize("family", quick_first(USABLE))
def test_continuations_are_those_of_each_prompt_alone(family: str) -> None:
    """Of two prompts, the shorter padded on the left, two continuations each, of which some are left out on the way."""
    model, (long, short), ids, mask = model_and_prompts(family)
    table = model.get_input_embeddings()
    ends = [[5, 11, 20], [6, 12], [7, 13, 22], [8]]

    def alone(row: int, written: list[int]) -> torch.Tensor:
        whole = torch.cat([(long, short)[row], torch.tensor(written, dtype=torch.long)])
        return model(inputs_embeds=table(whole[None]), use_cache=False).logits[0, -1]

    with torch.inference_mode():
        read = Prefill(model, table(ids), mask, [6, 13, 11])
        for at, row in enumerate((0, 1)):
            assert_allclose(read.logits[at], alone(row, []).numpy(), atol=2e-3)
        read.continued(2)
        first = read.step([end[0] for end in ends])
        for at, logits in enumerate(first):
            assert_allclose(logits, alone(at // 2, ends[at][:1]).numpy(), atol=2e-3)
        read.keep([0, 1, 2])
        read.step([11, 12, 13])
        read.keep([0, 2])
        for at, logits in zip((0, 2), read.step([20, 22]), strict=True):
            assert_allclose(logits, alone(at // 2, ends[at]).numpy(), atol=2e-3)


@pytest.mark.parametrize("family", quick_first(USABLE))
def test_beams_that_share_a_read_prompt_are_those_of_beams_that_each_read_it(family: str) -> None:
    model, _, ids, mask = model_and_prompts(family)
    embeddings = generating_plainly(model).get_input_embeddings()(ids)
    how = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    with torch.inference_mode():
        each = model.generate(inputs_embeds=embeddings, attention_mask=mask, **how)
        read = Prefill(model, embeddings[:, :-1], mask[:, :-1], [])
        read.continued(3)
        shared = model.generate(inputs_embeds=embeddings, attention_mask=mask, past_key_values=read.cache, **how)
    assert torch.equal(shared, each)


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize("family", quick_first(USABLE))
def test_answers_of_different_lengths_are_as_likely_as_each_after_its_prompt_alone(family: str) -> None:
    model, (long, short), ids, mask = model_and_prompts(family)
    table = model.get_input_embeddings()
    owners, answers = [0, 1, 1], [[5, 11, 20, 9], [6], [7, 13]]

    def alone(row: int, answer: list[int]) -> float:
        whole = torch.cat([(long, short)[row], torch.tensor(answer)])
        logits = model(inputs_embeds=table(whole[None]), use_cache=False).logits[0, -len(answer) : -1]
        return float(logits.double().log_softmax(-1)[range(len(answer) - 1), answer[1:]].sum())

    with torch.inference_mode():
        read = Prefill(model, table(ids), mask, [6, 13])
        read.keep(owners)
        found = read.log_likelihoods(answers)
        assert_allclose(found, [alone(row, one) for row, one in zip(owners, answers, strict=True)], atol=5e-3)


def test_what_beams_share_of_a_prompt_is_not_copied_when_they_change_places() -> None:
    """Only rows of other prompts, or more tokens than there is room for, move what was read."""
    model, _, ids, mask = model_and_prompts("llama")
    with torch.inference_mode():
        read = Prefill(model, model.get_input_embeddings()(ids), mask, [])
        read.continued(2)
        read.step([5, 6, 7, 8])
        layer = read.cache.layers[0]
        assert isinstance(layer, PromptLayer)
        assert layer.keys is not None
        place, before = layer.keys.data_ptr(), layer.keys.clone()
        read.keep([1, 0, 3, 3])
        assert layer.keys.data_ptr() == place
        assert torch.equal(layer.keys, before[[1, 0, 3, 3]])
        for token in range(3, 70):
            read.step([token] * 4)
        assert torch.equal(layer.keys[:, :, :8], before[[1, 0, 3, 3]])
        read.keep([2, 0])
        assert torch.equal(layer.keys[:, :, :8], before[[3, 1]])


def test_prompts_are_read_in_parts_that_hold_few_tokens_with_their_padding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each prompt stands in one part, and positions may be asked for in any order."""
    monkeypatch.setattr(prefill, "_READ_TOGETHER", 12)
    model, lengths = tiny_model("llama"), [9, 6, 5, 3, 3, 2]
    mask = torch.tensor([[0] * (9 - length) + [1] * length for length in lengths])
    ids = torch.randint(3, VOCABULARY, mask.shape)
    sizes: list[tuple[int, int]] = []

    def note(_: Any, __: Any, given: dict[str, Any]) -> None:
        sizes.append(tuple(given["inputs_embeds"].shape[:2]))

    watched = model.register_forward_pre_hook(note, with_kwargs=True)
    positions = [53, 8, 44, 26, 25, 35]
    with torch.inference_mode():
        read = Prefill(model, model.get_input_embeddings()(ids), mask, positions)
    watched.remove()
    assert sizes == [(1, 9), (2, 6), (3, 3)]
    for at, logits in zip(positions, read.logits, strict=True):
        row, end = at // 9, at % 9 + 1
        alone = model(input_ids=ids[row : row + 1, 9 - lengths[row] : end], use_cache=False).logits[0, -1]
        assert_allclose(logits, alone.detach().numpy(), atol=2e-3)
    assert [layer.get_seq_length() for layer in read.cache.layers] == [9] * len(read.cache.layers)
