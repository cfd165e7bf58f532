"""What the recommender does with a pair beyond losing one item: Shapley values, two items together, attributes.

It asks the recommender and the catalogue; it does not know what an explanation of the pair says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.recommenders.ablation import ablated_ranks
from recexplainer.recommenders.attribution import interactions, pair_attributions
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.neighbours import AttributeContrast, attribute_contrasts
from recexplainer.recommenders.scoring import score_stds, truncate
from recexplainer.recommenders.shapley import Shapley, shapley_values

_LEAST = 3  # neighbours with an attribute, and without it, that a mean is taken of
_SAMPLE = 300  # users over whom a recommender without vectors tells which items are near


@dataclass(frozen=True, slots=True)
class InteractingPair:
    """Two history items that do together what the two alone do not add up to: places in the history, earlier first.

    `both` is the score minus the score without both, `alone` the same without each; `ablated_rank` is the rank that the
    item asked about would have without both.
    """

    places: tuple[int, int]
    both: float
    alone: tuple[float, float]
    ablated_rank: int

    @property
    def interaction(self) -> float:
        """What both do minus the sum of what each does alone."""
        return self.both - sum(self.alone)


@dataclass(frozen=True, slots=True, eq=False)
class PairAttribution:
    """What the recommender does with one item for one user.

    Attributes:
        score_std: Standard deviation of the scores over the items not in the history.
        shapley: The Shapley value of each history item; None if the recommender cannot answer for a changed history.
        pair: The two history items with the largest interaction, if it is not negligible; None as above.
        attributes: The item's attributes as phrases ("of brand Nimbus"), each with its effect among the item's
            neighbours, largest first; only those that three neighbours have and three have not. () if there are no
            vectors and too few users to tell what is near.
    """

    score_std: float
    shapley: Shapley | None
    pair: InteractingPair | None
    attributes: tuple[AttributeContrast, ...]


def attribute(
    recommender: Recommender, dataset: Dataset, users: Sequence[User], items: Sequence[int]
) -> list[PairAttribution]:
    """Ask the recommender what is behind its score of each item, for `[pairs]` of a user and an item.

    Histories are cut to what the recommender looks at; the users of the dataset tell what is near for a recommender
    without vectors. Raises RecommenderError where a history is empty or holds the whole catalogue, or an item is not in
    the catalogue.
    """
    users = [User(truncate(user.history, recommender), user.id) for user in users]
    stds = score_stds(recommender, users)
    values, pairs = [None] * len(users), [None] * len(users)
    if recommender.answers_changed_history:
        values = shapley_values(recommender, users, items)
        pairs = _pairs(recommender, users, items, stds)
    attributes = _attributes(recommender, dataset, users, items)
    return [PairAttribution(*each) for each in zip(stds, values, pairs, attributes, strict=True)]


def _pairs(
    recommender: Recommender, users: Sequence[User], items: Sequence[int], stds: Sequence[float]
) -> list[InteractingPair | None]:
    """For each case the two history items with the largest interaction; None where that is negligible."""
    attributions = pair_attributions(recommender, users, items)
    strongest = [_strongest(each, score_std) for each, score_std in zip(attributions, stds, strict=True)]
    places = {case: both for case, both in enumerate(strongest) if both}
    gone = [{users[case].history[place] for place in both} for case, both in places.items()]
    ranks = ablated_ranks(recommender, [users[case] for case in places], [items[case] for case in places], gone)
    pairs: list[InteractingPair | None] = [None] * len(users)
    for (case, (first, second)), rank in zip(places.items(), ranks.tolist(), strict=True):
        own = attributions[case]
        alone = float(own[first, first]), float(own[second, second])
        pairs[case] = InteractingPair((first, second), float(own[first, second]), alone, rank)
    return pairs


def _strongest(attributions: Floats, score_std: float) -> tuple[int, int] | None:
    """The places with the largest interaction; None where it is negligible, or there is one item."""
    first, second = np.triu_indices(len(attributions), 1)
    sizes = np.abs(interactions(attributions)[first, second])
    if not len(sizes) or sizes.max() < NEGLIGIBLE * score_std:
        return None
    return int(first[sizes.argmax()]), int(second[sizes.argmax()])


def _attributes(
    recommender: Recommender, dataset: Dataset, users: Sequence[User], items: Sequence[int]
) -> list[tuple[AttributeContrast, ...]]:
    sample: list[User] = []
    if not recommender.has_vectors:
        chosen = range(0, dataset.n_users, max(1, dataset.n_users // _SAMPLE))
        sample = [User(truncate(dataset.history(at), recommender), dataset.user_ids[at]) for at in chosen]
        if len(sample) < 2:
            return [()] * len(users)
    found = attribute_contrasts(recommender, _phrases(dataset), users, items, least=_LEAST, sample=sample)
    return [tuple(one for one in each if one.contrast is not None) for each in found]


def _phrases(dataset: Dataset) -> list[frozenset[str]]:
    """`[items]`, all attributes of each item, as phrases that follow "those"."""
    known = Attributes.of(dataset)
    spelt = Counter((folded, word) for words in known.words for folded, word in words.items()).most_common()
    spelling = {folded: word for (folded, word), _ in reversed(spelt)}
    return [
        frozenset(
            [
                *([f"of brand {brand}"] if brand else []),
                *(f"of genre {genre}" for genre in genres),
                *(f"for {platform}" for platform in platforms),
                *(f"with “{spelling[word]}” in the title" for word in words),
            ]
        )
        for brand, genres, platforms, words in zip(
            known.brands, known.genres, known.platforms, known.words, strict=True
        )
    ]
