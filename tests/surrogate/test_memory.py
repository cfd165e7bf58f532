from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.tiny import fresh

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.memory import estimate_memory, require_memory


def test_the_parts_of_the_estimate() -> None:
    surrogate = fresh("hybrid")
    weights = sum(weight.numel() for weight in surrogate.parameters())
    need = estimate_memory(surrogate, tokens=500, longest=100)
    assert need.weights == 4 * weights
    assert need.trained == 12 * weights, "all of nano is trained"
    assert need.total == need.weights + need.trained + need.states + need.logits
    more = estimate_memory(surrogate, tokens=1000, longest=100)
    assert (more.states, more.logits) == (2 * need.states, 2 * need.logits)
    assert estimate_memory(surrogate, tokens=50, longest=500).logits == need.logits, "one example is a batch at least"


def test_what_fits_is_reported_and_what_does_not_is_an_error() -> None:
    need = estimate_memory(fresh("hybrid"), tokens=500, longest=100)
    assert "GiB are free" in require_memory(need, torch.device("cpu"))
    with pytest.raises(SurrogateError, match="will not fit") as caught:
        require_memory(replace(need, logits=2**60), torch.device("cpu"))
    assert "tokens_per_batch" in caught.value.hint
