"""Task 7, rationale: the recommender's verdict on an item and why, citing the history items that matter most.

Two subtasks with the same answer: `surrogate`, whose prompt holds history and item only (the paper's way, section
3.1.2), and `evidence`, whose prompt also holds the recommender's answer. Two more, `for` and `against`, ask for the one
history item with the largest positive attribution, or negative one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import NEGLIGIBLE, TOP, gather_evidence
from recexplainer.evidence.realised import one_of, taught_aspects, write_rationale
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.scoring import ScoreBatch, sample_columns, score_batches
from recexplainer.tasks.example import Example

_WITH_ASPECT = 0.2  # share of the questions that ask for an aspect
_SOURCES = (0.25, 0.25, 0.35, 0.15)  # shares of items from the recommender's top ten, top 20%, bottom 50%, and between


def rationale_examples(
    dataset: Dataset,
    recommender: Recommender,
    attributes: Attributes,
    users: Sequence[User],
    rng: np.random.Generator,
    recommended_share: Floats | None = None,
) -> tuple[list[Example], list[Example]]:
    """One rationale for each user, whose history is not empty: without evidence in the prompt, and with it.

    Both have the same answers; some ask for an aspect. `recommended_share` is as in `gather_evidence`. Raises
    RecommenderError if the recommender cannot answer for a changed history.
    """
    items = [item for batch in score_batches(recommender, users) for item in _draw_items(batch, rng)]
    evidence = gather_evidence(
        recommender, dataset, users, items, attributes=attributes, recommended_share=recommended_share
    )
    taught = taught_aspects(attributes)
    drawn = rng.choice(list(taught), size=len(users))
    aspects = np.where(rng.random(len(users)) < _WITH_ASPECT, drawn, "").tolist()
    grounded = [
        Example(
            "rationale",
            "evidence",
            user=user.id,
            history=user.history,
            items=(item,),
            answer_text=write_rationale(known, dataset.titles, rng, aspect),
            evidence=known,
            aspect=one_of(taught[aspect], rng) if aspect else "",
        )
        for user, item, known, aspect in zip(users, items, evidence, aspects, strict=True)
    ]
    return [replace(example, subtask="surrogate", evidence=None) for example in grounded], grounded


def cause_examples(examples: Sequence[Example]) -> list[Example]:
    """For each rationale with evidence: the history item with the largest positive and negative attribution, if any."""
    causes: list[Example] = []
    for example in examples:
        if example.evidence is None:
            continue
        attributions = np.array(example.evidence.weights)
        for subtask, sign in (("for", 1), ("against", -1)):
            largest = int((sign * attributions).argmax())
            if sign * attributions[largest] >= NEGLIGIBLE:
                answer = (example.history[largest],)
                causes.append(
                    Example("rationale", subtask, example.user, example.history, example.items, answer_items=answer)
                )
    return causes


def _draw_items(batch: ScoreBatch, rng: np.random.Generator) -> list[int]:
    """One eligible item a user: from the recommender's top ten, the rest of its top 20%, its bottom 50%, or between."""
    top, bottom = (threshold[:, None] for threshold in batch.thresholds())
    scores, eligible = batch.scores, batch.eligible
    best = np.argpartition(np.where(eligible, -scores, np.inf), min(TOP, scores.shape[1]) - 1, axis=1)[:, :TOP]
    in_top = np.zeros_like(eligible)
    np.put_along_axis(in_top, best, True, axis=1)
    liked = eligible & (scores > top)
    between = eligible & (scores >= bottom) & (scores <= top)
    masks = (liked & in_top, liked & ~in_top, eligible & (scores < bottom), between)
    drawn = np.stack([sample_columns(mask, 1, rng)[:, 0] for mask in masks])
    drawn[1] = np.where(drawn[1] >= 0, drawn[1], drawn[0])  # a small catalogue's top 20% lies within the top ten
    source = rng.choice(len(masks), size=len(scores), p=_SOURCES)
    chosen = drawn[source, np.arange(len(scores))]
    return np.where(chosen >= 0, chosen, sample_columns(eligible, 1, rng)[:, 0]).tolist()
