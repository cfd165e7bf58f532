"""Recommenders for audits: random scores, which follow no rule, and one whose scores are given."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from recexplainer.audit.audit import Audit, audit
from recexplainer.audit.sample import AuditSettings
from recexplainer.data.dataset import Dataset
from recexplainer.data.sample import make_world
from recexplainer.errors import RecommenderError
from recexplainer.evaluation.synthetic.rules import synthetic_recommenders
from recexplainer.recommenders.base import Floats, Recommender, User

SETTINGS = AuditSettings(users=60, questions=22_000)
LARGE = AuditSettings(users=150, questions=60_000)
DATE = "2026-11-30"


@cache
def shop() -> Dataset:
    return make_world(users=200, items=160)


class ScoredBy(Recommender):
    """Scores by a function of the user."""

    def __init__(
        self, n_items: int, score: Callable[[User], Floats], max_history: int = 9, *, answers_changed: bool = True
    ) -> None:
        self.n_items, self.max_history = n_items, max_history
        self.has_vectors, self.answers_changed_history = False, answers_changed
        self._score = score

    def item_vectors(self) -> Floats:
        raise RecommenderError("There are no vectors.")

    def user_vectors(self, users: Sequence[User]) -> Floats:
        return self.item_vectors()

    def scores(self, users: Sequence[User]) -> Floats:
        return np.array([self._score(user) for user in users], np.float32).reshape(-1, self.n_items)


def random_by(key: Callable[[User], object], n_items: int = 160, **options: bool) -> ScoredBy:
    """Random scores, the same wherever the key of the user is the same."""

    def score(user: User) -> Floats:
        rng = np.random.default_rng(zlib.crc32(repr(key(user)).encode()))
        return rng.normal(size=n_items).astype(np.float32)

    return ScoredBy(n_items, score, **options)


@cache
def audit_of_rule(rule: str) -> Audit:
    """The audit of a synthetic recommender."""
    return audit(shop(), synthetic_recommenders(shop())[rule], SETTINGS, name=rule, date=DATE)


def sentence(found: Audit, name: str) -> tuple[str, str]:
    """The status of a finding and its text."""
    return next((one.status, one.text) for one in found.findings if one.name == name)


def figure(found: Audit, metric: str, variant: str = "") -> float | None:
    """The value of a row."""
    return next(r.value for r in found.rows if (r.task, r.metric, r.variant) == ("audit", metric, variant))
