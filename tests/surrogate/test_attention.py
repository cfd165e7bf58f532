from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.surrogate.families import VOCABULARY, tiny_model
from tests.tiny import fresh

from recexplainer.surrogate.attention import attend_for_decoding, attention_for_training
from recexplainer.surrogate.prefill import Prefill


def test_attention_is_eager_while_training_on_a_cpu_and_as_before_afterwards() -> None:
    backbone = fresh("behavior").backbone
    before = backbone.config._attn_implementation
    ids = torch.arange(12).reshape(2, 6) % 4
    usual = backbone(input_ids=ids).logits
    with attention_for_training(backbone, on_cpu=True):
        assert backbone.config._attn_implementation == "eager"
        torch.testing.assert_close(backbone(input_ids=ids).logits, usual, atol=1e-4, rtol=1e-4)
    assert backbone.config._attn_implementation == before != "eager"
    with attention_for_training(backbone, on_cpu=False):
        assert backbone.config._attn_implementation == before


def test_a_step_of_equally_long_prompts_attends_with_a_mask_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mask transformers lets torch read each key once for each of the queries that share it."""
    model = tiny_model("llama", num_key_value_heads=1)
    assert model.config.num_attention_heads > 1
    ids = torch.randint(3, VOCABULARY, (3, 5))
    seen: list[Any] = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def watched(query: torch.Tensor, key: torch.Tensor, *more: Any, **how: Any) -> torch.Tensor:
        if query.shape[2] == 1 or query.shape[1] == key.shape[1] != model.config.num_attention_heads:
            seen.append((how.get("enable_gqa", False), how["attn_mask"] is not None))
        return attend(query, key, *more, **how)

    def step() -> Any:
        read = Prefill(model, model.get_input_embeddings()(ids), torch.ones_like(ids), [4, 9, 14])
        seen.clear()
        return read.step([5, 6, 7])

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    with torch.inference_mode():
        usual = step()
        assert set(seen) == {(True, False)}
        attend_for_decoding(model, on_cpu=True)
        torch.testing.assert_close(step(), usual, atol=1e-5, rtol=1e-5)
        assert set(seen) == {(False, True)}


def test_a_model_that_attends_by_itself_is_left_alone_and_nothing_of_it_is_saved(tmp_path: Path) -> None:
    own = tiny_model("llama")
    own.set_attn_implementation("eager")
    attend_for_decoding(own, on_cpu=True)
    assert own.config._attn_implementation == "eager"
    changed = fresh("behavior").backbone
    attend_for_decoding(changed, on_cpu=True)
    with attention_for_training(changed, on_cpu=True):
        assert changed.config._attn_implementation == "eager"
    changed.save_pretrained(tmp_path)
    assert "sdpa" not in (tmp_path / "config.json").read_text()
