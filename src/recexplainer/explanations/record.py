"""An Explanation is a record, not a string: the text, what it cites and claims, and what the recommender says of it."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.claims.claim import Claim, faults
from recexplainer.recommenders.stability import Effect


@dataclass(frozen=True, slots=True, order=True)
class Method:
    """Who explains, and how: what explanations are grouped by.

    Attributes:
        name: A form of the surrogate, a template, or a model's name.
        variant: `grounded`, `self_attribution`, `direct`, or "" where there is one way only.
    """

    name: str
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.variant})" if self.variant else self.name


@dataclass(frozen=True, slots=True)
class Citation:
    """A title found in the text, and what the recommender does without that item.

    Attributes:
        item: Item index in the catalogue.
        title: Its title, as it stands in the text.
        start: Offset of the first character in the text.
        end: Offset after the last character.
        in_history: Whether the item is in the user's history.
        attribution: The score of the item asked about, minus the score without the cited item; None if that is not in
            the history or if the recommender cannot answer for a changed history.
        ablated_rank: The rank that the item asked about would have without the cited item; None as above.
        matters: Whether the attribution is larger in size than the median of the history; None as above.
    """

    item: int
    title: str
    start: int
    end: int
    in_history: bool
    attribution: float | None
    ablated_rank: int | None
    matters: bool | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an item is or is not recommended, and how far that holds of the recommender.

    Attributes:
        method: Who explains: a form of the surrogate, a template, or a model's name.
        user: The user's own id.
        history: Item indices, oldest first; `history_titles` are their titles.
        item: The item asked about; `item_title` is its title.
        verdict: Whether the surrogate, or the text of somebody else, says that it is recommended; None where a text of
            somebody else states no verdict.
        probability: The surrogate's probability of "Yes" against "No"; of somebody else's text 1, 0, or 0.5 where it
            states no verdict.
        text: The explanation in words.
        citations: Titles found in the text by exact match, in order of appearance, the item asked about aside.
        recommended: The recommender's own verdict: its score is above this user's top-20% threshold.
        score: The recommender's score.
        rank: The recommender's rank of the item among those not in the history, 1 the best.
        n_ranked: How many items that ranking holds.
        attributions: `[history]`, for each history item the score with it minus without it; empty if the recommender
            cannot say.
        aspect: What the reader asked to hear of, in words, or "".
        claims: What the text claims, in order of appearance, each with its status.
        abstained: Why no reasons are given; "" where they are.
        variant: How: `grounded` (the recommender was asked first), `self_attribution` (the surrogate was asked first
            which history items matter), `direct` (the surrogate alone), or "" where there is one way only.
        effects: `[history]`, what each history item does, asked in several ways; () as for attributions.
        score_std: The standard deviation of the recommender's scores over the items not in the history: the measure of
            what effect counts; 0 where it is not known.
        writer: Who wrote the text that is shown: `surrogate`, `realised` (the wording of the evidence, without a
            language model), or a chat model's name; "" for texts of somebody else.
        attempts: How many texts were written until this one was taken.
        translation: The text in the language asked for, whose claims are not read; "" for English.
        note: What was left out of the text of the writer that was asked, or why another's stands in its place; or "".
    """

    method: str
    user: str
    history: tuple[int, ...]
    history_titles: tuple[str, ...]
    item: int
    item_title: str
    verdict: bool | None
    probability: float
    text: str
    citations: tuple[Citation, ...]
    recommended: bool
    score: float
    rank: int
    n_ranked: int
    attributions: tuple[float, ...]
    aspect: str = ""
    claims: tuple[Claim, ...] = ()
    abstained: str = ""
    variant: str = ""
    effects: tuple[Effect, ...] = ()
    score_std: float = 0.0
    writer: str = ""
    attempts: int = 1
    translation: str = ""
    note: str = ""

    @property
    def source(self) -> Method:
        """Who explains, and how."""
        return Method(self.method, self.variant)

    @property
    def faults(self) -> tuple[Claim, ...]:
        """The claims that do not hold by the wording of rationales, in order; () if all of it holds."""
        return faults(self.claims)
