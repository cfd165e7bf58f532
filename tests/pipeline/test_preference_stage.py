"""Preference training switched on and off over a finished run: what is made, and whose surrogate then explains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.tiny import MIXTURE, NANO, SEARCH, SETTINGS, stages_made

from recexplainer.pipeline.recipe import Recipe, with_changes
from recexplainer.pipeline.runs import export_surrogate, open_surrogate, recipe_of, run_recipe
from recexplainer.storage import hash_files, read_json
from recexplainer.surrogate.decoding import CitingTexts, Decoder
from recexplainer.surrogate.model import Surrogate

pytestmark = pytest.mark.slow

FORMS = ("intention", "hybrid")
# Alignment of so small a model may fall as far as it likes.
PREFERENCE = {"questions": 8, "held_out": 0.25, "texts": 2, "epochs": 1, "learning_rate": 3e-3, "guard": 1.0}
AFTER = ["preference-hybrid", "alignment-hybrid", "evaluation", "explanations", "report"]


def bring(recipe: Recipe, folder: Path) -> set[str]:
    """The stages made."""
    return set(stages_made(run_recipe, recipe, folder))


def switched(run: Path, settings: Mapping[str, object] | None) -> set[str]:
    """The stages made when preference training is switched on, with these settings, or off."""
    return bring(with_changes(recipe_of(run), {"surrogate": {"preference": settings}}), run)


def sampled(decoder: Decoder, prompts: Sequence[Any], *_: Any, **__: Any) -> list[list[str]]:
    return [["No.", "Yes."]] * len(prompts)


def citing(decoder: Decoder, prompts: Sequence[Any], *_: Any, **__: Any) -> CitingTexts:
    return CitingTexts([["Yes."]] * len(prompts), np.ones(len(prompts)))


@pytest.fixture(scope="module")
def telling() -> Iterator[None]:
    """Surrogates that have hardly learned babble for minutes: they say one thing, and of two samples f tells apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Decoder, "sampled", sampled)
        patch.setattr(Decoder, "citing", citing)
        yield


@pytest.fixture(scope="module")
def run(telling: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over which preference training was switched on."""
    folder = tmp_path_factory.mktemp("run")
    recipe = Recipe.model_validate(
        {
            "name": "small",
            "threads": 1,
            "data": {"source": "sample", "sample": {"users": 60, "items": 60}},
            "recommender": {"kind": "sasrec", "sasrec": SEARCH.model_dump()},
            "examples": MIXTURE.model_dump() | {"test_users": 8},
            "forms": FORMS,
            "surrogate": SETTINGS.model_dump() | {"nano": NANO.model_dump(), "epochs": dict.fromkeys(FORMS, 0.2)},
            "explanations": {"count": 1, "aspects": []},
        }
    )
    bring(recipe, folder)
    made = switched(folder, PREFERENCE)
    assert "preference-hybrid" in made
    assert made <= set(AFTER), "nothing is aligned anew"
    return folder


def weights(surrogate: Surrogate) -> dict[str, torch.Tensor]:
    return {name: weight.cpu() for name, weight in surrogate.state_dict().items()}


def same(one: Surrogate, other: Surrogate) -> bool:
    theirs = weights(other)
    return all(torch.equal(weight, theirs[name]) for name, weight in weights(one).items())


def test_what_is_preferred_explains_and_is_exported(run: Path, tmp_path: Path) -> None:
    aligned, preferred = (Surrogate.from_pretrained(run / f"{name}-hybrid") for name in ("surrogate", "preference"))
    assert not same(aligned, preferred)
    assert same(open_surrogate(run), preferred)
    export_surrogate(run, tmp_path / "to")
    assert same(Surrogate.from_pretrained(tmp_path / "to"), preferred)
    export_surrogate(run, tmp_path / "intention", form="intention")
    other = Surrogate.from_pretrained(run / "surrogate-intention")
    assert same(Surrogate.from_pretrained(tmp_path / "intention"), other)


def test_how_it_went_is_kept(run: Path) -> None:
    log = read_json(run / "preference-hybrid" / "preference.json")
    assert (log["questions"], log["pairs"], log["undone"]) == (6, 6, False)
    assert len(log["guarded"]) == 2, "before, and after the epoch"
    assert all(0 <= each <= 1 for each in log["guarded"])


def test_other_settings_train_that_part_alone(run: Path) -> None:
    assert switched(run, PREFERENCE) == set()
    made = switched(run, PREFERENCE | {"epochs": 2})
    assert "preference-hybrid" in made and made <= set(AFTER)
    assert len(read_json(run / "preference-hybrid" / "preference.json")["guarded"]) == 3


def test_switched_off_the_run_is_as_before_and_nothing_is_trained(run: Path) -> None:
    on = hash_files(run / "explanations")
    made = switched(run, None)
    assert made <= set(AFTER) - {"preference-hybrid"} and "explanations" in made
    assert same(open_surrogate(run), Surrogate.from_pretrained(run / "surrogate-hybrid"))
    assert switched(run, PREFERENCE | {"epochs": 2}).isdisjoint({"preference-hybrid"}), "it is still there"
    assert hash_files(run / "explanations")["from_surrogate.json"] == on["from_surrogate.json"]
