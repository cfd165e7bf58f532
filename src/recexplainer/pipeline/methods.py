"""Who explains the cases that explanations are compared by, and how each is asked."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.pipeline.names import explaining_form
from recexplainer.pipeline.recipe import Form, Recipe


@dataclass(frozen=True, slots=True)
class Method:
    """One that explains the cases.

    Attributes:
        speaker: What it is called, without evidence.
        form: The form of the run's surrogate that speaks; None: a model that is not aligned.
        evidence: Whether f is asked first.
        reflect: Whether a surrogate without evidence asks itself first which history items matter.
    """

    speaker: str
    form: Form | None = None
    evidence: bool = False
    reflect: bool = True

    @property
    def name(self) -> str:
        """What it is called in records and tables, as `Explainer` calls it."""
        return f"{self.speaker}+evidence" if self.evidence else self.speaker

    @property
    def stage(self) -> str:
        """Name of the stage, and of the folder, of what it says of the cases."""
        return f"explained-{self.name.replace('/', '-')}"


UNALIGNED = Method("unaligned", reflect=False)
"""The backbone before it is aligned."""


def explained_methods(recipe: Recipe) -> list[Method]:
    """Who explains the cases, in the order of the tables; the form that explains also at once, as in the paper."""
    endpoint, form = recipe.evaluation.endpoint, explaining_form(recipe)
    return [
        UNALIGNED,
        *([] if endpoint is None else [Method(endpoint.model)]),
        *(Method(one, one) for one in recipe.forms),
        Method(f"{form}-at-once", form, reflect=False),
        Method(form, form, evidence=True),
    ]
