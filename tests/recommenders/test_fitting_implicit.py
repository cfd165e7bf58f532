from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tests.contracts.recommender import RecommenderContract
from tests.tiny import world

from recexplainer.data.dataset import leave_one_out
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.factorization import MF, ImplicitSettings, fit_implicit, package_model

ALS = ImplicitSettings(model="als", factors=8, iterations=3, max_history=6)
BPR = ImplicitSettings(model="bpr", factors=8, iterations=20, max_history=6)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setitem(sys.modules, "implicit.als", None)
    with pytest.raises(RecommenderError, match=r"recexplainer\[implicit\]"):
        fit_implicit(world(), leave_one_out(world()), ALS)


class _Implicit(RecommenderContract):
    settings: ImplicitSettings

    @pytest.fixture
    def recommender(self) -> Recommender:
        pytest.importorskip("implicit", reason="implicit is not installed")
        return fit_implicit(world(), leave_one_out(world()), self.settings)

    @pytest.fixture
    def saved(self, recommender: MF, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path)
        return MF.load(tmp_path)


class TestALS(_Implicit):
    settings = ALS


class TestBPR(_Implicit):
    settings = BPR


@pytest.mark.parametrize("alpha", [1.0, 10.0])
def test_als_folds_in_as_the_package_does(alpha: float) -> None:
    pytest.importorskip("implicit", reason="implicit is not installed")
    sparse = pytest.importorskip("scipy.sparse")
    settings, split = ALS.model_copy(update={"alpha": alpha}), leave_one_out(world())
    package, ours = package_model(world(), split, settings), fit_implicit(world(), split, settings)
    row = sparse.csr_matrix((np.ones(3, np.float32), ([0, 0, 0], [4, 1, 9])), (1, world().n_items))
    expected = package.item_factors @ package.recalculate_user(0, row)
    np.testing.assert_allclose(ours.scores([User((4, 1, 9))])[0], expected, rtol=1e-3, atol=1e-4)
