"""A claim: one thing that a text says of a recommendation, its status, and the filters that others go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

ClaimStatus = Literal["supported", "unverified", "contradicted"]
StatedKind = Literal[
    "verdict",
    "history",
    "positive",
    "negative",
    "no_effect",
    "strongest",
    "shared",
    "counterfactual",
    "nothing_positive",
    "nothing_negative",
    "popular",
    "rank",
    "other",
]
FindingKind = Literal[
    "standing", "order", "balance", "negligible", "link", "nothing_shared", "omission", "not_understood", "no_verdict"
]
ClaimKind = Literal[StatedKind, FindingKind]
STATED: frozenset[ClaimKind] = frozenset(get_args(StatedKind))
"""The kinds that are read of texts in any words. Metrics count these; the others are findings, kept where they fail."""
SIGNS: Mapping[ClaimKind, int] = {"positive": 1, "negative": -1}
"""The kinds of claims about one history item, and which way it is said to count."""
CHECKABLE: frozenset[ClaimKind] = STATED - {"other"}
"""The kinds that the recommender or the catalogue can confirm; `other` facts of the world they never can."""
NEIGHBOUR = "neighbour"
"""The sort of what is claimed to be shared where a history item lies close to the item in the recommender's view."""
REST = "rest"
"""The value of `no_effect` of all other history items."""
_UNREAD = ("not_understood", "no_verdict")


@dataclass(frozen=True, slots=True)
class ParsedClaim:
    """Something that a text says, not yet checked; kind, offsets, item, value and title as in `Claim`.

    `sort` of an attribute is `brand`, `genre`, `platform`, `word`, `neighbour`, or "" where the text does not say.
    `confidence` is the reader's probability, 1 where the wording is known.
    """

    kind: StatedKind
    start: int
    end: int
    item: int | None = None
    value: str = ""
    sort: str = ""
    title: str = ""
    confidence: float = 1.0

    @property
    def ambiguous(self) -> bool:
        """Whether it is about a title that fits several items."""
        return self.kind == "history" and self.item is None and not self.title


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a text says of the recommender, of the history or of an item, and whether it holds.

    Stated in any words: `verdict`: the recommender says yes or no; `history`: this title is something that the user
    had; `positive`, `negative`, `no_effect`: this history item counts for the item asked about, against it, or does
    nothing; `strongest`: it does most; `counterfactual`: without it the item would stand at this rank;
    `nothing_positive`, `nothing_negative`: no history item does; `shared`: this history item, or several, share an
    attribute with the item; `popular`: it pleases most users; `rank`: it stands at this rank; `other`: anything else.

    Findings, of texts in the wording of rationales, and only what does not hold: `standing`: how far up the list the
    item stands; `order`: what is named first does most; `balance`: which of two items does more; `negligible`: this
    item is given as a reason, but does nothing; `link`: what ties history items to the item, in these very words;
    `nothing_shared`: the catalogue names nothing of a kind in common; `omission`: what does most is not named, so the
    span is empty; `not_understood`: the text from here on is not in that wording; `no_verdict`: none of it is.

    Attributes:
        kind: What is claimed, one of the above.
        status: `supported`; `unverified`: not clearly so; `contradicted`: it is otherwise.
        found: What the recommender or the catalogue says to it, in one short line for people.
        start: Offset in the text of the first character of the words that claim it.
        end: Offset after the last one.
        item: The item that it is about; None where it is about none of the catalogue, about several, or about all.
        value: Of a verdict "yes" or "no"; of `strongest` "positive", "negative" or "any"; of `shared` the attribute; of
            `rank` and `counterfactual` the rank as said, "3", "3 of 1830" or "<=10"; of `no_effect` of all other
            history items "rest"; else "".
        title: As the text writes it, where it is about a title that is none of the catalogue; else "".
    """

    kind: ClaimKind
    status: ClaimStatus
    found: str
    start: int
    end: int
    item: int | None = None
    value: str = ""
    title: str = ""


def stated(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims without the findings: what metrics count."""
    return tuple(claim for claim in claims if claim.kind in STATED)


def faults(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """What does not hold of a text that is held to the wording of rationales, in order; () if all of it holds.

    These are all findings; and of what is stated in words that are understood, popularity that is not supported, and
    what else is contradicted. Attributes are left to the finding `link`.
    """
    claims = tuple(claims)
    negligible = {one.item for one in claims if one.kind == "negligible"}
    understood = min((one.start for one in claims if one.kind in _UNREAD), default=None)
    return tuple(
        one
        for one in claims
        if one.kind not in STATED
        or (
            _fails(one)
            and (understood is None or one.start < understood)
            and not (one.kind in SIGNS and one.item in negligible)
        )
    )


def _fails(claim: Claim) -> bool:
    if claim.kind == "popular":
        return claim.status != "supported"
    return claim.kind != "shared" and claim.status == "contradicted"
