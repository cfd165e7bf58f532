"""A claim: one thing that a text says of a recommendation, and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ClaimStatus = Literal["supported", "unverified", "contradicted"]
ClaimKind = Literal["verdict", "history", "for", "against", "shared", "nothing-for", "nothing-against", "popular"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a text says of f, of the history or of an item, and whether it holds.

    Attributes:
        kind: `verdict`: f says yes or no; `history`: this title is something that the user had; `for`, `against`: this
            history item speaks for or against the item asked about; `shared`: this history item, or several, share an
            attribute with it; `nothing-for` and `nothing-against`: nothing in the history does;
            `popular`: the item pleases most users, whatever their history.
        status: `supported`; `unverified`: not clearly so; `contradicted`: it is otherwise.
        found: What f or the catalogue says to it, in one short line.
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
