"""Evidence: what the recommender says when asked about one user and one item. It does not know the surrogate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.neighbours import nearest_items
from recexplainer.recommenders.scoring import ScoreBatch, recommended_shares, score_batches, truncate
from recexplainer.recommenders.stability import Effect, history_effects

NEGLIGIBLE = 0.05  # an effect smaller than this share of `score_std` changes nothing; it reads 0.0 when rounded
TOP = 10  # ranks up to this one are the top
NEAR = 0.25  # below the top 20%, ranks up to this share of the list are near it
MOST_USERS = 0.5  # an item that the recommender suggests to this share of users or more pleases most of them
EXPECTED = 0.2  # to this share of users an item is recommended on average: to each its best 20%
NEIGHBOURS = 20
MOST_SHOWN = 16  # history items that are put in words, the strongest; a long history would fill the prompt
CLOSE = "a close neighbour"
_NAMES = {"for": "For", "against": "Against", "depends": "Depends", "none": "No effect"}  # as a prompt has them


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the recommender says of one item for one history.

    Attributes:
        history: Item indices, oldest first.
        recommended: The verdict: the score is above this user's top-20% threshold.
        rank: 1 is the best among the items that are not in the history.
        n_ranked: How many items were ranked.
        attributions: `[history]`, for each history item: score with it minus score without it; () if not asked.
        shared: `[history]`, for each history item: what it shares with the item, as short phrases such as
            "brand Nimbus", "genre puzzle", "platform Orbit", "the word 'Zelda' in the title", "a close neighbour".
        score_std: Standard deviation of the scores over eligible items: the measure of what effect is large.
        recommended_share: The share of all users to whom the recommender suggests the item; None if not asked.
        ablated_ranks: `[history]`, the rank without each history item; () if not asked.
        older: Item indices of what the user had before the history, which the recommender does not look at.
        effects: `[history]`, what each history item does, asked in several ways; () if not asked: then `attributions`
            are taken for it.
        tied: How many other ranked items score the same; `rank` is the first of the places that they share.
    """

    history: tuple[int, ...]
    item: int
    recommended: bool
    score: float
    rank: int
    n_ranked: int
    attributions: tuple[float, ...]
    shared: tuple[tuple[str, ...], ...]
    score_std: float = 1.0
    recommended_share: float | None = None
    ablated_ranks: tuple[int, ...] = ()
    older: tuple[int, ...] = ()
    effects: tuple[Effect, ...] = ()
    tied: int = 0

    @property
    def whole_history(self) -> tuple[int, ...]:
        """All that the user has had, oldest first, whether or not the recommender looks at it."""
        return (*self.older, *self.history)

    @property
    def standardized(self) -> tuple[float, ...]:
        """`[history]`, the effects in units of `score_std`, so that they mean the same for every recommender."""
        return tuple(attribution / self.score_std for attribution in self.attributions)

    @property
    def weights(self) -> tuple[float, ...]:
        """`[history]`, what each history item does however one asks, in units of `score_std`; 0 where it depends.

        Where it does not depend it is `standardized`, of negligible effects too.
        """
        depends = frozenset(self.depends)
        return tuple(0.0 if place in depends else one for place, one in enumerate(self.standardized))

    @property
    def depends(self) -> tuple[int, ...]:
        """Places in the history whose effect counts by one way to ask at least, but is not stable."""
        least = NEGLIGIBLE * self.score_std
        return tuple(
            place for place, effect in enumerate(self.effects) if effect.counts(least) and effect.sign(least) == 0
        )

    def does_more(self, place: int, other: int, times: float = 1.0) -> bool:
        """Whether one does so many times as much as another: left out, and by Shapley values where both have one."""
        left_out = abs(self.standardized[place]) > times * abs(self.standardized[other])
        return left_out and self._shapley(place) >= times * self._shapley(other)

    def _shapley(self, place: int) -> float:
        """The size of a Shapley value; 0.0 where none was asked for."""
        return abs(self.effects[place].shapley or 0.0) if self.effects else 0.0

    def rivals(self, place: int) -> list[int]:
        """Places that may do more than this one: by their Shapley value, or left out where that depends on the rest."""
        depends, weights = frozenset(self.depends), self.weights
        unsure = [one for one in self.strongest_first if one in depends and not self.does_more(place, one)]
        same_way = [one for one in self.strongest_first if weights[one] * weights[place] > 0]
        return unsure + [one for one in same_way if self._shapley(one) > self._shapley(place)]

    def stands_out(self, place: int) -> bool:
        """Whether a history item does more, the way it works, than a random other item of that history does."""
        sign = 1 if self.attributions[place] > 0 else -1
        others = [sign * attribution for other, attribution in enumerate(self.attributions) if other != place]
        return not others or sign * self.attributions[place] > sum(others) / len(others)

    @property
    def place(self) -> float:
        """The middle of the ranks that it shares with the items that score the same."""
        return self.rank + self.tied / 2

    @property
    def upper_half(self) -> bool:
        """Whether the item ranks in the upper half of the list."""
        return 2 * self.place <= self.n_ranked

    @property
    def popular(self) -> bool:
        """Whether the recommender suggests the item to most users, whatever their history."""
        return self.recommended_share is not None and self.recommended_share >= MOST_USERS

    @property
    def at_top(self) -> bool:
        """Whether the item is among the first ten."""
        return self.place <= TOP

    @property
    def near(self) -> bool:
        """Whether the item stands near the top 20%, or in it."""
        return self.place <= NEAR * self.n_ranked

    @property
    def by_effect(self) -> dict[str, list[int]]:
        """Places in the history by what they do, `for`, `against`, `depends` or `none`, the strongest first."""
        groups: dict[str, list[int]] = {name: [] for name in ("for", "against", "depends", "none")}
        depends, weights = frozenset(self.depends), self.standardized
        for place in self.strongest_first if weights else ():
            counts = abs(weights[place]) >= NEGLIGIBLE
            side = ("for" if weights[place] > 0 else "against") if counts else "none"
            groups["depends" if place in depends else side].append(place)
        return groups

    @property
    def strongest_first(self) -> list[int]:
        """Places in the history by falling size of their effect; what depends on the others comes after what counts."""
        sizes, depends = list(map(abs, self.standardized)), frozenset(self.depends)

        def order(place: int) -> tuple[int, float]:
            return (1 if place in depends else 2 if sizes[place] < NEGLIGIBLE else 0), -sizes[place]

        return sorted(range(len(self.history)), key=order)


def gather_evidence(
    recommender: Recommender,
    dataset: Dataset,
    users: Sequence[User],
    items: Sequence[int],
    *,
    attributes: Attributes | None = None,
    recommended_share: Floats | None = None,
    attributed: bool = True,
) -> list[Evidence]:
    """Ask the recommender about `[pairs]` of a user and an item, in batches; the evidence comes in the order asked.

    Histories are cut to what the recommender looks at. `recommended_share` is `Float[items]`, what `recommended_shares`
    gives; where it is None, or the attributes are, they are worked out. `attributed` False: it is not asked what
    history items do. Raises RecommenderError where the recommender would have to answer for a changed history and
    cannot, a history is empty, or an item is never recommended to the user.
    """
    attributes = attributes or Attributes.of(dataset)
    recommended_share = recommended_shares(recommender, dataset) if recommended_share is None else recommended_share
    whole = [user.history for user in users]
    users = [User(truncate(user.history, recommender), user.id) for user in users]
    if not all(user.history for user in users):
        raise RecommenderError(
            "A history is empty.", location="gather_evidence", hint="Ask about users with a history."
        )
    neighbours: dict[int, frozenset[int]] = {}
    if recommender.has_vectors:
        nearest = nearest_items(recommender.item_vectors(), items, NEIGHBOURS).tolist()
        neighbours = dict(zip(items, map(frozenset, nearest), strict=True))
    gathered: list[Evidence] = []
    for batch in score_batches(recommender, users):
        top, _ = batch.thresholds()
        ranks, ties, stds = batch.ranks(items[batch.span]), batch.ties(items[batch.span]), batch.stds()
        _refuse_excluded(batch, items[batch.span], dataset.titles)
        for row, user in enumerate(batch.users):
            place = len(gathered)
            item, scores = int(items[place]), batch.scores[row]
            gathered.append(
                Evidence(
                    history=user.history,
                    item=item,
                    recommended=bool(scores[item] > top[row]),
                    score=float(scores[item]),
                    rank=int(ranks[row]),
                    n_ranked=int(batch.eligible[row].sum()),
                    attributions=(),
                    shared=tuple(
                        (*attributes.shared(other, item), *([CLOSE] if other in neighbours.get(item, ()) else ()))
                        for other in user.history
                    ),
                    score_std=stds[row],
                    recommended_share=float(recommended_share[item]),
                    older=whole[place][: -len(user.history)],
                    tied=int(ties[row]),
                )
            )
    return _with_effects(recommender, users, gathered) if attributed else gathered


def _with_effects(recommender: Recommender, users: Sequence[User], gathered: Sequence[Evidence]) -> list[Evidence]:
    """The evidence with what each history item does."""
    least = [NEGLIGIBLE * one.score_std for one in gathered]
    known = history_effects(recommender, users, [one.item for one in gathered], least)
    return [
        replace(
            one,
            attributions=tuple(effect.deletion for effect in own.effects),
            ablated_ranks=own.ranks,
            effects=own.effects,
        )
        for one, own in zip(gathered, known, strict=True)
    ]


def _refuse_excluded(batch: ScoreBatch, items: Sequence[int], titles: Sequence[str]) -> None:
    """Raise RecommenderError for an item that is never recommended to the user: nothing of that is attributable."""
    for row, (user, item) in enumerate(zip(batch.users, items, strict=True)):
        if batch.excluded is not None and batch.excluded[row, item]:
            message = f"The recommender never recommends “{titles[item]}” to this user: its score is -inf or a mask."
            hint = "No history item decides that. Ask about an item with a finite score."
            raise RecommenderError(message, location=f"user {user.id!r}", hint=hint)


def render_evidence(evidence: Evidence, titles: Sequence[str], *, full: bool = False) -> str:
    """Evidence as a compact text for a prompt, the same for every form and backbone.

    The verdict comes first, with how far up the list the item stands, and whether most users would be offered it. Then
    each history item is named once, by falling size of its weight, under what it does: for, against, what depends on
    the other items, or nothing; of a long history the strongest sixteen. Where the first of those for or against is not
    sure to do most, that is said. In full it has what a text in own words may tell besides, the rank without each
    item that counts, and what those without effect share with the item asked about; but not what depends on the
    others, of which such a text does not speak.
    """
    parts = [f"rank {evidence.rank} of {evidence.n_ranked}, {_standing(evidence)}."]
    parts += ["Most users would be offered it."] if evidence.popular else []
    shown = evidence.strongest_first[:MOST_SHOWN]
    for name, places in evidence.by_effect.items():
        if full and name == "depends":
            continue
        if texts := [_history_item(evidence, titles, place, name, full) for place in places if place in shown]:
            unordered = name in ("for", "against") and evidence.rivals(places[0])
            parts.append(f"{_NAMES[name]}{', in no order' if unordered else ''}: {'; '.join(texts)}.")
    return " ".join(parts)


def _history_item(evidence: Evidence, titles: Sequence[str], place: int, does: str, full: bool) -> str:
    """The title of a history item; of one that counts for or against the item, its weight and what it shares, too."""
    title, counts = f"“{titles[evidence.history[place]]}”", does in ("for", "against")
    facts = list(evidence.shared[place]) if counts or full else []
    if counts and full and evidence.ablated_ranks:
        facts.append(f"without it rank {evidence.ablated_ranks[place]}")
    known = f" ({', '.join(facts)})" if facts else ""
    return f"{title} {evidence.standardized[place]:+.1f}{known}" if counts else f"{title}{known}"


def _standing(evidence: Evidence) -> str:
    if evidence.recommended:
        return "recommended, among the first ten" if evidence.at_top else "recommended"
    if evidence.near:
        return "not recommended, but near"
    return f"not recommended, in the {'upper' if evidence.upper_half else 'lower'} half"
