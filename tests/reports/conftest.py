from __future__ import annotations

import random
from dataclasses import replace
from math import exp
from typing import Any

import numpy as np
import pytest
from tests.reports.evaluation_rows import confusion, evaluation, row

from recexplainer.claims.claim import Claim, ClaimKind, ClaimStatus
from recexplainer.data.dataset import Note
from recexplainer.evaluation.rows import Row
from recexplainer.evidence.pair_attribution import InteractingPair, PairAttribution
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.recommenders.neighbours import AttributeContrast
from recexplainer.recommenders.shapley import Shapley
from recexplainer.recommenders.stability import Effect
from recexplainer.reports.inputs import DatasetFacts, ReportInputs

TITLES = (
    "Lantern Keep: The Drowned Stair",
    "Orbit Pocket Console (Slate)",
    "Marrow & Thistle",
    "Velvet Circuit 2",
    "Skyline Couriers: Night Shift",
    "Nimbus Wireless Gamepad",
    "The Cartographer's Debt",
)
ASKED = "Lantern Keep: The Ninth Bell"

EFFECTS = (
    Effect(1.84, 1.9, 2.1, 0.2, 4.0, 0.4, 1.0),
    Effect(-0.12, -0.2),
    Effect(0.92, 0.95, 1.4, 0.1, 2.0, 0.3, 1.0),
    Effect(0.33, -0.1),
    Effect(0.05, 0.02),
    Effect(-0.31, -0.35, -0.4, 0.05, -0.5, 0.1, 1.0),
    Effect(0.41, 0.4, 0.5, 0.1, 1.75, 0.3, 0.875),
)
"""For, hardly any, for, depends, hardly any, against, depends; an effect counts from 0.125 on."""


def cite(
    text: str,
    title: str,
    item: int,
    attribution: float | None = None,
    rank: int | None = None,
    matters: bool | None = None,
    in_history: bool = True,
) -> Citation:
    start = text.index(title)
    return Citation(item, title, start, start + len(title), in_history, attribution, rank, matters)


def claim(text: str, words: str, kind: ClaimKind, status: ClaimStatus, found: str, item: int | None = None) -> Claim:
    start = text.index(words)
    return Claim(kind, status, found, start, start + len(words), item)


def explanation(number: int = 0, **changes: Any) -> Explanation:
    """A record with evidence."""
    text = (
        f"The recommender puts {ASKED} near the top of the list. What weighs most is {TITLES[0]}, the earlier game of "
        f"the same series by Nimbus, and {TITLES[2]}, another slow, story-led adventure. {TITLES[5]} speaks a little "
        "against it: it pulls the user towards hardware."
    )
    made = Explanation(
        method="hybrid",
        variant="grounded",
        user=f"A2X{number:04d}K",
        history=tuple(range(7)),
        history_titles=TITLES,
        item=7,
        item_title=ASKED,
        verdict=True,
        probability=0.93,
        text=text,
        citations=(
            cite(text, ASKED, 7, in_history=False),
            cite(text, TITLES[0], 0, 1.84, 41, True),
            cite(text, TITLES[2], 2, 0.92, 12, True),
            cite(text, TITLES[5], 5, -0.31, 2, False),
        ),
        recommended=True,
        score=7.214,
        rank=3,
        n_ranked=1841,
        attributions=tuple(effect.deletion for effect in EFFECTS),
        effects=EFFECTS,
        score_std=2.5,
        claims=(
            claim(text, "puts", "verdict", "supported", "the recommender says yes, rank 3 of 1,841", 7),
            claim(text, TITLES[0], "history", "supported", "it is in the history", 0),
            claim(text, TITLES[0], "positive", "supported", "without it the score falls by 1.84", 0),
            claim(text, "by Nimbus", "shared", "unverified", "the catalogue knows no brand “Nimbus”", 0),
            claim(text, TITLES[2], "positive", "supported", "without it the score falls by 0.92", 2),
            claim(text, TITLES[5], "negative", "supported", "without it the score rises by 0.31", 5),
        ),
    )
    return replace(made, **changes)


def attribution(**changes: Any) -> PairAttribution:
    """What the recommender was asked about `explanation`.

    Its Shapley values sum to its score minus the mean of the catalogue.
    """
    values = np.array([4.0, -0.25, 2.0, 0.5, 0.25, -0.5, 1.75], np.float32)
    made = PairAttribution(
        score_std=2.5,
        shapley=Shapley(values, np.zeros(7, np.float32), -0.536, exact=True),
        pair=InteractingPair((0, 2), 5.5, (1.84, 0.92), 206),
        attributes=(
            AttributeContrast("of brand Nimbus", 0.61, 5, 42),
            AttributeContrast("for Orbit Pocket", -0.02, 30, 17),
            AttributeContrast("of genre puzzle", -0.33, 12, 35),
        ),
    )
    return replace(made, **changes)


def alone(number: int = 0, **changes: Any) -> Explanation:
    """A record of the surrogate alone, about the same pair."""
    text = f"I would recommend it, since the user enjoyed {TITLES[3]} and Emberfall Tactics, which share its mood."
    citations = (
        cite(text, TITLES[3], 3, 0.33, 5, False),
        cite(text, "Emberfall Tactics", 90, in_history=False),
    )
    made = explanation(
        number,
        variant="self_attribution",
        text=text,
        citations=citations,
        probability=0.71,
        claims=(
            claim(text, "would recommend", "verdict", "supported", "the recommender says yes, rank 3 of 1,841", 7),
            claim(text, TITLES[3], "positive", "contradicted", "without it the score rises by 0.12", 3),
            claim(
                text, "Emberfall Tactics", "history", "contradicted", "“Emberfall Tactics” is not in the history", 90
            ),
            Claim("omission", "contradicted", f"“{TITLES[0]}” does most and is not named", len(text), len(text), 0),
        ),
    )
    return replace(made, **changes)


VALUES = {
    ("retrieval", "hr@5"): (0.0027, 0.0081, 0.512, 0.846, 0.812),
    ("retrieval", "ndcg@5"): (0.0016, 0.0049, 0.391, 0.702, 0.688),
    ("retrieval", "hr@5_constrained"): (None, None, 0.561, 0.871, 0.852),
    ("retrieval", "ndcg@5_constrained"): (None, None, 0.428, 0.733, 0.719),
    ("ranking", "ndcg@5"): (0.6131, 0.6702, 0.7013, 0.8304, 0.8467),
    ("ranking", "ndcg@5_standard"): (0.6620, 0.6998, 0.7322, 0.8629, 0.8701),
    ("classification", "accuracy"): (0.5004, None, 0.8012, 0.9391, 0.9287),
    ("reconstruction", "hcr"): (None, None, None, 0.1182, 0.1341),
}


def alignment_rows() -> list[Row]:
    methods = ("random", "popularity", "behavior", "intention", "hybrid")
    rows = [
        row(method, task, metric, value, cases=3901 if value else 0, half=0.011)
        for (task, metric), values in VALUES.items()
        for method, value in zip(methods, values, strict=True)
        if value is not None or not metric.endswith("_constrained")
    ]
    return [replace(each, low=max(each.low, 0.0)) if each.low is not None else each for each in rows]


def recommender_rows() -> list[Row]:
    values = {"hr@5": (0.081, 0.021), "hr@10": (0.121, 0.036), "ndcg@5": (0.055, 0.013), "ndcg@10": (0.068, 0.018)}
    return [
        row(method, "recommendation", metric, value, cases=3901, half=0.005)
        for metric, pair in values.items()
        for method, value in zip(("recommender", "popularity"), pair, strict=True)
    ]


def training_log(rng: random.Random, final: float, steps: int, speed: int) -> list[dict[str, float]]:
    log = [
        {
            "step": float(step),
            "loss": final + 4.5 * exp(-step / steps * 5) + rng.gauss(0, 0.03),
            "tokens_per_second": speed + rng.gauss(0, 300),
            "seconds": step * 0.6,
        }
        for step in range(20, steps + 1, 20)
    ]
    return [*log, {"step": float(steps), "train_runtime": steps * 0.61}]


@pytest.fixture(scope="session")
def full_inputs() -> ReportInputs:
    """A report's inputs as a whole run would give them."""
    rng = random.Random(0)
    lengths = tuple(min(5 + int(rng.expovariate(0.3)), 60) for _ in range(3901))
    other = explanation(
        1,
        item_title="Grand Prix Atlas '09",
        text="Not recommended: nothing in the history resembles it, and The Cartographer's Debt leads away.",
        citations=(
            cite(
                "Not recommended: nothing in the history resembles it, and The Cartographer's Debt leads",
                TITLES[6],
                6,
                -0.74,
                918,
                True,
            ),
        ),
        verdict=False,
        probability=0.08,
        recommended=False,
        score=-1.337,
        rank=1204,
        attributions=(-0.2, 0.1, -0.33, 0.02, 0.25, 0.07, -0.74),
        effects=(),
        score_std=0.0,
        claims=(),
        aspect="genres",
    )
    return ReportInputs(
        name="paper-games",
        dataset=DatasetFacts(
            "Amazon Video Games",
            3901,
            1864,
            31672,
            lengths,
            (
                Note("events repeated by the same user and item, removed", 812),
                Note("items without a title, removed", 47),
                Note("titles shared by several items, made unique", 203),
                Note("users sampled at random", 3901),
                Note("times without a zone", 7, warning=True),
            ),
        ),
        recommender_rows=recommender_rows(),
        alignment_rows=alignment_rows(),
        counts={
            "retrieval": (23870, 3901),
            "ranking": (23870, 3901),
            "classification": (7802, 2294),
            "discrimination": (9012, 0),
            "chat": (512, 0),
            "reconstruction": (27771, 3901),
            "rationale": (12000, 1000),
        },
        training_logs={
            "hybrid": training_log(rng, 0.62, 2400, 31000),
            "behavior": training_log(rng, 0.95, 2100, 27000),
            "intention": training_log(rng, 0.55, 1800, 36000),
        },
        explanations=[explanation(0), other, *(explanation(number) for number in range(2, 10))],
        attributions=[attribution() for _ in range(10)],
        surrogate_alone=[
            alone(0),
            alone(1, verdict=False, recommended=False),
            *(alone(n, verdict=n != 4) for n in range(2, 10)),
        ],
        settings={
            "surrogate": {"forms": ["behavior", "hybrid"], "nano": {"hidden_size": 256}, "lora": None},
            "seed": 7,
            "resume": True,
        },
        versions={"recexplainer": "0.1.0", "python": "3.11.2", "torch": "2.13.0", "transformers": "5.23.0"},
        stages={
            "dataset": 6.2,
            "recommender": 412,
            "examples": 58,
            "surrogate-behavior": 1312,
            "surrogate-intention": 1104,
            "surrogate-hybrid": 1490,
            "evaluation": 734,
            "explanations": 41,
        },
        evaluation=evaluation(),
        confusion=confusion(),
        judge_rules=(
            "0: the decision is not the recommender's.",
            "1: a title is not in the history, or no title is named.",
        ),
        needs=("A language model as the judge (Table 2) needs an endpoint.", "Figure 3 needs people."),
        case_studies=[
            [
                explanation(0),
                alone(0),
                alone(0, method="intention", variant="direct", verdict=False, probability=0.3),
                alone(
                    0,
                    method="gpt-4.1-mini",
                    variant="direct",
                    text="It fits the taste for stories.",
                    citations=(),
                    claims=(),
                ),
            ],
            [explanation(0, aspect="platforms"), explanation(0, aspect="genres")],
        ],
        paper_dataset="Games",
        machine="two CPU cores, 16 GB of memory, no GPU",
    )
