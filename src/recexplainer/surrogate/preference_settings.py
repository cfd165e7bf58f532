"""Settings of preference training; torch is not needed to read them."""

from __future__ import annotations

from pydantic import Field

from recexplainer.settings import Settings


class PreferenceSettings(Settings):
    """How a surrogate learns to prefer, of its own explanations, those that f bears out (DPO)."""

    questions: int = Field(default=2000, ge=2)
    """Most pairs of user and item that texts are sampled for; of more, so many are drawn from the seed."""
    held_out: float = Field(default=0.1, gt=0, lt=1)
    """Share of these questions that nothing is learned from; the score before and after is theirs."""
    evidence: float = Field(default=0.3, ge=0, le=1)
    """Share of the questions that are asked with evidence; at the others the surrogate explains by itself."""
    texts: int = Field(default=6, ge=2)
    """Texts sampled for each question; the best and the worst may become a pair."""
    temperature: float = Field(default=1.0, gt=0)
    """Temperature of the sampling: higher is more varied."""
    margin: float = Field(default=0.1, ge=0, lt=1)
    """How much more the best must score than the worst, from 0 to 1, for the two to be learned from."""
    beta: float = Field(default=0.1, gt=0)
    """How strongly the surrogate is held to what it said before (Rafailov et al. 2023); higher holds more."""
    likelihood: float = Field(default=0.2, ge=0)
    """Weight of the preferred text's own likelihood, so that it does not fall beside the other's (Pang et al. 2024)."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak learning rate of AdamW; about a third of alignment's."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    epochs: int = Field(default=2, ge=1)
    """Passes over the pairs; the guard is asked after each."""
    tokens_per_batch: int = Field(default=4096, ge=64)
    """Token budget of a batch, both texts of a pair and padding included."""
    guard: float = Field(default=0.01, ge=0)
    """How far alignment may fall, in the guard's own unit: 0.01 is one point of accuracy. Beyond it all is undone."""
    seed: int = 0
    """Seed of the questions, the sampling and the order."""
