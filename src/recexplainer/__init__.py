"""RecExplainer: a language model that answers as a recommender does, and says why.

Importing the package loads nothing; each name below is fetched from its room when it is first used.
"""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recexplainer.data.dataset import Dataset
    from recexplainer.explanations.explainer import explain
    from recexplainer.explanations.record import Explanation
    from recexplainer.recommenders.base import Recommender, User
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.settings import SurrogateSettings
    from recexplainer.surrogate.training import align
    from recexplainer.tasks.mixture import MixtureSettings

    __version__: str

__all__ = [
    "Dataset",
    "Explanation",
    "MixtureSettings",
    "Recommender",
    "Surrogate",
    "SurrogateSettings",
    "User",
    "__version__",
    "align",
    "explain",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())  # the user of the library decides what is printed

_ROOMS = {
    "Dataset": "recexplainer.data.dataset",
    "Explanation": "recexplainer.explanations.record",
    "MixtureSettings": "recexplainer.tasks.mixture",
    "Recommender": "recexplainer.recommenders.base",
    "Surrogate": "recexplainer.surrogate.model",
    "SurrogateSettings": "recexplainer.surrogate.settings",
    "User": "recexplainer.recommenders.base",
    "align": "recexplainer.surrogate.training",
    "explain": "recexplainer.explanations.explainer",
}


def __getattr__(name: str) -> Any:  # the type of each name is given above, for type checkers
    if name == "__version__":
        return _version()
    if name in _ROOMS:
        return getattr(import_module(_ROOMS[name]), name)
    raise AttributeError(f"module 'recexplainer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


def _version() -> str:
    try:
        return version("recexplainer")
    except PackageNotFoundError:  # imported from a source folder that was never installed
        return "0+source"
