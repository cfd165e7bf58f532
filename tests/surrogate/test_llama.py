"""The Llama without transformers' model classes says what `LlamaForCausalLM` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from recexplainer.surrogate.llama import PlainLlama, can_read
from recexplainer.surrogate.prefill import Prefill

SHAPES: dict[str, dict[str, Any]] = {
    "as nano": {"num_key_value_heads": 4, "tie_word_embeddings": True},
    "grouped, untied": {"num_key_value_heads": 2, "tie_word_embeddings": False, "rms_norm_eps": 1e-5},
    "other positions": {
        "num_key_value_heads": 4,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e5},
        "head_dim": 8,
    },
}


@pytest.fixture(params=SHAPES, scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("llama")
    config = LlamaConfig(
        vocab_size=90,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=64,
        eos_token_id=3,
        **SHAPES[request.param],
    )
    model: Any = LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    model.save_pretrained(path)
    return path


def both(folder: Path) -> tuple[Any, Any]:
    return PlainLlama(folder).eval(), LlamaForCausalLM.from_pretrained(folder).eval()


@torch.no_grad()
def test_it_says_the_same(folder: Path) -> None:
    assert can_read(folder)
    own, whole = both(folder)
    ids = torch.randint(90, (3, 11), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(own(input_ids=ids).logits, whole(input_ids=ids).logits, atol=1e-4, rtol=1e-4)
    assert own(input_ids=ids).past_key_values is None
    assert own.generation_config.eos_token_id == whole.generation_config.eos_token_id == 3
    assert own.config.get_text_config().max_position_embeddings == 64


@torch.no_grad()
def test_it_goes_on_the_same_after_padded_prompts(folder: Path) -> None:
    ids = torch.randint(90, (3, 11), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(ids)
    mask[0, :4] = mask[2, :1] = 0
    reads = [Prefill(one, one.get_input_embeddings()(ids), mask, [10, 21, 32]) for one in both(folder)]
    own, whole = reads
    np.testing.assert_allclose(own.logits, whole.logits, atol=1e-4)
    for each in reads:
        each.continued(2)
    np.testing.assert_allclose(own.step([5, 6, 7, 8, 9, 10]), whole.step([5, 6, 7, 8, 9, 10]), atol=1e-4)
    for each in reads:
        each.keep([0, 3, 5])
    np.testing.assert_allclose(own.step([11, 12, 13]), whole.step([11, 12, 13]), atol=1e-4)


@torch.no_grad()
def test_what_it_does_not_do_itself_the_class_of_transformers_does(folder: Path) -> None:
    own, whole = both(folder)
    given = {"input_ids": torch.tensor([[4, 5, 6]]), "max_new_tokens": 3, "do_sample": False}
    assert own.generate(**given).tolist() == whole.generate(**given).tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mistral"},
        {"attention_bias": True},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}},
        {"quantization_config": {}},
    ],
)
def test_anything_special_is_left_to_transformers(folder: Path, change: dict[str, Any], tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    assert not can_read(tmp_path)


def test_a_folder_without_weights_is_left_to_transformers(tmp_path: Path) -> None:
    assert not can_read(tmp_path)
