"""Reading back a recommender of any kind, and what is known of it. Only the module of its own kind is imported."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Recommender
from recexplainer.storage import read_json

_CLASSES = {
    "sasrec": ("sasrec", "SASRec"),
    "mf": ("factorization", "MF"),
    "vectors": ("vectors", "VectorRecommender"),
    "function": ("function", "FunctionRecommender"),
}


def load_recommender(folder: Path) -> Recommender:
    """The recommender that was saved in a folder, whatever its kind.

    Raises RunError where there is none, RecommenderError for an unknown kind or what cannot be imported any more.
    """
    kind = read_json(folder / "recommender.json").get("kind")
    if kind not in _CLASSES:
        message = f"A recommender of the unknown kind {kind!r} was saved here."
        hint = f"Known are {', '.join(_CLASSES)}; it may be of a newer version."
        raise RecommenderError(message, location=str(folder / "recommender.json"), hint=hint)
    module, name = _CLASSES[kind]
    return getattr(import_module(f"recexplainer.recommenders.{module}"), name).load(folder)
