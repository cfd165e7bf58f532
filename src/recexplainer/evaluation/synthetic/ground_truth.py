"""Synthetic ground truth: pairs of a true and a corrupted explanation of synthetic recommenders, as records.

What a text states and how it is worded are kept apart, so that two texts can differ in what they state alone. It knows
the causes, and no metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations, zip_longest
from math import ceil
from typing import TypeVar

import numpy as np

from recexplainer.data.attributes import join_words
from recexplainer.data.dataset import Dataset
from recexplainer.data.titles import title_key
from recexplainer.evaluation.synthetic.rules import (
    MAX_HISTORY,
    Causes,
    SameBrandRule,
    SyntheticRecommender,
    synthetic_recommenders,
)
from recexplainer.evaluation.synthetic.wording import Phrasings, own_phrasings
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Explanation, Method
from recexplainer.recommenders.base import User
from recexplainer.recommenders.scoring import score_batches

Sort = tuple[str, str]
"""Rule of the recommender and corruption."""
Pair = tuple[int, int]
"""Places of the true and of the corrupted explanation among all of a recommender."""

T = TypeVar("T")
_MARGIN = 0.06  # a verdict is clear where the rank is this share of the list away from where the top 20% ends
_SHORTEST_HISTORY = 4
_QUOTES = ("“{}”", '"{}"')
_DRAWN = ("quotes", "verdict", "positive", "negative", "brand", "popular")


@dataclass(frozen=True, slots=True)
class SyntheticCase:
    """A user and an item, with the recommender's verdict and true causes; `by_brand`: the rule is that of brands."""

    user: User
    item: int
    recommended: bool
    causes: Causes
    by_brand: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """What a text states: a verdict, the title asked about, and titles with a positive or a negative attribution.

    `brand` is what all these share with the item, or ""; `popular` is stated where no title is cited.
    """

    verdict: bool
    item: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    brand: str
    popular: bool

    @property
    def cited(self) -> tuple[str, ...]:
        """All titles that are given an attribution."""
        return self.positive + self.negative

    def with_title(self, title: str, other: str) -> Statement:
        """The same of another title in place of one that is cited."""
        sides = ([other if one == title else one for one in side] for side in (self.positive, self.negative))
        positive, negative = map(tuple, sides)
        return replace(self, positive=positive, negative=negative)


def true_statement(case: SyntheticCase, dataset: Dataset) -> Statement:
    """The truth: the verdict, all causes, the brand where its rule is behind them, nothing where there is none."""
    titles, causes = dataset.titles, case.causes
    return Statement(
        verdict=case.recommended,
        item=titles[case.item],
        positive=tuple(titles[item] for item in causes.positive),
        negative=tuple(titles[item] for item in causes.negative),
        brand=dataset.items["brand"][case.item] if case.by_brand and not causes.nothing else "",
        popular=case.recommended,
    )


def word_statement(statement: Statement, wording: int, phrasings: Phrasings | None = None) -> str:
    """The statement in words; the same seed `wording` words alike what two statements have in common."""
    draws: dict[str, float] = dict(
        zip(_DRAWN, np.random.default_rng(wording).random(len(_DRAWN)).tolist(), strict=True)
    )
    phrasings = phrasings or own_phrasings()

    def drawn(several: Sequence[str], kind: str) -> str:
        return several[int(draws[kind] * len(several))]

    quotes = drawn(_QUOTES, "quotes")

    def word(group: str, kind: str, titles: Sequence[str] = ()) -> str:
        names = join_words([quotes.format(title) for title in titles])
        return drawn(phrasings[group], kind).format(
            item=quotes.format(statement.item), titles=names, brand=statement.brand
        )

    sentences = [word("verdict.yes" if statement.verdict else "verdict.no", "verdict")]
    cited = {"positive": statement.positive, "negative": statement.negative}
    cited["brand"] = statement.cited if statement.brand else ()
    for kind, titles in cited.items():
        if titles:
            sentences.append(word(f"{kind}.one" if len(titles) == 1 else f"{kind}.many", kind, titles))
    if not statement.cited:
        sentences.append(word("popular" if statement.popular else "unpopular", "popular"))
    return " ".join(sentences)


@dataclass(frozen=True, slots=True)
class Corrupter:
    """Makes the true statement about a case false, each way in one thing; None where the case does not allow it."""

    dataset: Dataset
    case: SyntheticCase
    rng: np.random.Generator

    def verdict(self, true: Statement) -> Statement:
        """The verdict is inverted."""
        return replace(true, verdict=not true.verdict)

    def swap(self, true: Statement) -> Statement | None:
        """One cause is replaced by a history item that is none."""
        others = self._not_causes()
        if not true.cited or not others:
            return None
        new = self._pick(others)  # drawn before the title that it replaces
        return true.with_title(self._pick(true.cited), new)

    def direction(self, true: Statement) -> Statement | None:
        """One cause is given the opposite sign."""
        if not true.cited:
            return None
        moved = self._pick(true.cited)
        positive, negative = (tuple(one for one in side if one != moved) for side in (true.positive, true.negative))
        if moved in true.positive:
            return replace(true, positive=positive, negative=(*negative, moved))
        return replace(true, positive=(*positive, moved), negative=negative)

    def invented(self, true: Statement) -> Statement | None:
        """One cause is replaced by a title that nothing has, or by one of the catalogue that is not in the history."""
        if not true.cited:
            return None
        if self.rng.random() < 0.5:
            foreign = self._invent_title()
        else:
            known = {*self.case.user.history, self.case.item}
            foreign = self._pick([title for item, title in enumerate(self.dataset.titles) if item not in known])
        return true.with_title(self._pick(true.cited), foreign)

    def attribute(self, true: Statement) -> Statement | None:
        """The brand is another one of the catalogue."""
        if not true.brand:
            return None
        others = sorted(set(self.dataset.items["brand"].to_list()) - {true.brand, ""})
        return replace(true, brand=self._pick(others)) if others else None

    def cause_for_nothing(self, true: Statement) -> Statement | None:
        """A history item is given an attribution where none matters."""
        if true.cited:
            return None
        cited = (self._pick(self._not_causes()),)
        return replace(true, positive=cited) if true.verdict else replace(true, negative=cited)

    def all(self, true: Statement) -> Statement | None:
        """The verdict is inverted, one cause is invented, the others are none, and all have the opposite sign."""
        if not true.cited:
            return None
        wrong, others = true, self._not_causes()
        for place, title in enumerate(true.cited):
            wrong = wrong.with_title(title, others.pop() if place and others else self._invent_title())
        return replace(wrong, verdict=not true.verdict, positive=wrong.negative, negative=wrong.positive)

    def _not_causes(self) -> list[str]:
        real = {*self.case.causes.positive, *self.case.causes.negative}
        return [self.dataset.titles[item] for item in self.case.user.history if item not in real]

    def _invent_title(self) -> str:
        """The first half of one title and the second of another, which together no item has."""
        titles = [str(title) for title in self.rng.permutation(self.dataset.titles)]
        taken = {title_key(title) for title in titles}
        words = [(title.split(), (len(title.split()) + 1) // 2) for title in titles]
        mixed = (" ".join(one[:half] + (other[end:] or other)) for (one, half), (other, end) in permutations(words, 2))
        return next(title for title in mixed if title_key(title) not in taken)

    def _pick(self, titles: Sequence[str]) -> str:
        return titles[int(self.rng.integers(len(titles)))]


CORRUPTIONS: dict[str, Callable[[Corrupter, Statement], Statement | None]] = {
    "verdict": Corrupter.verdict,
    "swap": Corrupter.swap,
    "direction": Corrupter.direction,
    "invented": Corrupter.invented,
    "attribute": Corrupter.attribute,
    "cause_for_nothing": Corrupter.cause_for_nothing,
    "all": Corrupter.all,
}
MILD = tuple(name for name in CORRUPTIONS if name != "all")
"""The corruptions that change one thing."""


@dataclass(frozen=True, slots=True)
class SyntheticExplanation:
    """A case with its true causes, what a text about it was written to state, and the text as a record."""

    case: SyntheticCase
    statement: Statement
    record: Explanation


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """A recommender with true and corrupted explanations; `pairs` has those of each corruption."""

    recommender: SyntheticRecommender
    explanations: Sequence[SyntheticExplanation]
    pairs: Mapping[str, Sequence[Pair]]


def make_ground_truth(
    dataset: Dataset, pooled: Sequence[Sequence[Sort]], pairs: int, seed: int, phrasings: Phrasings | None = None
) -> list[GroundTruth]:
    """Explain each synthetic recommender truly and falsely, in the phrasings given or in the package's own.

    `pooled` has the sorts of pairs that are looked at together; all of one together are to have so many `pairs`. Sorts
    that there cannot be are passed over.
    """
    recommenders = synthetic_recommenders(dataset, seed)
    rng = np.random.default_rng(seed)
    drawn = {rule: draw_synthetic_cases(dataset, one, pairs, rng) for rule, one in recommenders.items()}
    corrupted = {rule: _corrupt(dataset, cases, rng) for rule, cases in drawn.items()}
    possible = {(rule, name) for rule, each in corrupted.items() for name, found in each.items() if found}
    needed: dict[Sort, int] = {}
    for sorts in pooled:
        shared = [sort for sort in sorts if sort in possible]
        needed |= {sort: max(needed.get(sort, 0), ceil(pairs / len(shared))) for sort in shared}
    truths: list[GroundTruth] = []
    for rule, recommender in recommenders.items():
        used = {name: found[: needed.get((rule, name), 0)] for name, found in corrupted[rule].items()}
        truths.append(_explain(dataset, recommender, drawn[rule], used, rng, phrasings))
    return truths


def draw_synthetic_cases(
    dataset: Dataset, recommender: SyntheticRecommender, count: int, rng: np.random.Generator
) -> list[SyntheticCase]:
    """Cases where the verdict is clear, in turn such with causes and such without; at most `count` of each sort.

    No rank is near the end of the top 20%; an item with positive causes is recommended, one with negative causes is
    not, and every history has an item that is no cause. Of cases without causes half are recommended. Histories are the
    last 4 to 9 items of those of the dataset.
    """
    sorts: dict[tuple[bool, bool], list[SyntheticCase]] = {}
    for case in _clear_cases(dataset, recommender, rng):
        driven = not case.causes.nothing
        same = sorts.setdefault((driven, case.recommended and not driven), [])
        if len(same) < count:
            same.append(case)
        elif len(sorts) == 3 and all(len(each) >= count for each in sorts.values()):
            break
    driven, liked, disliked = (sorts.get(sort, []) for sort in ((True, False), (False, True), (False, False)))
    return in_turn(driven, in_turn(liked, disliked))


def in_turn(*several: Sequence[T]) -> list[T]:
    """The first of each, the second of each, and so on; the shorter ones end sooner."""
    return [one for each in zip_longest(*several) for one in each if one is not None]


def _clear_cases(
    dataset: Dataset, recommender: SyntheticRecommender, rng: np.random.Generator
) -> Iterator[SyntheticCase]:
    """All of them, in random order."""
    lengths = rng.integers(_SHORTEST_HISTORY, MAX_HISTORY + 1, size=dataset.n_users)
    users = [
        User(tuple(dataset.history(user)[-length:].tolist()), dataset.user_ids[user])
        for user, length in enumerate(lengths.tolist())
    ]
    clear: list[tuple[int, int, bool]] = []
    for batch in score_batches(recommender, users):
        ranked = np.argsort(np.argsort(np.where(batch.eligible, -batch.scores, np.inf), axis=1), axis=1)
        n_eligible = batch.eligible.sum(axis=1, keepdims=True)
        rows, items = np.nonzero(batch.eligible & (np.abs(ranked - n_eligible // 5) >= _MARGIN * n_eligible))
        recommended = batch.scores[rows, items] > batch.thresholds()[0][rows]
        clear += zip((rows + batch.start).tolist(), items.tolist(), recommended.tolist(), strict=True)
    for place in rng.permutation(len(clear)).tolist():
        user, item, recommended = clear[place]
        causes = recommender.causes(users[user], item)
        if {*causes.depends} & {*causes.negative}:
            continue  # the item before the last is the reason, and it counts for the item
        explained_all = len(causes.positive) + len(causes.negative) == len(users[user].history)
        if not explained_all and (causes.nothing or recommended is bool(causes.positive)):
            yield SyntheticCase(users[user], item, recommended, causes, isinstance(recommender, SameBrandRule))


def _corrupt(
    dataset: Dataset, cases: Sequence[SyntheticCase], rng: np.random.Generator
) -> dict[str, list[tuple[int, Statement]]]:
    """For each corruption the places of the cases that it can be done to, with the false statements."""
    found: dict[str, list[tuple[int, Statement]]] = {name: [] for name in CORRUPTIONS}
    for place, case in enumerate(cases):
        true, corrupter = true_statement(case, dataset), Corrupter(dataset, case, rng)
        for name, corrupt in CORRUPTIONS.items():
            if (corrupted := corrupt(corrupter, true)) is not None:
                found[name].append((place, corrupted))
    return found


def _explain(
    dataset: Dataset,
    recommender: SyntheticRecommender,
    cases: Sequence[SyntheticCase],
    corrupted: Mapping[str, Sequence[tuple[int, Statement]]],
    rng: np.random.Generator,
    phrasings: Phrasings | None,
) -> GroundTruth:
    """A case is explained truly once, however often it is corrupted, and all its texts are worded alike."""
    used = sorted({place for found in corrupted.values() for place, _ in found})
    wordings = dict(zip(used, rng.integers(2**32, size=len(used)).tolist(), strict=True))
    trues = {place: number for number, place in enumerate(used)}
    statements = [(place, true_statement(cases[place], dataset)) for place in used]
    pairs: dict[str, list[Pair]] = {}
    for name, found in corrupted.items():
        pairs[name] = [(trues[place], len(statements) + number) for number, (place, _) in enumerate(found)]
        statements += found
    records = PairExplainer(dataset, recommender).records(
        Method("synthetic"),
        [(cases[place].user, cases[place].item) for place, _ in statements],
        [word_statement(statement, wordings[place], phrasings) for place, statement in statements],
    )
    both = zip(statements, records, strict=True)
    explained = [SyntheticExplanation(cases[place], statement, one) for (place, statement), one in both]
    return GroundTruth(recommender, explained, pairs)
