"""Faithfulness: whether what a text claims of the recommender holds, measured by asking it again without what is cited.

It needs the records alone, whoever wrote the texts. Each removal metric stands between two bounds computed on the same
cases: citing at random, and citing what attribution finds. Sources: ERASER (DeYoung et al. 2020) for comprehensiveness,
sufficiency and their area over the perturbation curve (AOPC); Hase and Bansal (2020) for simulatability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recexplainer.claims.claim import CHECKABLE, SIGNS, ClaimKind, ClaimStatus
from recexplainer.errors import DataError
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import EXPLANATION, Row, row
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.ablation import ablated_scores
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_stds

SIMULATABILITY = "simulatability"
BOUNDED = ("comprehensiveness", "aopc_comprehensiveness", "sufficiency", SIMULATABILITY)
"""The metrics that stand between random citing and the attribution oracle."""
LOWER_IS_BETTER = frozenset({"hallucination_rate", "sufficiency"})
"""The metrics of which less is better."""
TIE = 0.5
"""What it counts not to know which of two it is."""
Citer = Literal["text", "random", "oracle"]
"""Whose citations are measured: the text's own, random ones, or those that leave-one-out attribution finds."""

_CITERS: tuple[Citer, ...] = ("text", "random", "oracle")
_DEPTHS = (1, 2, 3)  # after how many citations the area cuts them off
_RANDOM_DRAWS = 5
_Scores = dict[frozenset[int], float]  # in units of the score_std, without each set of history items


def bounded_metric(metric: str, citer: Citer) -> str:
    """The name of a metric of `BOUNDED` for the text itself, or for the citer in its place."""
    return metric if citer == "text" else f"{metric}_{citer}"


def evaluate_faithfulness(
    explanations: Mapping[Method, Sequence[Explanation]], recommender: Recommender, seed: int = 0
) -> list[Row]:
    """The rows of every method: the mean of each metric, and for those with bounds the share of the way.

    `METRIC_normalized` is (method - random) / (oracle - random), of means over the cases: 0 is citing at random, 1 is
    what attribution finds; N/A where the bounds are not apart, by their own interval. Otherwise as
    `faithfulness_values`.
    """
    rows: list[Row] = []
    for method, own in explanations.items():
        values = faithfulness_values(own, recommender, seed)
        known = {name: np.array([value for value in each if value is not None]) for name, each in values.items()}
        rows += [row(method, EXPLANATION, name, each) for name, each in known.items()]
        for metric in BOUNDED:
            rows.append(_normalized(method, metric, *(known[bounded_metric(metric, citer)] for citer in _CITERS)))
    return rows


def faithfulness_values(
    explanations: Sequence[Explanation], recommender: Recommender, seed: int = 0
) -> dict[str, Sequence[float | None]]:
    """Each metric of each explanation, `[metric][explanations]`; None where it is not defined for a case.

    Removal metrics are in units of the standard deviation of the recommender's scores over the user's unseen items.

    - `verdict_fidelity`: 1 where the text says yes as the recommender does, or no as it does; without verdict 0.
    - `hallucination_rate`: 1 where it names a title as the user's that is in the catalogue but not in the history, or
      in neither.
    - `claim_precision`: the share of its claims but `other` facts that are supported; a text without claims has 0.
    - `n_cited`: how many history items it gives a positive or negative attribution.
    - `comprehensiveness`: how far the score falls without all positive citations, and rises without all negative ones.
    - `aopc_comprehensiveness`: the mean of that for the first one, two and three citations: the area over the deletion
      curve. To cite fewer is to gain less.
    - `sufficiency`: how far the score moves, whichever way, if only the cited items are kept; 0 is best.
    - `simulatability`: a reader who knows the text alone is asked, for each two history items that differ, without
      which of them the score would be lower: a positive citation before an item not cited before a negative citation;
      the share it has right, ties as half. None where no two differ.

    The last four also with `_random` (as many citations with the same signs, drawn at random; for the area, three with
    the verdict's sign) and `_oracle` (those that leave-one-out finds strongest).

    `seed` is that of the citations drawn at random. Raises DataError where an explanation has no attributions; the
    recommender must answer for changed histories.
    """
    rng = np.random.default_rng(seed)
    attributions = standardized_attributions(explanations, recommender)
    cases = [_case(one, *each, rng) for one, each in zip(explanations, attributions, strict=True)]
    scores = _removal_scores(cases, recommender)
    claims = [_statuses(one, *CHECKABLE) for one in explanations]
    values: dict[str, Sequence[float | None]] = {
        "verdict_fidelity": [float(_statuses(one, "verdict") == ["supported"]) for one in explanations],
        "hallucination_rate": [float("contradicted" in _statuses(one, "history")) for one in explanations],
        "claim_precision": [counted.count("supported") / max(len(counted), 1) for counted in claims],
        "n_cited": [float(len(case.cited["text"][0])) for case in cases],
    }
    for citer in _CITERS:
        removal = [_removal_values(case, each, citer) for case, each in zip(cases, scores, strict=True)]
        for place, metric in enumerate(BOUNDED[:3]):
            values[bounded_metric(metric, citer)] = [each[place] for each in removal]
        values[bounded_metric(SIMULATABILITY, citer)] = [_simulatability(case, citer) for case in cases]
    return values


def standardized_attributions(
    explanations: Sequence[Explanation], recommender: Recommender
) -> list[tuple[Values, float]]:
    """For each explanation its attributions divided by the `score_std`, and that standard deviation of the scores.

    Raises DataError where an explanation has no attributions.
    """
    for one in explanations:
        if len(one.attributions) != len(one.history):
            raise DataError(
                f"There are attributions of {len(one.attributions)} of {len(one.history)} history items.",
                location=f"explanation of {one.method!r} for user {one.user!r}",
                hint="Take a recommender that answers for changed histories, and make the explanations again.",
            )
    users = [User(one.history, one.user) for one in explanations]
    return [
        (np.array(one.attributions, np.float64) / score_std, score_std)
        for one, score_std in zip(explanations, score_stds(recommender, users), strict=True)
    ]


def differing_pairs(standardized: Values) -> list[tuple[int, int]]:
    """Places of each two history items whose attributions clearly differ, the one with the higher attribution first.

    `standardized`, `Float[history]`, are attributions divided by the standard deviation of the scores.
    """
    return [
        (one, other) if standardized[one] > standardized[other] else (other, one)
        for one, other in combinations(range(len(standardized)), 2)
        if abs(standardized[one] - standardized[other]) >= NEGLIGIBLE
    ]


_Cited = Mapping[int, int]
"""Items of a history that are cited, in the order of the text, with a positive (1) or negative (-1) attribution."""


@dataclass(frozen=True, slots=True)
class _Case:
    """An explanation as a case: what it cites, and what random citing and the oracle would.

    `cited` has as many citations as the text, with the same signs; `ranked` is cut off after the first, the second, the
    third citation, for the area. `standardized` is `Float[history]`, attributions divided by `score_std`.
    """

    user: User
    item: int
    standardized: Values
    score_std: float
    cited: Mapping[Citer, Sequence[_Cited]]
    ranked: Mapping[Citer, Sequence[_Cited]]

    def rest(self, cited: _Cited) -> frozenset[int]:
        return frozenset(self.user.history).difference(cited)

    def cut(self, citer: Citer) -> list[_Cited]:
        return [dict(list(cited.items())[:depth]) for cited in self.ranked[citer] for depth in _DEPTHS]


def _with_sign(cited: _Cited, sign: int) -> frozenset[int]:
    return frozenset(item for item, own in cited.items() if own == sign)


def _case(one: Explanation, standardized: Values, score_std: float, rng: np.random.Generator) -> _Case:
    own: dict[int, int] = {}
    for claim in one.claims:  # each item by its first claim
        if claim.kind in SIGNS and claim.item in one.history:
            own.setdefault(claim.item, SIGNS[claim.kind])
    signs = list(own.values())
    deepest = min(max(_DEPTHS), len(one.history))
    highest_first = np.argsort(-standardized, kind="stable").tolist()
    positive, negative = signs.count(1), signs.count(-1)
    by_sign = highest_first[:positive] + highest_first[::-1][:negative]
    strongest = np.argsort(-np.abs(standardized), kind="stable")[:deepest].tolist()

    def cite(places: Sequence[int], signs: Sequence[int]) -> _Cited:
        cited: dict[int, int] = {}
        for place, sign in zip(places, signs, strict=True):
            cited.setdefault(one.history[place], sign)  # of a repeated item the first sign counts, as in the text
        return cited

    def cite_at_random(signs: Sequence[int]) -> list[_Cited]:
        return [cite(rng.permutation(len(one.history))[: len(signs)].tolist(), signs) for _ in range(_RANDOM_DRAWS)]

    return _Case(
        user=User(one.history, one.user),
        item=one.item,
        standardized=standardized,
        score_std=score_std,
        cited={
            "text": [own],
            "random": cite_at_random(signs),
            "oracle": [cite(by_sign, [1] * positive + [-1] * negative)],
        },
        ranked={
            "text": [own],
            "random": cite_at_random([1 if one.verdict else -1] * deepest),
            "oracle": [cite(strongest, [1 if standardized[place] > 0 else -1 for place in strongest])],
        },
    )


def _removal_scores(cases: Sequence[_Case], recommender: Recommender) -> list[_Scores]:
    """For each case the score without each set of items that a metric here removes, all asked for together."""
    removals = [(place, removed) for place, case in enumerate(cases) for removed in _removed(case)]
    users, items = [cases[place].user for place, _ in removals], [cases[place].item for place, _ in removals]
    scores = ablated_scores(recommender, users, items, [removed for _, removed in removals]).tolist()
    found: list[_Scores] = [{} for _ in cases]
    for (place, removed), score in zip(removals, scores, strict=True):
        found[place][removed] = score / cases[place].score_std
    return found


def _removed(case: _Case) -> set[frozenset[int]]:
    whole = [cited for each in case.cited.values() for cited in each]
    cut = [cited for citer in _CITERS for cited in case.cut(citer)]
    of_one_sign = {_with_sign(cited, sign) for cited in (*whole, *cut) for sign in (1, -1)}
    return {frozenset(), *of_one_sign, *(case.rest(cited) for cited in whole)}


def _removal_values(case: _Case, scores: _Scores, citer: Citer) -> tuple[float, float, float]:
    """Comprehensiveness, the area over its curve, and sufficiency."""

    def drop(cited: _Cited) -> float:
        return scores[_with_sign(cited, -1)] - scores[_with_sign(cited, 1)]

    area = [drop(cited) for cited in case.cut(citer)]
    moved = [abs(scores[frozenset()] - scores[case.rest(cited)]) for cited in case.cited[citer]]
    return float(np.mean([drop(cited) for cited in case.cited[citer]])), float(np.mean(area)), float(np.mean(moved))


def _simulatability(case: _Case, citer: Citer) -> float | None:
    """By a fixed reader, who knows of a text nothing but which history items it cites, and with which sign."""
    pairs = differing_pairs(case.standardized)
    if not pairs:
        return None
    signs = [[cited.get(item, 0) for item in case.user.history] for cited in case.cited[citer]]
    return float(np.mean([TIE if of[a] == of[b] else float(of[a] > of[b]) for of in signs for a, b in pairs]))


def _normalized(method: Method, metric: str, own: Values, random: Values, oracle: Values) -> Row:
    """The share of the way from random to the oracle; N/A where the interval of the way includes zero."""

    def share(drawn: NDArray[np.int64]) -> Values:
        means = [each[drawn].mean(axis=1) for each in (own, random, oracle)]
        way = means[2] - means[1]
        return (means[0] - means[1]) / np.where(way == 0, np.nan, way)

    way = row(method, EXPLANATION, metric, oracle - random)
    apart = way.low is not None and way.high is not None and not way.low <= 0 <= way.high
    name = f"{metric}_normalized"
    return row(method, EXPLANATION, name, share if apart else lambda drawn: np.full(len(drawn), np.nan), cases=len(own))


def _statuses(one: Explanation, *kinds: ClaimKind) -> list[ClaimStatus]:
    return [claim.status for claim in one.claims if claim.kind in kinds]
