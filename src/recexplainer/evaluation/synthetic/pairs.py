"""Pairs of a true and a corrupted explanation of planted recommenders, as records. It knows no metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.synthetic.cases import Case, draw_cases
from recexplainer.evaluation.synthetic.corruptions import CORRUPTIONS, Corrupter
from recexplainer.evaluation.synthetic.recommender import Planted
from recexplainer.evaluation.synthetic.rules import plant_recommenders
from recexplainer.evaluation.synthetic.texts import Telling, true_telling, write_text
from recexplainer.explanations.record import Explanation
from recexplainer.explanations.recording import Recorder

METHOD = "planted"

Sort = tuple[str, str]
"""Kind of the recommender and corruption."""
Pair = tuple[int, int]
"""Places of the true and of the corrupted explanation among all that is said of a recommender."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a case.

    Attributes:
        case: The case, with its true causes.
        telling: What the text was written to say.
        record: The text as a record.
    """

    case: Case
    telling: Telling
    record: Explanation


@dataclass(frozen=True, slots=True)
class Planting:
    """A recommender and what is said of it.

    Attributes:
        recommender: f.
        said: The true explanations and the corrupted ones.
        pairs: For each corruption its pairs.
    """

    recommender: Planted
    said: Sequence[Said]
    pairs: Mapping[str, Sequence[Pair]]


def plant(dataset: Dataset, pooled: Sequence[Sequence[Sort]], pairs: int, seed: int) -> list[Planting]:
    """Explain each planted recommender truly and falsely.

    Args:
        dataset: The catalogue, and the histories.
        pooled: Sorts of pairs that will be looked at together; sorts that there cannot be are passed over.
        pairs: How many pairs of all its sorts together each of these is to have.
        seed: Of the recommenders, the cases and the texts.
    """
    recommenders = plant_recommenders(dataset, seed)
    rng = np.random.default_rng(seed)
    drawn = {kind: draw_cases(dataset, one, pairs, rng) for kind, one in recommenders.items()}
    told = {kind: _tell(dataset, cases, rng) for kind, cases in drawn.items()}
    possible = {(kind, name) for kind, each in told.items() for name, found in each.items() if found}
    needed: dict[Sort, int] = {}
    for sorts in pooled:
        shared = [sort for sort in sorts if sort in possible]
        needed |= {sort: max(needed.get(sort, 0), ceil(pairs / len(shared))) for sort in shared}
    return [
        _plant_one(
            dataset,
            recommender,
            drawn[kind],
            {name: found[: needed.get((kind, name), 0)] for name, found in told[kind].items()},
            rng,
        )
        for kind, recommender in recommenders.items()
    ]


def _tell(dataset: Dataset, cases: Sequence[Case], rng: np.random.Generator) -> dict[str, list[tuple[int, Telling]]]:
    """For each corruption the cases that it can be done to, by their place, and what is then said."""
    found: dict[str, list[tuple[int, Telling]]] = {name: [] for name in CORRUPTIONS}
    for place, case in enumerate(cases):
        true = true_telling(case, dataset)
        corrupter = Corrupter(dataset, case, rng)
        for name, corrupt in CORRUPTIONS.items():
            if (corrupted := corrupt(corrupter, true)) is not None:
                found[name].append((place, corrupted))
    return found


def _plant_one(
    dataset: Dataset,
    recommender: Planted,
    cases: Sequence[Case],
    told: Mapping[str, Sequence[tuple[int, Telling]]],
    rng: np.random.Generator,
) -> Planting:
    """The records; a case is told truly once, however often it is corrupted, and all its texts are worded alike."""
    used = sorted({place for found in told.values() for place, _ in found})
    wordings = dict(zip(used, rng.integers(2**32, size=len(used)).tolist(), strict=True))
    trues = {place: number for number, place in enumerate(used)}
    tellings = [(place, true_telling(cases[place], dataset)) for place in used]
    pairs: dict[str, list[Pair]] = {}
    for name, found in told.items():
        pairs[name] = [(trues[place], len(tellings) + number) for number, (place, _) in enumerate(found)]
        tellings += found
    records = Recorder(dataset, recommender).told(
        METHOD,
        [(cases[place].user, cases[place].item) for place, _ in tellings],
        [write_text(telling, wordings[place]) for place, telling in tellings],
    )
    said = [Said(cases[place], telling, one) for (place, telling), one in zip(tellings, records, strict=True)]
    return Planting(recommender, said, pairs)
