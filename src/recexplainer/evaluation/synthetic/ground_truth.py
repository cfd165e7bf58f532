"""Pairs of a true and a corrupted explanation of synthetic recommenders, as records. It knows no metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil
from typing import TypeVar

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.evaluation.synthetic.rules import (
    MAX_HISTORY,
    SameBrandRule,
    SyntheticRecommender,
    synthetic_recommenders,
)
from recexplainer.evaluation.synthetic.texts import (
    CORRUPTIONS,
    Corrupter,
    Statement,
    SyntheticCase,
    true_statement,
    word_statement,
)
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import User
from recexplainer.recommenders.scoring import score_batches

Sort = tuple[str, str]
"""Rule of the recommender and corruption."""
Pair = tuple[int, int]
"""Places of the true and of the corrupted explanation among all of a recommender."""

T = TypeVar("T")
_MARGIN = 0.06  # a verdict is clear where the rank is this share of the list away from where the top 20% ends
_SHORTEST_HISTORY = 4


@dataclass(frozen=True, slots=True)
class SyntheticExplanation:
    """A case with its true causes, what a text about it was written to state, and the text as a record."""

    case: SyntheticCase
    statement: Statement
    record: Explanation


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """A recommender with true and corrupted explanations; `pairs` has those of each corruption."""

    recommender: SyntheticRecommender
    explanations: Sequence[SyntheticExplanation]
    pairs: Mapping[str, Sequence[Pair]]


def make_ground_truth(dataset: Dataset, pooled: Sequence[Sequence[Sort]], pairs: int, seed: int) -> list[GroundTruth]:
    """Explain each synthetic recommender truly and falsely.

    `pooled` has the sorts of pairs that are looked at together; all of one together are to have so many `pairs`. Sorts
    that there cannot be are passed over.
    """
    recommenders = synthetic_recommenders(dataset, seed)
    rng = np.random.default_rng(seed)
    drawn = {rule: draw_synthetic_cases(dataset, one, pairs, rng) for rule, one in recommenders.items()}
    corrupted = {rule: _corrupt(dataset, cases, rng) for rule, cases in drawn.items()}
    possible = {(rule, name) for rule, each in corrupted.items() for name, found in each.items() if found}
    needed: dict[Sort, int] = {}
    for sorts in pooled:
        shared = [sort for sort in sorts if sort in possible]
        needed |= {sort: max(needed.get(sort, 0), ceil(pairs / len(shared))) for sort in shared}
    truths: list[GroundTruth] = []
    for rule, recommender in recommenders.items():
        used = {name: found[: needed.get((rule, name), 0)] for name, found in corrupted[rule].items()}
        truths.append(_explain(dataset, recommender, drawn[rule], used, rng))
    return truths


def draw_synthetic_cases(
    dataset: Dataset, recommender: SyntheticRecommender, count: int, rng: np.random.Generator
) -> list[SyntheticCase]:
    """Cases where the verdict is clear, in turn such with causes and such without; at most `count` of each sort.

    No rank is near the end of the top 20%; an item with positive causes is recommended, one with negative causes is
    not, and every history has an item that is no cause. Of cases without causes half are recommended. Histories are the
    last 4 to 9 items of those of the dataset.
    """
    sorts: dict[tuple[bool, bool], list[SyntheticCase]] = {}
    for case in _clear_cases(dataset, recommender, rng):
        driven = not case.causes.nothing
        same = sorts.setdefault((driven, case.recommended and not driven), [])
        if len(same) < count:
            same.append(case)
        elif len(sorts) == 3 and all(len(each) >= count for each in sorts.values()):
            break
    driven, liked, disliked = (sorts.get(sort, []) for sort in ((True, False), (False, True), (False, False)))
    return in_turn(driven, in_turn(liked, disliked))


def in_turn(*several: Sequence[T]) -> list[T]:
    """The first of each, the second of each, and so on; the shorter ones end sooner."""
    return [one for each in zip_longest(*several) for one in each if one is not None]


def _clear_cases(
    dataset: Dataset, recommender: SyntheticRecommender, rng: np.random.Generator
) -> Iterator[SyntheticCase]:
    """All of them, in random order."""
    lengths = rng.integers(_SHORTEST_HISTORY, MAX_HISTORY + 1, size=dataset.n_users)
    users = [
        User(tuple(dataset.history(user)[-length:].tolist()), dataset.user_ids[user])
        for user, length in enumerate(lengths.tolist())
    ]
    clear: list[tuple[int, int, bool]] = []
    for batch in score_batches(recommender, users):
        ranked = np.argsort(np.argsort(np.where(batch.unseen, -batch.scores, np.inf), axis=1), axis=1)
        n_unseen = batch.unseen.sum(axis=1, keepdims=True)
        rows, items = np.nonzero(batch.unseen & (np.abs(ranked - n_unseen // 5) >= _MARGIN * n_unseen))
        recommended = batch.scores[rows, items] > batch.thresholds()[0][rows]
        clear += zip((rows + batch.start).tolist(), items.tolist(), recommended.tolist(), strict=True)
    for place in rng.permutation(len(clear)).tolist():
        user, item, recommended = clear[place]
        causes = recommender.causes(users[user], item)
        explained_all = len(causes.positive) + len(causes.negative) == len(users[user].history)
        if not explained_all and (causes.nothing or recommended is bool(causes.positive)):
            yield SyntheticCase(users[user], item, recommended, causes, isinstance(recommender, SameBrandRule))


def _corrupt(
    dataset: Dataset, cases: Sequence[SyntheticCase], rng: np.random.Generator
) -> dict[str, list[tuple[int, Statement]]]:
    """For each corruption the places of the cases that it can be done to, with the false statements."""
    found: dict[str, list[tuple[int, Statement]]] = {name: [] for name in CORRUPTIONS}
    for place, case in enumerate(cases):
        true, corrupter = true_statement(case, dataset), Corrupter(dataset, case, rng)
        for name, corrupt in CORRUPTIONS.items():
            if (corrupted := corrupt(corrupter, true)) is not None:
                found[name].append((place, corrupted))
    return found


def _explain(
    dataset: Dataset,
    recommender: SyntheticRecommender,
    cases: Sequence[SyntheticCase],
    corrupted: Mapping[str, Sequence[tuple[int, Statement]]],
    rng: np.random.Generator,
) -> GroundTruth:
    """A case is explained truly once, however often it is corrupted, and all its texts are worded alike."""
    used = sorted({place for found in corrupted.values() for place, _ in found})
    wordings = dict(zip(used, rng.integers(2**32, size=len(used)).tolist(), strict=True))
    trues = {place: number for number, place in enumerate(used)}
    statements = [(place, true_statement(cases[place], dataset)) for place in used]
    pairs: dict[str, list[Pair]] = {}
    for name, found in corrupted.items():
        pairs[name] = [(trues[place], len(statements) + number) for number, (place, _) in enumerate(found)]
        statements += found
    records = PairExplainer(dataset, recommender).records(
        Method("synthetic"),
        [(cases[place].user, cases[place].item) for place, _ in statements],
        [word_statement(statement, wordings[place]) for place, statement in statements],
    )
    both = zip(statements, records, strict=True)
    explained = [SyntheticExplanation(cases[place], statement, one) for (place, statement), one in both]
    return GroundTruth(recommender, explained, pairs)
