"""What the stage of preference training does: on whom it asks, and what guards alignment meanwhile.

As in `steps.py`, rooms are loaded inside the functions.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recexplainer.errors import SettingsError
from recexplainer.hardware import use_threads
from recexplainer.pipeline.graph import RunContext
from recexplainer.pipeline.loading import load_alignment, load_surrogate
from recexplainer.pipeline.recipe import Recipe
from recexplainer.storage import write_json

if TYPE_CHECKING:
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.settings import PreferenceSettings
    from recexplainer.surrogate.training import Alignment
    from recexplainer.tasks.example import Example

_GUARDED_BY = 400  # questions of interest, at least: some of those aligned by, of which none is learned from here
_FEWEST = 4


def prefer_true_explanations(
    recipe: Recipe, context: RunContext, folder: Path, *, settings: PreferenceSettings, aligned: str
) -> str:
    """Train the surrogate of the stage `aligned` to prefer those of its explanations that f bears out (DPO)."""
    from recexplainer.evaluation.alignment import TestCases
    from recexplainer.explanations.preference import prefer
    from recexplainer.recommenders.base import User

    use_threads(recipe.threads_each)
    alignment, surrogate = load_alignment(context.folders), load_surrogate(context.folders[aligned])
    dataset, recommender = alignment.dataset, alignment.recommender
    asked = _questions_of_interest(alignment)
    step = max(2, len(asked) // _GUARDED_BY)
    guarded = TestCases(dataset, recommender, asked[::step])
    pairs = [(User(one.history, one.user), one.items[0]) for at, one in enumerate(asked) if at % step]
    log = prefer(surrogate, dataset, recommender, pairs, settings, partial(_accuracy, cases=guarded))
    surrogate.save_pretrained(folder)
    write_json(folder / "preference.json", asdict(log))
    undone = ", undone since alignment fell" if log.undone else ""
    return (
        f"{log.pairs:,} pairs; explanations scored {log.score_before:.3f}, "
        f"after preference training {log.score_after:.3f}{undone}"
    )


def _questions_of_interest(alignment: Alignment) -> list[Example]:
    """Items that f likes or dislikes for the users learned from: what people ask to have explained.

    Raises:
        SettingsError: The examples have too few.
    """
    asked = [one for one in alignment.examples if one.task == "classification"]
    if len(asked) < _FEWEST:
        raise SettingsError(
            f"Preference training asks about items that f likes or dislikes, of which the examples have {len(asked)}.",
            location="surrogate.preference",
            hint="Let examples.tasks have classification, or leave preference training out.",
        )
    return asked


def _accuracy(surrogate: Surrogate, *, cases: TestCases) -> float:
    from recexplainer.evaluation.alignment import evaluate_surrogate

    rows = evaluate_surrogate(surrogate.eval(), cases, "guarded")
    return next(row.value or 0.0 for row in rows if row.metric == "accuracy")
