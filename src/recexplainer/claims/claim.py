"""A claim: one thing that a text says of a recommendation, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ClaimStatus = Literal["supported", "unverified", "contradicted"]
ClaimKind = Literal[
    "verdict",
    "history",
    "positive_attribution",
    "negative_attribution",
    "shared",
    "no_positive_attribution",
    "no_negative_attribution",
    "popular",
]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a text says of the recommender, of the history or of an item, and whether it holds.

    Attributes:
        kind: `verdict`: the recommender says yes or no; `history`: this title is something that the user had;
            `positive_attribution`, `negative_attribution`: this history item counts for or against the item asked
            about; `no_positive_attribution`, `no_negative_attribution`: nothing in the history does; `shared`: this
            history item, or several, share an attribute with it; `popular`: the item pleases most users.
        status: `supported`; `unverified`: not clearly so; `contradicted`: it is otherwise.
        found: What the recommender or the catalogue says to it, in one short line.
        start: Offset in the text of the first character of the words that claim it.
        end: Offset after the last one.
        item: The item that it is about; None where it is about none of the catalogue.
    """

    kind: ClaimKind
    status: ClaimStatus
    found: str
    start: int
    end: int
    item: int | None = None
