from pathlib import Path

import pytest
from tests.tiny import explanation_of, sasrec, world

from recexplainer.pipeline.report_stages import attribute_explained
from recexplainer.recommenders.attribution import occlusion_attributions
from recexplainer.recommenders.base import User
from recexplainer.recommenders.shapley import shapley_values


def test_the_recommender_is_asked_of_each_explained_pair(tmp_path: Path) -> None:
    world().save(tmp_path / "dataset")
    sasrec().save(tmp_path / "recommender")
    folders = {name: tmp_path / name for name in ("dataset", "recommender")}
    explained = [
        explanation_of(world().titles, "Yes.", history=history, item=item) for history, item in (((4, 8), 9), ((3,), 5))
    ]
    first, second = attribute_explained(folders, explained)
    users, items = [User((4, 8), "u"), User((3,), "u")], [9, 5]
    values = shapley_values(sasrec(), users, items)
    assert [one.shapley.values.tolist() for one in (first, second) if one.shapley] == [
        v.values.tolist() for v in values
    ]
    assert second.pair is None  # one item
    effects = occlusion_attributions(sasrec(), users, items)[0]
    assert first.pair is not None
    assert first.pair.alone == pytest.approx(effects.tolist(), abs=1e-5)


def test_where_nothing_was_explained_nothing_is_asked() -> None:
    assert attribute_explained({}, []) == []
