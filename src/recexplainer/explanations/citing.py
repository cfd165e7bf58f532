"""Which titles a text cites, by exact match, and what f does without those of the history."""

from __future__ import annotations

from statistics import median

from recexplainer.data.titles import TitleFinder
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.record import Citation
from recexplainer.recommenders.attribution import ablated_ranks
from recexplainer.recommenders.base import Recommender, User


def cite(
    text: str, finder: TitleFinder, recommender: Recommender, evidence: Evidence, user: str = ""
) -> tuple[Citation, ...]:
    """The titles in a text, in order; the item asked about is not a citation.

    Args:
        text: An explanation.
        finder: Finds the catalogue's titles.
        recommender: f, asked again without each history item that is cited.
        evidence: What f said of the pair with the whole history.
        user: The user's own id, for recommenders that know users by id.
    """
    found = [match for match in finder.find(text) if match.item != evidence.item]
    cited = [match.item for match in found if match.item in evidence.history]
    ranks = _ranks_without(recommender, evidence, cited, user)
    typical = median(abs(attribution) for attribution in evidence.attributions) if evidence.attributions else 0.0
    attributions = dict(zip(evidence.history, evidence.attributions, strict=True)) if evidence.attributions else {}
    return tuple(
        Citation(
            item=match.item,
            title=text[match.start : match.end],
            start=match.start,
            end=match.end,
            in_history=match.item in evidence.history,
            attribution=attributions.get(match.item),
            ablated_rank=ranks.get(match.item),
            matters=abs(attributions[match.item]) > typical if match.item in attributions else None,
        )
        for match in found
    )


def _ranks_without(recommender: Recommender, evidence: Evidence, cited: list[int], user: str) -> dict[int, int]:
    """The rank of the item asked about without each cited item; none if no history would be left."""
    if not cited or len(evidence.history) < 2 or not recommender.answers_changed_history:
        return {}
    users, items = [User(evidence.history, user)] * len(cited), [evidence.item] * len(cited)
    ranks = ablated_ranks(recommender, users, items, [{left_out} for left_out in cited])
    return dict(zip(cited, ranks.tolist(), strict=True))
