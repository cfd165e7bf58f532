"""RecExplainer: a language model that answers as a recommender does, and says why, each claim checked.

Importing the package loads nothing; each name below is fetched from its module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recexplainer.claims.claim import Claim
    from recexplainer.data.dataset import Dataset
    from recexplainer.explainer import Explainer, Results, check
    from recexplainer.explanations.record import Explanation
    from recexplainer.recommenders.base import Recommender, User
    from recexplainer.recommenders.factorization import MF
    from recexplainer.recommenders.function import FunctionRecommender
    from recexplainer.recommenders.sasrec import SASRec
    from recexplainer.recommenders.vectors import VectorRecommender
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.settings import SurrogateSettings
    from recexplainer.tasks.mixture import MixtureSettings

    __version__: str

__all__ = [
    "MF",
    "Claim",
    "Dataset",
    "Explainer",
    "Explanation",
    "FunctionRecommender",
    "MixtureSettings",
    "Recommender",
    "Results",
    "SASRec",
    "Surrogate",
    "SurrogateSettings",
    "User",
    "VectorRecommender",
    "__version__",
    "check",
]

_MODULES = {
    "MF": "recommenders.factorization",
    "Claim": "claims.claim",
    "Dataset": "data.dataset",
    "Explainer": "explainer",
    "Explanation": "explanations.record",
    "FunctionRecommender": "recommenders.function",
    "MixtureSettings": "tasks.mixture",
    "Recommender": "recommenders.base",
    "Results": "explainer",
    "SASRec": "recommenders.sasrec",
    "Surrogate": "surrogate.model",
    "SurrogateSettings": "surrogate.settings",
    "User": "recommenders.base",
    "VectorRecommender": "recommenders.vectors",
    "check": "explainer",
}


def __getattr__(name: str) -> Any:  # the type of each name is given above, for type checkers
    if name == "__version__":
        try:
            return version("recexplainer")
        except PackageNotFoundError:  # imported from a source folder that was never installed
            return "0+source"
    if name in _MODULES:
        return getattr(import_module(f"recexplainer.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'recexplainer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
