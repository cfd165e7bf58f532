"""What the API answers: the bodies of its answers. Items and users are named by their own ids."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from recexplainer.claims.claim import ClaimStatus

Direction = Literal["for", "against", "depends", "negligible"]


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Problem(Answer):
    """What is wrong, where, and what to do about it."""

    message: str
    location: str
    hint: str


class Failure(Answer):
    """The body of every answer that is no success."""

    error: Problem


class Item(Answer):
    """An item of the catalogue."""

    id: str
    title: str


class Effect(Answer):
    """What an item of the history does to the score of the item asked about."""

    value: float
    """What the score loses where it is left out."""
    low: float
    """The least by all ways to ask."""
    high: float
    """The most by all ways to ask."""
    direction: Direction
    """For or against where all ways agree; else it depends on the rest of the history, or is negligible."""
    ways: dict[str, float]
    """Each way to ask with its answer."""


class HistoryItem(Item):
    """An item of a history."""

    effect: Effect | None
    """What it does; null where the recommender does not look at it, or cannot say."""


class Standing(Answer):
    """Where an item stands for a user."""

    rank: int
    score: float


class Reason(HistoryItem):
    """An item of the history that the recommender looks at."""

    without: Standing | None
    """Where the item asked about would stand without it."""


class UserFound(Answer):
    """A user that was searched for."""

    id: str
    history_length: int


class Users(Answer):
    """Users that a search found."""

    users: list[UserFound]
    total: int
    """How many there are in all."""


class Items(Answer):
    """Items that a search found."""

    items: list[Item]
    total: int


class Ranked(Item):
    """An item of a list."""

    rank: int
    score: float


class Recommendation(Ranked):
    """An item of a list, with the reason in at most twelve words."""

    phrase: str
    no_reason: str | None
    """Why there is no phrase."""


class Recommendations(Answer):
    """A user's list."""

    recommendations: list[Recommendation]


class History(Answer):
    """A user's history, oldest first, and what each item does to an item."""

    id: str
    item: Ranked
    """The item that effects are about: the first recommendation, or the one asked for."""
    history: list[HistoryItem]


class Claim(Answer):
    """Something that a text says, and whether it holds."""

    kind: str
    status: ClaimStatus
    start: int
    """Offset in the text of its first character, in code points."""
    end: int
    text: str
    """The words that claim it."""
    said: str
    """What is claimed, in a few words."""
    found: str
    """What the recommender or the catalogue says to it."""
    item: Item | None
    """The item that it is about."""
    value: str
    effect: Effect | None
    """What that item does, where it is of the history and was asked about."""


class Explanation(Answer):
    """Why an item is or is not recommended to a user."""

    user: str
    item: Item
    writer: str
    method: str
    text: str
    claims: list[Claim]
    faults: list[str]
    """What does not hold of the text, one line each."""
    recommended: bool
    rank: int
    n_ranked: int
    score: float
    reasons: list[Reason]
    counterfactual: str
    """What the rank would be without a cited item."""
    abstained: str
    """Why there are no reasons in the text."""
    note: str
    """What was left out of the writer's text, or why another's stands in its place."""


class Explanations(Answer):
    """Explanations of pairs, in their order, as KServe's V1 protocol has them."""

    explanations: list[Explanation]


class Span(Answer):
    """A stretch of a text, in code points."""

    start: int
    end: int


class Checked(Answer):
    """A text with its claims."""

    text: str
    claims: list[Claim]
    unread: list[Span]
    """Sentences that were not understood: nothing is known of them."""
    sentences: int


class Moved(Ranked):
    """An item of a list before or after an edit of the history, and where it stands in both."""

    rank_before: int | None
    """Its rank before the edit; null where it was in the history."""
    score_before: float | None
    rank_after: int | None
    """Its rank after the edit; null where it is in the history."""
    score_after: float | None


class WhatIfAnswer(Answer):
    """A user's list before and after an edit of the history."""

    before: list[Moved]
    after: list[Moved]
    history: list[Item]
    """The history after the edit."""


class UserList(Answer):
    """A user and the list."""

    id: str
    history_length: int
    recommendations: list[Ranked]


class Comparison(Answer):
    """The lists of two users, and what they share."""

    a: UserList
    b: UserList
    shared: list[Item]
    """Items on both lists."""
    shared_history: list[Item]
    """Items that both have had."""


class Compared(Answer):
    """One of two items that are compared."""

    item: Item
    recommended: bool
    rank: int
    n_ranked: int
    score: float


class ContrastReason(Item):
    """An item of the history, and what it does to both items."""

    effect: Effect | None
    other_effect: Effect | None
    decides: bool
    """Whether it does more for the one than for the other, however one asks."""


class ContrastAnswer(Answer):
    """Why the one item, and not the other."""

    item: Compared
    other: Compared
    text: str
    claims: list[Claim]
    reasons: list[ContrastReason]
    """The history, what decides most first."""


class State(Answer):
    """Whether the server is there, or ready."""

    status: str


class Model(Answer):
    """A model, as KServe's V1 protocol has it, and who can write for it."""

    name: str
    ready: bool
    writers: list[str]
    """Who can write; the first one does where none is named."""
    version: str
    """Another one for other data, another recommender or another surrogate."""
    users: int
    items: int
    interactions: int


class Models(Answer):
    """The names of all models, as KServe's V1 protocol has them."""

    models: list[str]


class AuditAnswer(Answer):
    """An audit, as `recexplainer audit --json` prints it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    rows: list[dict[str, Any]]
    findings: list[dict[str, Any]]
