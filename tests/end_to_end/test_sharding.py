"""A backbone whose own weights are split over two processes is trained as a whole one is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.end_to_end.test_processes import TWO, losses, start
from tests.surrogate.test_pretrained import save_tiny, settings

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.settings import PretrainedSettings
from recexplainer.surrogate.sharding import split_weights

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
from pathlib import Path
from tests.surrogate.test_pretrained import settings
from tests.tiny import alignment
from recexplainer.surrogate.memory import estimate_memory
from recexplainer.surrogate.sharding import split_weights
from recexplainer.surrogate.training import new_surrogate, train_surrogate

base, folder, sharded = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "sharded"
plain = settings(base)
lora = plain.pretrained.model_copy(update={"sharded": sharded, "dtype": "float32"})
how = {"precision": "float32", "epochs": {"hybrid": 20.0}, "tokens_per_batch": 1024}
asked = plain.model_copy(update={"pretrained": lora, **how})
if sharded:
    one = new_surrogate("hybrid", alignment(), asked)
    layers = sum(weight.nbytes for weight in one.backbone.model.layers.parameters() if not weight.requires_grad)
    before = estimate_memory(one, 64, 64).weights
    split_weights(one, one.backbone)
    assert before - estimate_memory(one, 64, 64).weights == layers // 2 > 0
trained = train_surrogate("hybrid", alignment(), asked, folder / "g", folder / "work")
whole = new_surrogate("hybrid", alignment(), plain).state_dict()
assert {name: weight.shape for name, weight in trained.state_dict().items()} == {n: w.shape for n, w in whole.items()}
"""


def test_two_processes_that_split_the_weights_have_the_losses_of_one(tmp_path: Path) -> None:
    base = save_tiny("Llama", tmp_path / "base")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    start([*TWO, str(script), str(base), str(tmp_path / "two"), "sharded"])
    start([TWO[0], str(script), str(base), str(tmp_path / "one"), "whole"])
    one, two = (losses(tmp_path / name / "g") for name in ("one", "two"))
    assert len(one) == len(two) > 3
    assert two == pytest.approx(one, rel=1e-3)
    assert one[-1] < 0.9 * one[0], "it learns something, else the losses would be alike anyway"
    saved = [load_file(tmp_path / name / "g" / "backbone" / "adapter_model.safetensors") for name in ("one", "two")]
    assert saved[0].keys() == saved[1].keys()
    for name, weight in saved[0].items():
        torch.testing.assert_close(saved[1][name], weight, rtol=0.02, atol=2e-3)


def test_one_process_cannot_split_weights() -> None:
    with pytest.raises(SurrogateError, match="several processes only"):
        split_weights(torch.nn.Linear(1, 1), torch.nn.Linear(1, 1))


def test_weights_in_four_bits_are_not_split() -> None:
    with pytest.raises(ValueError, match="set one of four_bit and sharded"):
        PretrainedSettings(four_bit=True, sharded=True)
    assert not settings(Path("nano")).model_copy(update={"backbone": "nano"}).sharded
