from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from tests.surrogate.families import IMAGES, QUICK, REFUSED, USABLE, VOCABULARY, tiny_model

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.loading import generating_plainly
from recexplainer.surrogate.logits import logits_at, verify_backbone

PROBLEMS = ("its logits are others", "inputs_embeds", "different lengths", "its logits are others", "it fails")


def quick_first(families: tuple[str, ...]) -> list[Any]:
    """The families, all but a few marked as slow."""
    return [family if family in QUICK else pytest.param(family, marks=pytest.mark.slow) for family in families]


@pytest.mark.parametrize("family", quick_first(USABLE))
def test_logits_are_those_of_the_whole_model(family: str) -> None:
    """Also after a vector in a place and in a batch that is padded: `verify_backbone` refuses what differs."""
    backbone = generating_plainly(tiny_model(family))
    verify_backbone(backbone, family)
    ids = torch.randint(5, VOCABULARY, (3, 12))
    positions = torch.tensor([0, 3, 11, 12, 30, 35])
    with torch.inference_mode():
        whole = backbone(input_ids=ids).logits.flatten(0, 1)[positions]
        embedded = backbone.get_input_embeddings()(ids)
        torch.testing.assert_close(logits_at(backbone, embedded, positions), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", quick_first(USABLE))
def test_a_padded_sample_has_the_logits_that_it_has_alone(family: str) -> None:
    """Longer than the sliding window of those that have one."""
    backbone = tiny_model(family)
    ids = torch.randint(5, VOCABULARY, (1, 9))
    padded = torch.zeros(2, 14, dtype=torch.long)
    padded[0], padded[1, :9] = torch.randint(5, VOCABULARY, (14,)), ids
    with torch.inference_mode():
        batch = backbone.get_input_embeddings()(padded)
        found = logits_at(backbone, batch, torch.arange(14, 23))
        torch.testing.assert_close(found, backbone(input_ids=ids).logits[0], atol=1e-5, rtol=1e-5)


def test_the_output_layer_sees_the_chosen_states_alone() -> None:
    backbone = tiny_model("granite")
    seen: list[tuple[int, ...]] = []

    def note(_: Any, __: Any, output: torch.Tensor) -> None:
        seen.append(tuple(output.shape))

    backbone.lm_head.register_forward_hook(note)
    logits_at(backbone, torch.randn(4, 10, 32), torch.tensor([3, 39]))
    assert seen == [(1, 2, VOCABULARY)]


def test_two_threads_do_not_disturb_each_other() -> None:
    backbone = tiny_model("llama")
    batches = [torch.randn(1, 4 + number, 32) for number in range(16)]
    positions = torch.tensor([1, 3])

    def ask(embedded: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return logits_at(backbone, embedded, positions)

    with ThreadPoolExecutor(4) as pool:
        for found, embedded in zip(pool.map(ask, batches), batches, strict=True):
            torch.testing.assert_close(found, ask(embedded))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "problem"),
    list(zip(REFUSED, PROBLEMS, strict=True)),
)
def test_what_takes_no_vectors_is_refused_in_one_line(family: str, problem: str) -> None:
    with pytest.raises(SurrogateError, match=f"cannot be a backbone: .*{problem}") as caught:
        verify_backbone(tiny_model(family), "somewhere")
    assert "\n" not in caught.value.what
    assert "somewhere" in caught.value.location


def test_weights_that_are_no_numbers_are_refused() -> None:
    backbone = tiny_model("llama")
    torch.nn.init.constant_(backbone.model.norm.weight, float("nan"))
    with pytest.raises(SurrogateError, match="logits are not finite") as caught:
        verify_backbone(backbone, "")
    assert "dtype" in caught.value.hint


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_no_reason_to_refuse(dtype: torch.dtype) -> None:
    verify_backbone(tiny_model("granite").to(dtype), "")


def test_the_check_leaves_the_mode_as_it_was() -> None:
    backbone = tiny_model("llama").train()
    verify_backbone(backbone, "")
    assert backbone.training


@pytest.mark.slow
@pytest.mark.parametrize("family", IMAGES)
def test_generation_reads_no_settings_that_come_with_a_model(family: str) -> None:
    backbone = tiny_model(family)
    backbone.generation_config.repetition_penalty = 1.5
    assert generating_plainly(backbone).generation_config.repetition_penalty in (None, 1.0)
