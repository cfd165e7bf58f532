"""Preference training within a run: on whom it asks, and what guards alignment meanwhile.

As in `steps.py`, rooms are loaded inside the functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.storage import write_json

if TYPE_CHECKING:
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.recommenders.base import User
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.preference_settings import PreferenceSettings
    from recexplainer.surrogate.training import Alignment

_GUARDED_BY = 400  # questions of interest, of those learned from: the tested ones must not decide anything


def prefer_true_explanations(
    surrogate: Surrogate, alignment: Alignment, settings: PreferenceSettings, folder: Path
) -> str:
    """Train a surrogate to prefer those of its explanations that f bears out, save it anew, and say how it went."""
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.explanations.explainer import choose_pairs
    from recexplainer.explanations.preference import prefer

    dataset, recommender = alignment.dataset, alignment.recommender
    pairs = choose_pairs(dataset, recommender, _users(alignment), settings.questions, settings.seed)
    asked = [one for one in alignment.examples if one.task == "classification"]
    guarded = TestCases(dataset, recommender, asked[:: max(1, len(asked) // _GUARDED_BY)])
    log = prefer(surrogate, dataset, recommender, pairs, settings, partial(_accuracy, cases=guarded) if asked else None)
    surrogate.eval().save_pretrained(folder)
    write_json(folder / "preference.json", asdict(log))
    undone = ", undone since alignment fell" if log.undone else ""
    return f"explanations scored {log.score_before:.3f}, after preference training {log.score_after:.3f}{undone}"


def _users(alignment: Alignment) -> Sequence[User]:
    """Users one interaction before the history that they are tested with."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.recommenders.base import User
    from recexplainer.tasks.asking import cut

    split = leave_one_out(alignment.dataset)
    histories = [cut(split.train_history(int(at))[:-1], alignment.recommender) for at in split.test_users]
    return [User(history) for history in histories if history]


def _accuracy(surrogate: Surrogate, *, cases: TestCases) -> float:
    from recexplainer.evaluation.alignment import evaluate_surrogate

    rows = evaluate_surrogate(surrogate.eval(), cases, "guarded")
    return next(row.value or 0.0 for row in rows if row.metric == "accuracy")
