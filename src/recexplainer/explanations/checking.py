"""Checking texts that anybody wrote: which claims each makes of a user and an item, and what it leaves not understood.

It knows neither files nor who wrote the texts; no surrogate is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from recexplainer.claims.claim import Claim, stated
from recexplainer.claims.parser import ClaimParser
from recexplainer.claims.reader import Case
from recexplainer.errors import DataError
from recexplainer.explanations.explainer import BATCH_SIZE, PairExplainer
from recexplainer.explanations.pairs import FindPair, find_located, require_values
from recexplainer.progress import track
from recexplainer.recommenders.base import User

if TYPE_CHECKING:
    from recexplainer.chat.model import ChatModel

COLUMNS = ("user", "item", "text")
"""What a text to be checked must have; `id` it may have."""


class TextToCheck(NamedTuple):
    """A text about a user and an item; `id` is what to call it."""

    id: Any
    user: User
    item: int
    text: str


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text, and what it claims of a user and an item.

    Attributes:
        id: What the text is called: its own id, or its number from 1.
        user: The user's own id.
        item: The item's own id.
        text: The text.
        claims: What it states, in order, each with its status.
        unread: Offsets, start and end, of the sentences that were not understood: nothing is known of them.
        n_sentences: How many sentences it has.
        items: The own id and the title of the item, and of each that a claim is about, by their indices.
    """

    id: Any
    user: str
    item: str
    text: str
    claims: tuple[Claim, ...]
    unread: tuple[tuple[int, int], ...]
    n_sentences: int
    items: Mapping[int, tuple[str, str]] = field(compare=False, repr=False)

    @property
    def contradicted(self) -> bool:
        """Whether the recommender or the catalogue contradicts one of its claims."""
        return any(claim.status == "contradicted" for claim in self.claims)

    @property
    def title(self) -> str:
        """The title of the item."""
        return dict(self.items.values())[self.item]

    def named(self, claim: Claim) -> tuple[str | None, str | None]:
        """The own id and the title of what a claim is about; of no item of the catalogue the title as written."""
        if claim.item is not None:
            return self.items[claim.item]
        written = self.text[claim.start : claim.end] if claim.kind == "history" else claim.title
        return None, written or None

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON; of a claim, what it does not have is null."""
        claims: list[dict[str, Any]] = []
        for one in self.claims:
            item, title = self.named(one)
            value = one.value or None
            place = {"start": one.start, "end": one.end, "status": one.status, "found": one.found}
            claims.append({"kind": one.kind, "item": item, "title": title, "value": value, **place})
        unread = [list(span) for span in self.unread]
        own = {"id": self.id, "user": self.user, "item": self.item, "text": self.text}
        return {**own, "claims": claims, "unread": unread}


def texts_to_check(rows: Iterable[tuple[str, Mapping[str, Any]]], pair: FindPair) -> list[TextToCheck]:
    """Texts with the users and items that they are about, from rows with `user`, `item`, `text` and maybe `id`.

    Args:
        rows: `[texts]`, where each row stands, for messages, and the row.
        pair: Finds a user and an item, such as `PairExplainer.pair` or `unseen_pair`.

    Raises:
        DataError: A row lacks something, its text is empty, or `pair` does not find its user or item.
    """
    texts: list[TextToCheck] = []
    for number, (location, row) in enumerate(rows, 1):
        require_values(location, row, COLUMNS)
        text, own = row["text"], row.get("id")
        if not isinstance(text, str) or not text.strip():
            what = "the text is empty" if isinstance(text, str) else f"the text is no text, but {text!r:.60}"
            raise DataError(what, location=location, hint="give an explanation in words, or leave the row out")
        user, item = find_located(location, row, pair)
        text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no character
        texts.append(TextToCheck(number if own in (None, "") else own, user, item, text))
    return texts


def check_texts(
    explainer: PairExplainer, texts: Sequence[TextToCheck], reader: ChatModel | None = None
) -> list[CheckedText]:
    """The texts with their claims checked, in the order given; `reader` is a chat model that reads them.

    The recommender is asked in batches, once for each pair in one. Where it cannot answer for a changed history, what
    history items do is unverified. Without `reader` the network reads.

    Raises:
        ChatError: The reader's endpoint cannot be reached, or refuses.
        DataError: A history is empty, or an item is not in the catalogue.
        RecommenderError: An item is never recommended to its user.
    """
    parser = explainer.verifier.parser
    if reader is not None:
        from recexplainer.claims.chat_reader import ChatReader

        parser = parser.with_reader(ChatReader(reader, explainer.dataset.titles))
    return list(track(_checked(explainer, texts, parser), "checking texts", total=len(texts)))


def _checked(explainer: PairExplainer, texts: Sequence[TextToCheck], parser: ClaimParser) -> Iterator[CheckedText]:
    dataset, verifier = explainer.dataset, explainer.verifier
    changeable = explainer.recommender.answers_changed_history
    for start in range(0, len(texts), BATCH_SIZE):
        batch = texts[start : start + BATCH_SIZE]
        pairs = list(dict.fromkeys((one.user, one.item) for one in batch))
        answers = dict(zip(pairs, explainer.evidence(pairs, attributed=changeable), strict=True))
        parser.prepare([Case(one.text, answers[one.user, one.item].whole_history, one.item) for one in batch])
        for one in batch:
            evidence = answers[one.user, one.item]
            parsed = parser.parse(one.text, evidence.whole_history, evidence.item)
            claims = stated(verifier.verify(parsed, evidence))
            about = {one.item, *(claim.item for claim in claims if claim.item is not None)}
            yield CheckedText(
                id=one.id,
                user=one.user.id,
                item=dataset.item_ids[one.item],
                text=one.text,
                claims=claims,
                unread=parsed.unread,
                n_sentences=parsed.sentences,
                items={item: (dataset.item_ids[item], dataset.titles[item]) for item in about},
            )
