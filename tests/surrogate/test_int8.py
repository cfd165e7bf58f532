"""Products of 8-bit integers in the training of LoRA: close to those of float32, and gone when the training is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from tests.surrogate.families import tiny_model
from tests.tiny import SETTINGS, alignment, fresh
from torch import nn

import recexplainer.surrogate.precision as precision_module
import recexplainer.surrogate.training as training_module
from recexplainer.errors import SurrogateError
from recexplainer.surrogate.int8 import Int8Product, products_in_int8, quantised
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.pretrained import load_pretrained
from recexplainer.surrogate.settings import PretrainedSettings, SurrogateSettings
from recexplainer.surrogate.training import encode_examples, new_surrogate, train_surrogate

LORA = PretrainedSettings(rank=4, alpha=8, dropout=0.0)


def saved(family: str, folder: Path) -> str:
    torch.manual_seed(0)
    tokenizer = fresh("intention").tokenizer
    tiny_model(family, tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def with_random_lora(backbone: Any) -> Any:
    """LoRA starts as nothing; here it says something."""
    for name, weight in backbone.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(weight, std=0.1)
    return backbone


def relative(found: torch.Tensor, exact: torch.Tensor) -> float:
    return float((found.detach() - exact).norm() / exact.norm())


def test_the_product_and_its_gradient_are_close_to_exact_ones() -> None:
    torch.manual_seed(0)
    weight = torch.randn(48, 96) * torch.rand(48, 1)  # rows of very different sizes
    states = (torch.randn(3, 7, 96) * torch.logspace(-3, 3, 7)[:, None]).requires_grad_()
    gradient = torch.randn(3, 7, 48)
    found = Int8Product.apply(states, *quantised(weight))
    (found_gradient,) = torch.autograd.grad(found, states, gradient)
    for row in range(7):  # each on its own: a large row hides no error of a small one
        assert relative(found[:, row], (states @ weight.T)[:, row]) < 0.02
        assert relative(found_gradient[:, row], (gradient @ weight)[:, row]) < 0.02


def test_rows_of_zeros_and_what_is_not_a_number_stay_so() -> None:
    weight = quantised(torch.randn(8, 16))
    states = torch.zeros(3, 16)
    states[1, 2], states[2, 3] = torch.nan, torch.inf
    found = Int8Product.apply(states, *weight)
    assert (found[0] == 0).all()
    assert not torch.isfinite(found[1:]).any(), "a broken state must not become a number"


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("family", ["llama", "qwen2", "opt", "gemma2"])
def test_a_backbone_says_nearly_the_same_and_afterwards_exactly(family: str, dropout: float, tmp_path: Path) -> None:
    settings = LORA.model_copy(update={"dropout": dropout})
    backbone, _ = load_pretrained(saved(family, tmp_path), settings, seed=0)
    with_random_lora(backbone).train()
    ids = torch.arange(60).view(4, 15)

    def logits() -> torch.Tensor:
        torch.manual_seed(1)
        return backbone(input_ids=ids).logits.detach()

    exact = near = logits()
    names = set(backbone.state_dict())
    with pytest.raises(KeyboardInterrupt), products_in_int8(backbone) as layers:
        assert layers >= 8
        near = logits()
        assert set(backbone.state_dict()) == names
        raise KeyboardInterrupt
    assert not torch.equal(near, exact)
    assert relative(near, exact) < 0.1
    assert torch.equal(logits(), exact)


def test_layers_that_it_does_not_know_stay_as_they_are(tmp_path: Path) -> None:
    for family in ("gpt2", "falcon"):  # Conv1D, and a linear layer of its own
        backbone, _ = load_pretrained(saved(family, tmp_path / family), LORA, seed=0)
        with products_in_int8(backbone) as layers:
            assert layers == 0
    with products_in_int8(fresh("behavior").backbone) as layers:  # without LoRA
        assert layers == 0


def test_a_surrogate_learns_so_and_is_saved_as_any(tmp_path: Path) -> None:
    given = SETTINGS.model_copy(
        update={
            "backbone": saved("llama", tmp_path / "base"),
            "pretrained": LORA,
            "epochs": {"intention": 4.0},
            "learning_rate": 1e-2,
        }
    )
    losses: dict[str, float] = {}
    for precision in ("float32", "int8"):
        settings = given.model_copy(update={"precision": precision})
        before = new_surrogate("intention", alignment(), settings).eval()
        folder = tmp_path / precision
        after = train_surrogate("intention", alignment(), settings, folder, tmp_path / f"w-{precision}")
        data = encode_examples(after, alignment(), settings)
        batch = data.collate(data.encoded[:120])
        with torch.inference_mode():
            losses[precision] = float(after(**batch)["loss"])
            assert losses[precision] < 0.95 * float(before(**batch)["loss"])
            assert float(Surrogate.from_pretrained(folder)(**batch)["loss"]) == losses[precision]
    assert losses["int8"] != losses["float32"]
    assert losses["int8"] == pytest.approx(losses["float32"], rel=0.1)


@pytest.mark.parametrize(("fast", "expected"), [(True, ["int8"]), (False, [])])
def test_auto_takes_it_where_it_is_fast(
    fast: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(precision_module, "has_fast_int8", lambda: fast)
    monkeypatch.setattr(precision_module, "has_fast_bfloat16", lambda: False)
    used: list[str] = []

    def noted(backbone: Any) -> Any:
        used.append("int8")
        return products_in_int8(backbone)

    monkeypatch.setattr(training_module, "products_in_int8", noted)
    base = saved("llama", tmp_path / "base")
    nano = SETTINGS.model_copy(update={"precision": "auto", "epochs": {"behavior": 0.1}})
    given = nano.model_copy(update={"backbone": base, "pretrained": LORA})
    train_surrogate("behavior", alignment(), given, None, tmp_path / "work")
    train_surrogate("behavior", alignment(), nano, None, tmp_path / "nano")
    assert used == expected, "of nano no weights are frozen"


@pytest.mark.parametrize(
    "values",
    [
        {"precision": "int8"},
        {"precision": "int8", "backbone": "smollm2", "pretrained": {"four_bit": True}},
        {"precision": "int8", "backbone": "smollm2", "pretrained": {"sharded": True}},
    ],
)
def test_it_is_refused_where_no_weights_are_frozen_and_whole(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="precision int8 is for a pretrained backbone"):
        SurrogateSettings.model_validate(values)


def test_with_a_gpu_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(training_module, "best_device", lambda: torch.device("cuda"))
    base = saved("llama", tmp_path / "base")
    given = SETTINGS.model_copy(update={"backbone": base, "pretrained": LORA, "precision": "int8"})
    with pytest.raises(SurrogateError, match="for training on a processor"):
        train_surrogate("behavior", alignment(), given, None, tmp_path / "work")
