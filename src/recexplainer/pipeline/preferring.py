"""What the stage of preference training does: on whom it asks, and what guards alignment meanwhile.

As in `steps.py`, rooms are loaded inside the functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.hardware import use_threads
from recexplainer.pipeline.graph import RunContext
from recexplainer.pipeline.loading import load_alignment, load_surrogate
from recexplainer.pipeline.recipe import Recipe
from recexplainer.storage import write_json

if TYPE_CHECKING:
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.recommenders.base import User
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.preference_settings import PreferenceSettings
    from recexplainer.surrogate.training import Alignment

_GUARDED_BY = 400  # questions of interest, at least: of those learned from, since tested ones must not decide anything


def prefer_true_explanations(
    recipe: Recipe, context: RunContext, folder: Path, *, settings: PreferenceSettings, aligned: str
) -> str:
    """Train the surrogate of the stage `aligned` to prefer those of its explanations that f bears out (DPO)."""
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.explanations.choosing import choose_pairs
    from recexplainer.explanations.preference import prefer

    use_threads(recipe.threads_each)
    alignment, surrogate = load_alignment(context.folders), load_surrogate(context.folders[aligned])
    dataset, recommender = alignment.dataset, alignment.recommender
    pairs = choose_pairs(recommender, _users(alignment), settings.questions, settings.seed)
    asked = [one for one in alignment.examples if one.task == "classification"]
    guarded = TestCases(dataset, recommender, asked[:: max(1, len(asked) // _GUARDED_BY)])
    log = prefer(surrogate, dataset, recommender, pairs, settings, partial(_accuracy, cases=guarded) if asked else None)
    surrogate.save_pretrained(folder)
    write_json(folder / "preference.json", asdict(log))
    undone = ", undone since alignment fell" if log.undone else ""
    return (
        f"{log.pairs:,} pairs; explanations scored {log.score_before:.3f}, "
        f"after preference training {log.score_after:.3f}{undone}"
    )


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
