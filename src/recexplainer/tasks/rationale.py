"""Task 7, rationale (ours): f's verdict on an item and why, naming the history items whose removal matters most.

Two aspects with the same answer: `surrogate`, whose prompt holds history and item only (the paper's way, section
3.1.2), and `evidence`, whose prompt also holds what f said. Two more, `for` and `against`, ask for the one history item
that speaks most for the item, or most against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.aspects import taught_views
from recexplainer.evidence.evidence import NEGLIGIBLE, TOP, gather_evidence
from recexplainer.evidence.realised import one_of, write_rationale
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.scoring import ScoreBatch, sample_columns, score_batches
from recexplainer.tasks.example import Example

# How often a view is asked for.
_VIEWED = 0.2
# How often the items asked about come from f's top ten, its top 20%, its bottom 50%, and between.
_SOURCES = (0.25, 0.25, 0.35, 0.15)


def rationale_examples(
    dataset: Dataset,
    recommender: Recommender,
    attributes: Attributes,
    users: Sequence[User],
    rng: np.random.Generator,
    recommended_share: Floats | None = None,
) -> tuple[list[Example], list[Example]]:
    """Ask f about one item for each user and put the reasons in words.

    Args:
        dataset: The catalogue.
        recommender: f; it must answer for changed histories.
        attributes: The attributes of the catalogue.
        users: Histories, each at most `max_history` long and not empty.
        rng: Draws the items and the phrasing.
        recommended_share: As in `gather_evidence`.

    Returns:
        The Examples without evidence in the prompt (`surrogate`) and those with it (`evidence`), same answers. Of some
        a view is asked for.

    Raises:
        RecommenderError: f cannot answer for a changed history.
    """
    items: list[int] = []
    for batch in score_batches(recommender, users):
        items += _draw_items(batch, rng)
    evidence = gather_evidence(
        recommender, dataset, users, items, attributes=attributes, recommended_share=recommended_share
    )
    taught = taught_views(attributes)
    views = _draw_views(tuple(taught), len(users), rng)
    backed = [
        Example(
            "rationale",
            "evidence",
            user=user.id,
            history=user.history,
            items=(item,),
            answer_text=write_rationale(known, dataset.titles, rng, view),
            evidence=known,
            ask=one_of(taught[view], rng) if view else "",
        )
        for user, item, known, view in zip(users, items, evidence, views, strict=True)
    ]
    return [replace(example, aspect="surrogate", evidence=None) for example in backed], backed


def cause_examples(examples: Sequence[Example]) -> list[Example]:
    """For each rationale with evidence: which history item speaks most for the item, and which most against it.

    Where none does, that is not asked.
    """
    causes: list[Example] = []
    for example in examples:
        if example.evidence is None:
            continue
        weights = np.array(example.evidence.standardized)
        for aspect, sign in (("for", 1), ("against", -1)):
            place = int((sign * weights).argmax())
            if sign * weights[place] >= NEGLIGIBLE:
                asked = Example("rationale", aspect, user=example.user, history=example.history, items=example.items)
                causes.append(replace(asked, answer_items=(example.history[place],)))
    return causes


def _draw_views(views: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """`[count]`: one of the views for some; "" for the others."""
    drawn = rng.choice(list(views), size=count)
    return np.where(rng.random(count) < _VIEWED, drawn, "").tolist()


def _draw_items(batch: ScoreBatch, rng: np.random.Generator) -> list[int]:
    """One unseen item a user: from f's top ten, the rest of its top 20%, its bottom 50%, or between."""
    top, bottom = (threshold[:, None] for threshold in batch.thresholds())
    scores, unseen = batch.scores, batch.unseen
    best = np.argpartition(np.where(unseen, -scores, np.inf), min(TOP, scores.shape[1]) - 1, axis=1)[:, :TOP]
    in_top = np.zeros_like(unseen)
    np.put_along_axis(in_top, best, True, axis=1)
    liked = unseen & (scores > top)
    masks = (liked & in_top, liked & ~in_top, unseen & (scores < bottom), unseen & (scores >= bottom) & (scores <= top))
    drawn = np.stack([sample_columns(mask, 1, rng)[:, 0] for mask in masks])
    drawn[1] = np.where(drawn[1] >= 0, drawn[1], drawn[0])  # a small catalogue's top 20% lies within the top ten
    source = rng.choice(len(masks), size=len(scores), p=_SOURCES)
    chosen = drawn[source, np.arange(len(scores))]
    return np.where(chosen >= 0, chosen, sample_columns(unseen, 1, rng)[:, 0]).tolist()
