"""Whether a metric of explanations can tell true ones from false ones, where the truth is known by construction.

Synthetic recommenders are explained truly and with one thing changed; a metric is as good as its AUROC (Hanley and
McNeil 1982) at telling which is which, and a claim's status as it agrees with the causes. It knows what each metric is
there to find, not how it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recexplainer.claims.claim import Claim, ClaimKind, ClaimStatus
from recexplainer.data.sample import make_world
from recexplainer.evaluation.faithfulness import LOWER_IS_BETTER
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, row
from recexplainer.evaluation.synthetic.ground_truth import (
    CORRUPTIONS,
    MILD,
    GroundTruth,
    Sort,
    SyntheticExplanation,
    in_turn,
    make_ground_truth,
)
from recexplainer.evaluation.synthetic.rules import RULE_NAMES, Causes
from recexplainer.evaluation.synthetic.wording import Phrasings
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import Recommender

TASK = "synthetic"
ALL = "all"
"""The method of rows over all recommenders; also the corruption that changes several things."""
ITEMS, FEWEST_USERS, MOST_USERS = 120, 400, 5000

MetricValues = Callable[[Sequence[Explanation], Recommender], Mapping[str, Sequence[float | None]]]
"""For each metric the value of each explanation, None where it has none; `faithfulness_values` is one."""


class Tested(NamedTuple):
    """The mild corruptions that a metric is tested by; `blind` are sorts that by its definition it cannot tell."""

    corruptions: tuple[str, ...]
    blind: frozenset[Sort] = frozenset()

    @property
    def sorts(self) -> list[Sort]:
        """The sorts of pairs that it is tested by."""
        return [sort for sort in product(RULE_NAMES, self.corruptions) if sort not in self.blind]


# Without either of two items that only count together the score falls as far as without both. What each does depends on
# the other, so that it counts for the item is unverified, whoever says so.
_HALF_IS_ENOUGH = frozenset({("two_together", "swap")})
TESTED: dict[str, Tested] = {
    "verdict_fidelity": Tested(("verdict",)),
    "hallucination_rate": Tested(("invented",)),
    "claim_precision": Tested(MILD, frozenset(product(("two_together",), MILD))),
    "comprehensiveness": Tested(("swap", "direction"), _HALF_IS_ENOUGH),
    "aopc_comprehensiveness": Tested(("swap", "direction"), _HALF_IS_ENOUGH),
    "sufficiency": Tested(("swap",)),
    "simulatability": Tested(("swap", "direction")),
}
"""The metrics that are tested; of those in `LOWER_IS_BETTER` true explanations should have less, of others more."""

Measured = tuple[Sort, float, float]
"""What a metric gives a true explanation and a corrupted one, with the sign such that the true one should have more."""
_CITING: tuple[ClaimKind, ClaimKind] = ("positive", "negative")
_DENYING: tuple[ClaimKind, ClaimKind] = ("nothing_positive", "nothing_negative")


def auroc_metric(metric: str) -> str:
    """The name of the AUROC of a metric."""
    return f"auroc_{metric}"


def evaluate_synthetic(
    values: MetricValues, pairs: int = 1000, seed: int = 0, phrasings: Phrasings | None = None
) -> list[Row]:
    """How well each metric tells true explanations from mildly corrupted ones, and whether claims are verified rightly.

    Rows of task `synthetic`, of method `all` and of each rule of a recommender:

    - `auroc_METRIC`: the AUROC over all pairs of a true and a mildly corrupted explanation; cases are pairs, which the
      interval draws anew. Pairs where the metric has no value are left out. Of method `all` also with the variant of
      one kind of corruption alone; the kind `all` is several together.
    - `claim_statuses`: the share of claims about attributions whose status is what the true causes imply.
    - `claims_read`: the share of texts of which the verdict, the cited causes with their direction, and that they share
      a brand are read as written.

    `values` computes the metrics, of which those in `TESTED` have rows; each is tested by so many `pairs`. The texts
    are worded by the package's own phrasings, or by those given.
    """
    world = make_world(users=min(max(FEWEST_USERS, pairs), MOST_USERS), items=ITEMS, seed=seed)
    severe = [(rule, ALL) for rule in RULE_NAMES]
    truths = make_ground_truth(world, [*(tested.sorts for tested in TESTED.values()), severe], pairs, seed, phrasings)
    measured = [values([one.record for one in each.explanations], each.recommender) for each in truths]
    rows: list[Row] = []
    for metric, tested in TESTED.items():
        if all(metric in each for each in measured):
            by_sort = _measured(metric, truths, measured)
            mild, worst = (in_turn(*(by_sort[sort] for sort in sorts))[:pairs] for sorts in (tested.sorts, severe))
            rows += _auroc_rows(auroc_metric(metric), mild, worst)
    rows += _mean_rows("claim_statuses", truths, _status_values)
    return rows + _mean_rows("claims_read", truths, lambda one: [_read_as_written(one)])


def auroc(true: ArrayLike, corrupted: ArrayLike) -> Values:
    """How often a true explanation has more than a corrupted one, over all of both; ties count as half.

    Of `true`, `Float[..., true]`, and `corrupted`, `Float[..., corrupted]`, there is at least one.
    """
    from scipy.stats import mannwhitneyu

    first, second = np.asarray(true, np.float64), np.asarray(corrupted, np.float64)
    statistic = np.asarray(mannwhitneyu(first, second, axis=-1, method="asymptotic").statistic)
    return statistic / (first.shape[-1] * second.shape[-1])


def _measured(
    metric: str, truths: Sequence[GroundTruth], measured: Sequence[Mapping[str, Sequence[float | None]]]
) -> dict[Sort, list[Measured]]:
    """What the metric gives the pairs of each sort, without those where it has no value."""
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    found: dict[Sort, list[Measured]] = {}
    for truth, values in zip(truths, measured, strict=True):
        for corruption, pairs in truth.pairs.items():
            sort = (truth.recommender.rule, corruption)
            both = [(values[metric][true], values[metric][corrupted]) for true, corrupted in pairs]
            found[sort] = [(sort, sign * t, sign * c) for t, c in both if t is not None and c is not None]
    return found


def _auroc_rows(metric: str, mild: Sequence[Measured], worst: Sequence[Measured]) -> list[Row]:
    groups = {Method(ALL): mild}
    groups |= {Method(rule): [one for one in mild if one[0][0] == rule] for rule in RULE_NAMES}
    groups |= {Method(ALL, name): [one for one in (*mild, *worst) if one[0][1] == name] for name in CORRUPTIONS}
    rows: list[Row] = []
    for method, group in groups.items():
        if group:
            both = np.array([one[1:] for one in group])
            rows.append(row(method, TASK, metric, lambda drawn, both=both: auroc(*both.T[:, drawn]), cases=len(group)))
    return rows


def _mean_rows(
    metric: str, truths: Sequence[GroundTruth], measure: Callable[[SyntheticExplanation], Iterable[float]]
) -> list[Row]:
    found = {each.recommender.rule: [value for one in each.explanations for value in measure(one)] for each in truths}
    whole = row(ALL, TASK, metric, [value for each in found.values() for value in each])
    return [whole, *(row(rule, TASK, metric, each) for rule, each in found.items())]


def right_statuses(claim: Claim, causes: Causes, history: Sequence[int]) -> tuple[ClaimStatus, ...]:
    """The statuses that a claim may have if the causes are these; none where it is not about an item of the history."""
    if claim.kind in _DENYING:
        denied = causes.positive if claim.kind == "nothing_positive" else causes.negative
        if causes.depends:
            return ("unverified",) if set(denied) <= {*causes.depends} else ("contradicted",)
        return ("contradicted",) if denied else ("supported",)
    if claim.kind not in _CITING or claim.item not in history:
        return ()
    if claim.item in causes.depends:
        return ("unverified",)
    sides = (causes.positive, causes.negative)
    own, opposite = sides if claim.kind == "positive" else sides[::-1]
    if claim.item in own:
        return ("supported",)
    return ("contradicted",) if claim.item in opposite else ("unverified", "contradicted")


def _status_values(explained: SyntheticExplanation) -> list[float]:
    """For each claim about attributions 1 if its status is right, else 0."""
    record, causes = explained.record, explained.case.causes
    right = [(one.status, right_statuses(one, causes, record.history)) for one in record.claims]
    return [float(status in allowed) for status, allowed in right if allowed]


def _read_as_written(explained: SyntheticExplanation) -> float:
    """1 if the verdict, the attributions and, where it is written, that a brand is shared are read from the text."""
    record, statement = explained.record, explained.statement
    items = dict(zip(record.history_titles, record.history, strict=True))
    sides = zip(_CITING, (statement.positive, statement.negative), strict=True)
    written = {(kind, items[title]) for kind, titles in sides for title in titles if title in items}
    read = {(one.kind, one.item) for one in record.claims if one.kind in _CITING and one.item in record.history}
    shared = not statement.brand or not written or any(one.kind == "shared" for one in record.claims)
    return float(read == written and shared and record.verdict is statement.verdict)
