"""Evidence: what the recommender said when asked about one user and one item. A record; f is asked, g is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.attribution import removal_effects
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.spread import unseen_spread
from recexplainer.tasks.appeal import general_appeal
from recexplainer.tasks.asking import ask, cut, thresholds
from recexplainer.tasks.attributes import Attributes

# An effect smaller than this share of the spread of f's scores changes nothing; it reads 0.0 when rounded.
NEGLIGIBLE = 0.05
# Ranks up to this one are the top; below the top 20%, ranks up to this share of the list are near it.
TOP, NEAR = 10, 0.25
# An item that f recommends to this share of users or more pleases most of them.
MOST_USERS = 0.5
# To this share of users f recommends an item on average: to each its best 20%.
EXPECTED = 0.2
NEIGHBOURS = 20
# How many history items are put in words, the strongest; a long history would fill the prompt.
MOST_SHOWN = 16
CLOSE = "a close neighbour"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What f said of one item for one history (design: two ways to explain, never mixed up).

    Attributes:
        history: Item indices, oldest first.
        item: The item asked about.
        recommended: f's verdict: the score is above this user's top-20% threshold.
        score: f's score of the item for this history.
        rank: 1 is the best among the items that are not in the history.
        n_ranked: How many items were ranked.
        effects: `[history]`, for each history item: score with it minus score without it (positive: it speaks for).
        shared: `[history]`, for each history item: what it shares with the item, as short phrases such as
            "brand Nimbus", "genre puzzle", "platform Orbit", "the word 'Zelda' in the title", "a close neighbour".
        spread: Standard deviation of f's scores over the unseen items: the measure of what effect is large.
        appeal: The share of all users to whom f recommends the item; None where f was not asked.
    """

    history: tuple[int, ...]
    item: int
    recommended: bool
    score: float
    rank: int
    n_ranked: int
    effects: tuple[float, ...]
    shared: tuple[tuple[str, ...], ...]
    spread: float = 1.0
    appeal: float | None = None

    @property
    def weights(self) -> tuple[float, ...]:
        """`[history]`, the effects in units of the spread, so that they mean the same for every recommender."""
        return tuple(effect / self.spread for effect in self.effects)

    def stands_out(self, place: int) -> bool:
        """Whether a history item does more, the way it works, than a random other item of that history does."""
        sign = 1 if self.effects[place] > 0 else -1
        others = [sign * effect for other, effect in enumerate(self.effects) if other != place]
        return not others or sign * self.effects[place] > sum(others) / len(others)

    @property
    def upper_half(self) -> bool:
        """Whether the item ranks in the upper half of the list."""
        return 2 * self.rank <= self.n_ranked

    @property
    def popular(self) -> bool:
        """Whether f recommends the item to most users, whatever their history."""
        return self.appeal is not None and self.appeal >= MOST_USERS

    @property
    def at_top(self) -> bool:
        """Whether the item is among the first ten."""
        return self.rank <= TOP

    @property
    def near(self) -> bool:
        """Whether the item stands near the top 20%, or in it."""
        return self.rank <= NEAR * self.n_ranked

    @property
    def strongest_first(self) -> list[int]:
        """Places in the history by falling size of their effect, whichever way it goes."""
        return sorted(range(len(self.history)), key=lambda place: -abs(self.effects[place]))


def gather_evidence(
    recommender: Recommender,
    dataset: Dataset,
    users: Sequence[User],
    items: Sequence[int],
    *,
    attributes: Attributes | None = None,
    appeal: Floats | None = None,
) -> list[Evidence]:
    """Ask f about pairs of a user and an item, in batches.

    Args:
        recommender: f.
        dataset: The catalogue, for what items share.
        users: `[pairs]`; histories are cut to what f looks at.
        items: `[pairs]`, the item asked about.
        attributes: The attributes of the catalogue where they are known already; None works them out.
        appeal: `Float[items]`, what `general_appeal` gives, where it is known already; None works it out.

    Returns:
        `[pairs]`, in the order asked.

    Raises:
        RecommenderError: f cannot answer for a changed history, or a history is empty.
    """
    attributes = attributes or Attributes.of(dataset)
    appeal = general_appeal(recommender, dataset) if appeal is None else appeal
    users = [User(cut(user.history, recommender), user.id) for user in users]
    if not all(user.history for user in users):
        raise RecommenderError("A history is empty.", where="gather_evidence", mend="Ask about users with a history.")
    effects = removal_effects(recommender, users, items)
    neighbours = _neighbours(recommender, items)
    gathered: list[Evidence] = []
    for answers in ask(recommender, users):
        top, _ = thresholds(answers)
        for row, user in enumerate(answers.users):
            place = len(gathered)
            item, scores, unseen = int(items[place]), answers.scores[row], answers.unseen[row]
            gathered.append(
                Evidence(
                    history=user.history,
                    item=item,
                    recommended=bool(scores[item] > top[row]),
                    score=float(scores[item]),
                    rank=1 + int((scores[unseen] > scores[item]).sum()),
                    n_ranked=int(unseen.sum()),
                    effects=tuple(effects[place].tolist()),
                    shared=tuple(_shared(attributes, neighbours, item, other) for other in user.history),
                    spread=unseen_spread(scores, user.history),
                    appeal=float(appeal[item]),
                )
            )
    return gathered


def render_evidence(evidence: Evidence, titles: Sequence[str]) -> str:
    """Evidence as a compact text for a prompt, the same for every form and backbone.

    The verdict comes first, with how far up the list the item stands, and whether most users would be offered it. Then
    each history item is named once, by falling size of its weight, under what it does: for, against or nothing; of a
    long history the strongest sixteen.
    """
    groups = {name: list[str]() for name in ("For", "Against", "No effect")}
    for place in evidence.strongest_first[:MOST_SHOWN]:
        weight = evidence.weights[place]
        title = f"“{titles[evidence.history[place]]}”"
        if abs(weight) < NEGLIGIBLE:
            groups["No effect"].append(title)
            continue
        shared = f" ({', '.join(evidence.shared[place])})" if evidence.shared[place] else ""
        groups["For" if weight > 0 else "Against"].append(f"{title} {weight:+.1f}{shared}")
    parts = [f"rank {evidence.rank} of {evidence.n_ranked}, {_standing(evidence)}."]
    parts += ["Most users would be offered it."] if evidence.popular else []
    parts += [f"{name}: {'; '.join(texts)}." for name, texts in groups.items() if texts]
    return " ".join(parts)


def _standing(evidence: Evidence) -> str:
    if evidence.recommended:
        return "recommended, among the first ten" if evidence.at_top else "recommended"
    if evidence.near:
        return "not recommended, but near"
    return f"not recommended, in the {'upper' if evidence.upper_half else 'lower'} half"


def _neighbours(recommender: Recommender, items: Sequence[int]) -> dict[int, frozenset[int]]:
    """For each item asked about, its nearest items by cosine in f's item vectors; empty without vectors."""
    if not recommender.has_vectors:
        return {}
    vectors = recommender.item_vectors()
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    count = min(NEIGHBOURS, len(unit) - 1)
    nearest: dict[int, frozenset[int]] = {}
    for item in sorted({int(item) for item in items}):
        cosine = unit @ unit[item]
        cosine[item] = -np.inf
        nearest[item] = frozenset(np.argpartition(-cosine, count - 1)[:count].tolist()) if count > 0 else frozenset()
    return nearest


def _shared(attributes: Attributes, neighbours: Mapping[int, frozenset[int]], item: int, other: int) -> tuple[str, ...]:
    phrases = attributes.shared(other, item)
    return (*phrases, CLOSE) if other in neighbours.get(item, frozenset()) else phrases
