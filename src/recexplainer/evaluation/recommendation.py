"""How good the recommender itself is: HR and NDCG over the whole catalogue on the last items, beside popularity."""

from __future__ import annotations

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.data.split import Split
from recexplainer.evaluation import metrics
from recexplainer.evaluation.rows import Row, row
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.scoring import ScoreBatch, score_batches

_CUTS = (5, 10)


def evaluate_recommender(dataset: Dataset, split: Split, recommender: Recommender) -> list[Row]:
    """The rows of f (method `target`) and of popularity, on the held-out last items; the history is left out."""
    users = [User(tuple(split.train_history(int(user)).tolist()), dataset.user_ids[user]) for user in split.test_users]
    truth = [split.test_item(int(user)) for user in split.test_users]
    _, items = split.train_interactions()
    popularity = np.bincount(items, minlength=dataset.n_items).astype(np.float32)
    target: list[list[int]] = []
    popular: list[list[int]] = []
    for batch in score_batches(recommender, users):
        target += batch.best(max(_CUTS))
        popular += ScoreBatch(batch.users, np.broadcast_to(popularity, batch.scores.shape)).best(max(_CUTS))
    rows: list[Row] = []
    for method, ranked in (("target", target), ("popularity", popular)):
        for k in _CUTS:
            rows.append(row(method, "recommendation", f"hr@{k}", metrics.hit_ratio(ranked, truth, k=k)))
            rows.append(row(method, "recommendation", f"ndcg@{k}", metrics.ndcg(ranked, truth, k=k)))
    return rows
