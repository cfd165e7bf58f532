"""The pairs whose explanations are compared: users drawn at random, each with one liked or one disliked item.

So the paper takes its cases for the judge (section 3.3): liked and disliked as in interest classification.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.data.dataset import Dataset, Split
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import score_batches, truncate
from recexplainer.tasks.example import Example
from recexplainer.tasks.scored_items import classification_examples

SHOTS = 2


def draw_cases(
    dataset: Dataset, split: Split, recommender: Recommender, count: int, seed: int = 0
) -> list[tuple[User, int]]:
    """Pairs of a test user and an item that f likes or dislikes for that user, in turn.

    Args:
        dataset: The catalogue and the histories.
        split: Whose test users are drawn from; their test items are left out of the histories.
        recommender: f.
        count: How many pairs; fewer where there are fewer test users.
        seed: Seed of the draw.
    """
    random = np.random.default_rng(seed)
    drawn = random.permutation(split.test_users)[:count].tolist()
    users = [User(truncate(split.train_history(at), recommender), dataset.user_ids[at]) for at in drawn]
    sides: dict[str, dict[str, int]] = {}
    for batch in score_batches(recommender, users):
        for example in classification_examples(batch, random):
            sides.setdefault(example.user, {})[example.answer_text] = example.items[0]
    wanted = {user.id: ("Yes", "No") if at % 2 == 0 else ("No", "Yes") for at, user in enumerate(users)}
    return [
        (user, next(sides[user.id][word] for word in wanted[user.id] if word in sides[user.id]))
        for user in users
        if user.id in sides
    ]


def draw_shots(examples: Sequence[Example], seed: int = 0) -> dict[str, list[Example]]:
    """For each task two training questions with their answers (paper section 3.2.3)."""
    random = np.random.default_rng(seed)
    by_task: dict[str, list[Example]] = {}
    for example in examples:
        by_task.setdefault(example.task, []).append(example)
    return {
        task: [of_task[at] for at in random.choice(len(of_task), min(SHOTS, len(of_task)), replace=False)]
        for task, of_task in by_task.items()
    }
