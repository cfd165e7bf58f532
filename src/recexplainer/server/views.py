"""Records of the package as the API's answers. It asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recexplainer.claims.claim import Claim, stated
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.checking import CheckedText
from recexplainer.explanations.contrast import Contrast
from recexplainer.explanations.record import Explanation
from recexplainer.recommenders.base import User
from recexplainer.reports.checking import claim_in_words, counterfactual, fault_lines
from recexplainer.server import answers
from recexplainer.server.ranking import Place

_DIRECTIONS: dict[str, answers.Direction] = {
    "for": "for",
    "against": "against",
    "depends": "depends",
    "none": "negligible",
}


def item(dataset: Dataset, index: int) -> answers.Item:
    """An item by its index."""
    return answers.Item(id=dataset.item_ids[index], title=dataset.titles[index])


def ranked(dataset: Dataset, place: Place) -> answers.Ranked:
    """An item of a list."""
    return answers.Ranked(**_named(dataset, place.item), rank=place.rank, score=place.score)


def moved(dataset: Dataset, place: Place, before: Place | None, after: Place | None) -> answers.Moved:
    """An item of a list, and where it stands before and after an edit of the history."""
    return answers.Moved(
        **_named(dataset, place.item),
        rank=place.rank,
        score=place.score,
        rank_before=before and before.rank,
        score_before=before and before.score,
        rank_after=after and after.rank,
        score_after=after and after.score,
    )


def user_list(dataset: Dataset, user: User, places: Sequence[Place]) -> answers.UserList:
    """A user and the list."""
    own = [ranked(dataset, place) for place in places]
    return answers.UserList(id=user.id, history_length=len(user.history), recommendations=own)


def effects(evidence: Evidence) -> dict[int, answers.Effect]:
    """What each item of the history does, by its index; of one that is there twice the last."""
    groups = evidence.by_effect.items()
    directions: dict[int, answers.Direction] = {place: _DIRECTIONS[name] for name, own in groups for place in own}
    found: dict[int, answers.Effect] = {}
    for place, effect in enumerate(evidence.effects):
        low, high = effect.span
        found[evidence.history[place]] = answers.Effect(
            value=effect.deletion, low=low, high=high, direction=directions[place], ways=effect.ways
        )
    return found


def whole_history(dataset: Dataset, user: User, evidence: Evidence) -> answers.History:
    """A user's whole history, each item with what it does to the item of the evidence."""
    known = effects(evidence)
    items = [answers.HistoryItem(**_named(dataset, one), effect=known.get(one)) for one in user.history]
    asked = answers.Ranked(**_named(dataset, evidence.item), rank=evidence.rank, score=evidence.score)
    return answers.History(id=user.id, item=asked, history=items)


def explanation(dataset: Dataset, one: Explanation, evidence: Evidence) -> answers.Explanation:
    """An explanation with its reasons."""
    return answers.Explanation(
        user=one.user,
        item=item(dataset, one.item),
        writer=one.writer,
        method=str(one.source),
        text=one.text,
        claims=_claims(dataset, one.text, stated(one.claims), evidence),
        faults=list(fault_lines(one)),
        recommended=one.recommended,
        rank=one.rank,
        n_ranked=one.n_ranked,
        score=one.score,
        reasons=_reasons(dataset, evidence),
        counterfactual=counterfactual(one),
        abstained=one.abstained,
        note=one.note,
    )


def checked(dataset: Dataset, one: CheckedText, evidence: Evidence) -> answers.Checked:
    """A text with its claims."""
    unread = [answers.Span(start=start, end=end) for start, end in one.unread]
    claims = _claims(dataset, one.text, one.claims, evidence)
    return answers.Checked(text=one.text, claims=claims, unread=unread, sentences=one.n_sentences)


def contrast(dataset: Dataset, one: Contrast) -> answers.ContrastAnswer:
    """Why one item and not another."""
    own, others = effects(one.evidence), effects(one.other)
    deciding = [one.evidence.history[place] for place in one.deciding]
    rest = [index for index in one.evidence.history if index not in deciding]
    return answers.ContrastAnswer(
        item=_compared(dataset, one.evidence),
        other=_compared(dataset, one.other),
        text=one.text,
        claims=_claims(dataset, one.text, one.claims, one.evidence),
        reasons=[
            answers.ContrastReason(
                **_named(dataset, index),
                effect=own.get(index),
                other_effect=others.get(index),
                decides=index in deciding,
            )
            for index in dict.fromkeys([*deciding, *rest])
        ],
    )


def _compared(dataset: Dataset, evidence: Evidence) -> answers.Compared:
    return answers.Compared(
        item=item(dataset, evidence.item),
        recommended=evidence.recommended,
        rank=evidence.rank,
        n_ranked=evidence.n_ranked,
        score=evidence.score,
    )


def _reasons(dataset: Dataset, evidence: Evidence) -> list[answers.Reason]:
    """The history that the recommender looks at, oldest first, and where the item would stand without each."""
    known = effects(evidence)
    reasons: list[answers.Reason] = []
    for place, index in enumerate(evidence.history):
        without = None
        if evidence.ablated_ranks and len(evidence.history) > 1:
            score = evidence.score - evidence.attributions[place]
            without = answers.Standing(rank=evidence.ablated_ranks[place], score=score)
        reasons.append(answers.Reason(**_named(dataset, index), effect=known.get(index), without=without))
    return reasons


def _claims(dataset: Dataset, text: str, claims: Sequence[Claim], evidence: Evidence) -> list[answers.Claim]:
    known = effects(evidence)
    return [
        answers.Claim(
            kind=one.kind,
            status=one.status,
            start=one.start,
            end=one.end,
            text=text[one.start : one.end],
            said=claim_in_words(one, text[one.start : one.end], None if one.item is None else dataset.titles[one.item]),
            found=one.found,
            item=None if one.item is None else item(dataset, one.item),
            value=one.value,
            effect=None if one.item is None else known.get(one.item),
        )
        for one in claims
    ]


def _named(dataset: Dataset, index: int) -> dict[str, Any]:
    return {"id": dataset.item_ids[index], "title": dataset.titles[index]}
