"""The popularity of items under a recommender, kept in a file, so that 200 users are asked about once, not each time.

With it are kept the scores of a few users. If the recommender scores these otherwise now, it has changed, and the users
are asked about again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.scoring import recommended_shares, score_batches, truncate

_USERS = 4  # by whose scores a change is noticed


def keep_shares(path: Path, recommender: Recommender, dataset: Dataset) -> None:
    """Write the popularity of the items, as of `recommended_shares`, and the scores of a few users."""
    users = [row for row in np.linspace(0, dataset.n_users - 1, _USERS).astype(int) if len(dataset.history(int(row)))]
    rows = np.unique(np.array(users, np.int64))
    shares = recommended_shares(recommender, dataset)
    save_file({"shares": shares, "users": rows, "scores": _scores(recommender, dataset, rows.tolist())}, path)


def kept_shares(path: Path, recommender: Recommender, dataset: Dataset) -> Floats:
    """The popularity of the items, `Float[items]`: as kept, or asked where it is not kept or the recommender changed.

    Raises RecommenderError as `score_batches`.
    """
    try:
        kept = load_file(path)
        rows, shares, before = kept["users"].tolist(), kept["shares"], kept["scores"]
    except (OSError, SafetensorError, KeyError):
        return recommended_shares(recommender, dataset)
    if len(shares) == dataset.n_items and all(row < dataset.n_users for row in rows):
        now = _scores(recommender, dataset, rows)
        rounding = 1e-4 * (float(before.std()) or 1.0)
        if now.shape == before.shape and np.allclose(now, before, rtol=1e-4, atol=rounding):
            return shares
    return recommended_shares(recommender, dataset)


def _scores(recommender: Recommender, dataset: Dataset, rows: list[int]) -> Floats:
    """`Float[users, items]`, what the recommender answers for the histories of some users of the data."""
    users = [User(truncate(dataset.history(row), recommender), dataset.user_ids[row]) for row in rows]
    scores = [batch.scores for batch in score_batches(recommender, users)]
    return np.concatenate(scores) if scores else np.empty((0, recommender.n_items), np.float32)
