"""Faithfulness: whether what a text says of f holds, measured by asking f again without what the text cites.

It needs the records alone, whoever wrote the texts. Each removal metric stands between two bounds computed on the same
cases: citing at random, and citing what attribution finds. Sources: ERASER (DeYoung et al. 2020) for comprehensiveness,
sufficiency and their area over the perturbation curve (AOPC); Hase and Bansal (2020) for simulatability.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.attribution import scores_without
from recexplainer.recommenders.base import Recommender, User
from recexplainer.tasks.asking import ask
from recexplainer.tasks.evidence import NEGLIGIBLE

TASK = "explanation"
BOUNDED = ("comprehensiveness", "comprehensiveness-aopc", "sufficiency", "simulatability")
"""The metrics that stand between random citing and the attribution oracle."""
LOWER_IS_BETTER = frozenset({"hallucination-rate", "sufficiency"})
"""The metrics of which less is better."""
_DEPTHS = (1, 2, 3)
_DRAWS = 5
_RESAMPLES = 1000
_RANDOM, _ORACLE = "-random", "-oracle"
_BOUNDS = ("", _RANDOM, _ORACLE)


@dataclass(frozen=True, slots=True)
class _Cited:
    """History items that are said to speak for the item (1) and against it (-1), in the order of the text."""

    items: tuple[int, ...]
    signs: tuple[int, ...]

    def first(self, count: int) -> _Cited:
        return _Cited(self.items[:count], self.signs[:count])

    def side(self, sign: int) -> frozenset[int]:
        return frozenset(item for item, own in zip(self.items, self.signs, strict=True) if own == sign)


@dataclass(frozen=True, slots=True)
class _Case:
    """What one explanation cites, and what random citing and the oracle would, each as often and on the same sides.

    Attributes:
        history: As the explanation has it.
        weights: `Float[history]`, effects in units of the spread of f's scores over the unseen items.
        spread: That spread.
        by: The own citations under "", random ones under `-random`, the oracle's under `-oracle`.
        deep: The same for the area: to be cut after the first, the second, the third citation.
    """

    history: tuple[int, ...]
    weights: Values
    spread: float
    by: Mapping[str, Sequence[_Cited]]
    deep: Mapping[str, Sequence[_Cited]]


def faithfulness_values(
    explanations: Sequence[Explanation], recommender: Recommender, seed: int = 0
) -> dict[str, Sequence[float | None]]:
    """Each metric of each explanation, `[metric][explanations]`; None where a case says nothing to it.

    Removal metrics are in units of the spread of f's scores over the user's unseen items.

    - `verdict-fidelity`: 1 where the text says yes as f does, or no as f does; a text without verdict has 0.
    - `hallucination-rate`: 1 where it names a title as the user's that is in the catalogue but not in the history, or
      in neither.
    - `borne-out`: the share of its claims that f and the catalogue confirm; a text that claims nothing has 0.
    - `cited`: how many history items it says to speak for the item or against it.
    - `comprehensiveness`: how far the score falls without all that is said to speak for the item, and rises without
      all that is said to speak against it.
    - `comprehensiveness-aopc`: the mean of that for the first one, two and three citations: the area over the deletion
      curve. To cite fewer is to gain less.
    - `sufficiency`: how far the score moves, whichever way, if nothing but the cited items is left; 0 is best.
    - `simulatability`: a reader who knows the text alone is asked, for each two history items that differ, without
      which of them the score would be lower: one said to speak for the item, before one not named, before one said to
      speak against it; the share it has right, ties as half. None where no two differ.

    The last four also with `-random` (as many citations on the same sides, drawn at random; for the area, three on the
    verdict's side) and `-oracle` (those that leave-one-out finds strongest).

    Args:
        explanations: Records of one method, with claims and effects.
        recommender: f; it must answer for changed histories.
        seed: Seed of what is cited at random.
    """
    cases = _cases(explanations, recommender, seed)
    scores = _removals(explanations, cases, recommender)
    values: dict[str, Sequence[float | None]] = {
        "verdict-fidelity": [float(_marks(one, "verdict") == ["confirmed"]) for one in explanations],
        "hallucination-rate": [float("contradicted" in _marks(one, "history")) for one in explanations],
        "borne-out": [_borne_out(one) for one in explanations],
        "cited": [float(len(case.by[""][0].items)) for case in cases],
    }
    for bound in _BOUNDS:
        drops, areas, rests, told = list[float](), list[float](), list[float](), list[float | None]()
        for case, score in zip(cases, scores, strict=True):
            drops.append(_mean(_drop(case, score, cited) for cited in case.by[bound]))
            areas.append(_mean(_drop(case, score, one.first(k)) for one in case.deep[bound] for k in _DEPTHS))
            rests.append(_mean(_rest(case, score, cited) for cited in case.by[bound]))
            told.append(_simulated(case, case.by[bound]))
        values |= dict(zip((f"{metric}{bound}" for metric in BOUNDED), (drops, areas, rests, told), strict=True))
    return values


def evaluate_faithfulness(
    explanations: Mapping[str, Sequence[Explanation]], recommender: Recommender, seed: int = 0
) -> list[Row]:
    """The rows of every method: the mean of each metric, and for those with bounds the share of the way.

    `METRIC-share` is (method - random) / (oracle - random), of means over the cases: 0 is citing at random, 1 is what
    attribution finds; N/A where the bounds are not apart, by their own interval.

    Args:
        explanations: For each method its explanations.
        recommender: f.
        seed: As for `faithfulness_values`.
    """
    rows: list[Row] = []
    for method, told in explanations.items():
        values = faithfulness_values(told, recommender, seed)
        known = {name: [value for value in each if value is not None] for name, each in values.items()}
        rows += [row(method, TASK, name, each) for name, each in known.items()]
        for metric in BOUNDED:
            rows.append(_share(method, metric, *(np.array(known[metric + end]) for end in _BOUNDS)))
    return rows


def _cases(explanations: Sequence[Explanation], recommender: Recommender, seed: int) -> list[_Case]:
    users = [User(one.history, one.user) for one in explanations]
    spreads = [
        float(scores[unseen].std()) or 1.0
        for answers in ask(recommender, users)
        for scores, unseen in zip(answers.scores, answers.unseen, strict=True)
    ]
    rng = np.random.default_rng(seed)
    return [_case(one, spread, rng) for one, spread in zip(explanations, spreads, strict=True)]


def _case(one: Explanation, spread: float, rng: np.random.Generator) -> _Case:
    weights = np.array(one.effects, np.float64) / spread
    own = _cited(one)
    deepest = min(max(_DEPTHS), len(one.history))
    strongest = np.argsort(-np.abs(weights), kind="stable")[:deepest]
    sides = tuple(1 if weights[place] > 0 else -1 for place in strongest)
    verdict = (1 if one.verdict else -1,) * deepest
    return _Case(
        history=one.history,
        weights=weights,
        spread=spread,
        by=_by_bound(own, _at_random(one.history, own.signs, rng), _strongest(one.history, weights, own)),
        deep=_by_bound(
            own,
            _at_random(one.history, verdict, rng),
            _Cited(tuple(one.history[place] for place in strongest), sides),
        ),
    )


def _by_bound(own: _Cited, random: list[_Cited], oracle: _Cited) -> dict[str, list[_Cited]]:
    return {"": [own], _RANDOM: random, _ORACLE: [oracle]}


def _cited(one: Explanation) -> _Cited:
    """The history items that a text cites, each by its first claim."""
    signs: dict[int, int] = {}
    for claim in one.claims:
        if claim.kind in ("for", "against") and claim.item in one.history:
            signs.setdefault(claim.item, 1 if claim.kind == "for" else -1)
    return _Cited(tuple(signs), tuple(signs.values()))


def _at_random(history: Sequence[int], signs: tuple[int, ...], rng: np.random.Generator) -> list[_Cited]:
    drawn = (rng.permutation(len(history))[: len(signs)].tolist() for _ in range(_DRAWS))
    return [_Cited(tuple(history[place] for place in places), signs) for places in drawn]


def _strongest(history: Sequence[int], weights: Values, own: _Cited) -> _Cited:
    """As many items on each side as are cited, those whose removal does most that way."""
    order = np.argsort(-weights, kind="stable").tolist()
    helping, hurting = (own.signs.count(sign) for sign in (1, -1))
    places = order[:helping] + order[::-1][:hurting]
    return _Cited(tuple(history[place] for place in places), (1,) * helping + (-1,) * hurting)


def _removals(
    explanations: Sequence[Explanation], cases: Sequence[_Case], recommender: Recommender
) -> list[dict[frozenset[int], float]]:
    """For each case f's score without each set of history items that a metric removes; f is asked for all at once."""
    asked = [(place, part) for place, case in enumerate(cases) for part in _parts(case)]
    users = [User(one.history, one.user) for one in explanations]
    scores = scores_without(
        recommender,
        [users[place] for place, _ in asked],
        [explanations[place].item for place, _ in asked],
        [part for _, part in asked],
    )
    found: list[dict[frozenset[int], float]] = [{} for _ in cases]
    for (place, part), score in zip(asked, scores.tolist(), strict=True):
        found[place][part] = score / cases[place].spread
    return found


def _parts(case: _Case) -> set[frozenset[int]]:
    whole = [cited for each in case.by.values() for cited in each]
    cut = [cited.first(count) for each in case.deep.values() for cited in each for count in _DEPTHS]
    sides = {cited.side(sign) for cited in (*whole, *cut) for sign in (1, -1)}
    return {frozenset(), *sides, *(frozenset(case.history) - frozenset(cited.items) for cited in whole)}


def _drop(case: _Case, score: Mapping[frozenset[int], float], cited: _Cited) -> float:
    return score[cited.side(-1)] - score[cited.side(1)]


def _rest(case: _Case, score: Mapping[frozenset[int], float], cited: _Cited) -> float:
    return abs(score[frozenset()] - score[frozenset(case.history) - frozenset(cited.items)])


def _simulated(case: _Case, several: Sequence[_Cited]) -> float | None:
    """The share of pairs of history items that differ which the texts order as f does; ties count as half."""
    differ = [
        (one, other)
        for one, other in combinations(range(len(case.history)), 2)
        if abs(case.weights[one] - case.weights[other]) >= NEGLIGIBLE
    ]
    if not differ:
        return None
    right: list[float] = []
    for cited in several:
        said = dict(zip(cited.items, cited.signs, strict=True))
        for one, other in differ:
            order = said.get(case.history[one], 0) - said.get(case.history[other], 0)
            truth = 1 if case.weights[one] > case.weights[other] else -1
            right.append(0.5 if order == 0 else float(order * truth > 0))
    return _mean(right)


def _marks(one: Explanation, kind: str) -> list[str]:
    return [claim.mark for claim in one.claims if claim.kind == kind]


def _borne_out(one: Explanation) -> float:
    return _mean(float(claim.mark == "confirmed") for claim in one.claims) if one.claims else 0.0


def _share(method: str, metric: str, own: Values, random: Values, oracle: Values) -> Row:
    """The share of the way from random to the oracle, with its interval over cases drawn anew."""
    name, cases = f"{metric}-share", len(own)
    absent = Row(method, TASK, name, None, None, None, cases)
    if not cases:
        return absent
    drawn = np.random.default_rng(0).integers(cases, size=(_RESAMPLES, cases))
    means = [each[drawn].mean(axis=1) for each in (own, random, oracle)]
    low, high = np.percentile(means[2] - means[1], [2.5, 97.5]).tolist()
    if low <= 0 <= high:
        return absent
    low, high = np.percentile((means[0] - means[1]) / (means[2] - means[1]), [2.5, 97.5]).tolist()
    value = float((own.mean() - random.mean()) / (oracle.mean() - random.mean()))
    return Row(method, TASK, name, value, low, high, cases)


def _mean(values: Iterable[float]) -> float:
    each = list(values)
    return float(np.mean(each)) if each else 0.0
