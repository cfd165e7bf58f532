"""Settings of the evaluations of a run: which are made, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from recexplainer.chat.settings import EndpointSettings
from recexplainer.evaluation.distillation import DistillationSettings
from recexplainer.evaluation.encoder import EncoderSettings
from recexplainer.settings import Settings

Evaluation = Literal[
    "alignment",
    "baselines",
    "judge",
    "discriminator",
    "score-predictor",
    "ablation",
    "agreement",
    "faithfulness",
    "planted",
]
EVALUATIONS: tuple[Evaluation, ...] = get_args(Evaluation)
"""In the order of the paper; the last two are ours."""
_OF_CASES: frozenset[Evaluation] = frozenset({"judge", "discriminator", "score-predictor", "faithfulness"})


class AblationSettings(Settings):
    """How surrogates are aligned anew, each without some of the tasks (paper section 3.5, Figure 7)."""

    steps: int = Field(default=1500, ge=1)
    """Training steps of each, the same for all."""
    users: int = Field(default=500, ge=1)
    """Test users whose questions each is measured by; all are measured by the same."""
    cases: int = Field(default=200, ge=1)
    """Explanations of each that are judged."""


class EvaluationSettings(Settings):
    """Which evaluations are made, and how; `recexplainer evaluate` adds to those that a run makes."""

    made: tuple[Evaluation, ...] = ("alignment",)
    """Which are made."""
    cases: int = Field(default=2500, ge=5)
    """Pairs of a user and an item that every method explains (paper section 3.4: 2,500); fewer where there are fewer
    test users."""
    judged: int = Field(default=500, ge=1)
    """How many of them are judged (paper section 3.3: 500)."""
    read: int = Field(default=2500, ge=5)
    """How many of them the discriminator and the score predictor learn from and are tested by (section 3.4: 2,500). On
    one core 800 take them about ten minutes each."""
    faithful: int = Field(default=500, ge=1)
    """How many of them f is asked about again, without what the texts cite."""
    simulated: int = Field(default=100, ge=1)
    """Of how many of them a chat model or a language model that is named foretells f, by the texts alone: three
    questions each and method."""
    planted: int = Field(default=1000, ge=2)
    """Pairs of a true and a corrupted explanation that the metrics of faithfulness are tested on."""
    endpoint: EndpointSettings | None = None
    """A chat model that is measured too, judges, and foretells f by what others say; None: none is asked."""
    judge: str | None = None
    """A language model on this machine that judges and foretells, a folder or a name on the hub; None: none does."""
    ratings: Path | None = None
    """What people thought of the explanations, as `recexplainer study import` keeps it; None: nobody was asked."""
    student: DistillationSettings = DistillationSettings()
    """The SASRec that is distilled from the recommender."""
    encoder: EncoderSettings = EncoderSettings()
    """What reads explanations for the discriminator and the score predictor."""
    ablation: AblationSettings = AblationSettings()
    """What is left out, and for how long the rest is learned."""
    seed: int = Field(default=0, ge=0)
    """Seed of what Random and Popularity draw, of the cases, and of the order in which they are judged. How many
    questions alignment is measured by is set by `examples.test_users`."""

    @property
    def compares_people(self) -> bool:
        """Whether what people thought of the explanations is compared with what judges did."""
        return "agreement" in self.made and self.ratings is not None

    @property
    def has_reader(self) -> bool:
        """Whether a language model is named that reads explanations."""
        return self.endpoint is not None or self.judge is not None

    @property
    def needed(self) -> frozenset[Evaluation]:
        """Those to be made: with people's ratings the judge too, whom they are compared with."""
        return frozenset((*self.made, "judge") if self.compares_people else self.made)

    @property
    def explains_cases(self) -> bool:
        """Whether one of them has every method explain the same cases."""
        return not self.needed.isdisjoint(_OF_CASES)
