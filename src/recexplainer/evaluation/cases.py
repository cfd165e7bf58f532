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
    """At most `count` pairs of a test user, the test item left out, and an item.

    The items are in turn one that the recommender likes and one that it dislikes for the user; fewer pairs where there
    are fewer test users.
    """
    random = np.random.default_rng(seed)
    drawn = random.permutation(split.test_users)[:count].tolist()
    users = [User(truncate(split.train_history(index), recommender), dataset.user_ids[index]) for index in drawn]
    sides: dict[str, dict[str, int]] = {}
    for batch in score_batches(recommender, users):
        for example in classification_examples(batch, random):
            sides.setdefault(example.user, {})[example.answer_text] = example.items[0]
    pairs: list[tuple[User, int]] = []
    for number, user in enumerate(users):
        if found := sides.get(user.id):
            wanted = "Yes" if number % 2 == 0 else "No"
            pairs.append((user, found[wanted] if wanted in found else next(iter(found.values()))))
    return pairs


def draw_shots(examples: Sequence[Example], seed: int = 0) -> dict[str, list[Example]]:
    """For each task two training questions with their answers (paper section 3.2.3)."""
    random = np.random.default_rng(seed)
    by_task: dict[str, list[Example]] = {}
    for example in examples:
        by_task.setdefault(example.task, []).append(example)
    return {
        task: [of_task[place] for place in random.choice(len(of_task), min(SHOTS, len(of_task)), replace=False)]
        for task, of_task in by_task.items()
    }
