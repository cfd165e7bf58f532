"""The short scripts of README and of the page on recommenders: each explains a pair, and imports only what it needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

ROOT = Path(__file__).resolve().parents[1]
NEVER = ("transformers", "sklearn", "openai", "recexplainer.surrogate.model", "recexplainer.explanations.generator")
"""Nothing that trains or asks a language model."""
IMPLICIT = """
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
import numpy, polars
from recexplainer import Dataset
data = Dataset.from_frames(polars.read_csv("events.csv"), polars.read_csv("items.csv"))
cells = numpy.ones(data.n_interactions), (data.users_of_sequence, data.sequence)
model = AlternatingLeastSquares(factors=4, random_state=0, num_threads=1)
model.fit(csr_matrix(cells, (data.n_users, data.n_items)), show_progress=False)
"""
FACTORS = """
from types import SimpleNamespace
import numpy
made = numpy.random.default_rng(0)
model = SimpleNamespace(item_factors=made.normal(size=(24, 4)), user_factors=made.normal(size=(30, 4)))
"""
NEIGHBOURS = """
import numpy

class model:
    def predict(histories, items):
        kinds = numpy.array([item.partition("-")[0] for item in items])
        liked = [[item.partition("-")[0] for item in history] for history in histories]
        return numpy.stack([numpy.linspace(0, 0.5, len(items)) + sum(kinds == kind for kind in one) for one in liked])
"""


def script(page: str, words: str) -> str:
    """The one example of a page that holds these words."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [one for one in examples if words in one and ".explain(" in one]
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two tables that the scripts read."""
    folder, drawn = tmp_path_factory.mktemp("shop"), np.random.default_rng(0)
    items = [f"{kind}-{number}" for kind in ("tea", "book", "lamp") for number in range(8)]
    pl.DataFrame({"item_id": items, "title": [item.title() for item in items]}).write_csv(folder / "items.csv")
    users = ["ann", *(f"user {number}" for number in range(29))]
    events = [(user, item) for user in users for item in drawn.choice(items, 6, replace=False)]
    pl.DataFrame(events, schema=["user_id", "item_id"], orient="row").write_csv(folder / "events.csv")
    return folder


def run(code: str, folder: Path) -> tuple[str, set[str]]:
    """What a script prints in a new process, and the modules that it has imported."""
    code = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    call = [sys.executable, "-W", "ignore", "-c", code]
    told = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    *shown, modules = told.stdout.splitlines()
    return "\n".join(shown), set(json.loads(modules))


@pytest.mark.parametrize(("page", "words", "before", "without_torch"), [
    ("README.md", "scores(histories, items)", NEIGHBOURS, True),
    ("docs/your-recommender.md", "item_factors", FACTORS, True),
    pytest.param("docs/your-recommender.md", "item_factors", IMPLICIT, False, marks=pytest.mark.slow),
    pytest.param("docs/your-recommender.md", "SASRec.fit", "", False, marks=pytest.mark.slow),
    pytest.param("docs/your-recommender.md", "MF.fit", "", False, marks=pytest.mark.slow),
], ids=["function", "vectors", "implicit", "sasrec", "mf"])  # fmt: skip
def test_a_script_explains_and_imports_only_what_it_needs(
    page: str, words: str, before: str, without_torch: bool, shop: Path
) -> None:
    if "implicit" in before:
        pytest.importorskip("implicit")
    own = script(page, words)
    assert sum(bool(line.strip()) for line in own.splitlines()) <= 8
    shown, modules = run(before + own, shop)
    assert (re.search(r"\b(Yes|No)\b", shown) and "Tea-7" in shown) or shown.startswith(("Yes", "No"))
    assert not {name for name in NEVER if name in modules}
    assert not (without_torch and "torch" in modules)
