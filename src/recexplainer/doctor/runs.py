"""What is suspicious in a run: how its recommender ranks held-out items, and what reading the data warned of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recexplainer.data.dataset import Dataset
from recexplainer.pipeline.layout import DATASET, TARGET, RunLayout, load_ranking_check
from recexplainer.pipeline.runs import recipe_of
from recexplainer.recommenders.ranking_check import RankingCheck


@dataclass(frozen=True, slots=True)
class RunCheckup:
    """What was found in a run; `data_warnings` are those of its dataset, with their counts."""

    run: str
    recommender: str
    ranking: RankingCheck
    data_warnings: tuple[str, ...]


def check_run(run: Path) -> RunCheckup:
    """Look at a run folder. Raises RunError where its recommender is not made yet."""
    layout = RunLayout(run)
    folders = {name: layout.complete_stage(name) for name in TARGET}
    notes = Dataset.load(folders[DATASET]).notes
    return RunCheckup(
        run=str(run),
        recommender=recipe_of(run).recommender.name,
        ranking=load_ranking_check(folders),
        data_warnings=tuple(f"{note.what}: {note.count:,}" for note in notes if note.warning),
    )
