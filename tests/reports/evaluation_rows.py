"""Rows of every evaluation of explanations, made up, with the fields that the evaluations give them."""

from __future__ import annotations

from collections.abc import Sequence

from recexplainer.evaluation.rows import Confusion, Row
from recexplainer.explanations.record import Method

SHARES = {
    Method("unaligned"): (0.26, 0.41, 0.28, 0.05),
    Method("gpt-4.1-mini"): (0.22, 0.22, 0.40, 0.16),
    Method("behavior", "direct"): (0.12, 0.22, 0.41, 0.25),
    Method("intention", "direct"): (0.10, 0.44, 0.33, 0.13),
    Method("hybrid", "self_attribution"): (0.06, 0.11, 0.31, 0.52),
    Method("hybrid", "grounded"): (0.0, 0.02, 0.17, 0.81),
}
WRITERS = (Method("unaligned"), Method("gpt-4.1-mini"), Method("hybrid", "self_attribution"))
ABLATED = ("retrieval_and_ranking", "classification", "discrimination", "chat", "reconstruction", "rationale")


def row(
    method: Method | str,
    task: str,
    metric: str,
    value: float | None,
    cases: int = 500,
    half: float | None = 0.03,
    *,
    rater: str | None = None,
) -> Row:
    """A row whose interval goes `half` to each side; None: it has none."""
    source = Method(method) if isinstance(method, str) else method
    ends = (None, None) if value is None or half is None else (value - half, value + half)
    return Row(
        method=source.name,
        variant=source.variant,
        task=task,
        metric=metric,
        rater=rater,
        value=value,
        low=ends[0],
        high=ends[1],
        cases=cases,
    )


def judge_rows(raters: Sequence[str] = ("rubric", "people")) -> list[Row]:
    found: list[Row] = []
    for rater in raters:
        for method, shares in SHARES.items():
            mean = sum(level * share for level, share in enumerate(shares))
            values = {
                "rating": mean,
                **{f"rating_{level}": share for level, share in enumerate(shares)},
                "rating_of_correct": mean / (1 - shares[0]),
                "rated_share": 0.984,
            }
            found += [row(method, "explanation", metric, value, rater=rater) for metric, value in values.items()]
    return found


def confusion() -> list[Confusion]:
    shares = ((0.97, 0.03, 0.0), (0.052, 0.938, 0.01), (0.0, 0.004, 0.996))
    return [
        Confusion(
            method=writer.name,
            variant=writer.variant,
            predicted_method=other.name,
            predicted_variant=other.variant,
            share=share,
            cases=500,
        )
        for writer, line in zip(WRITERS, shares, strict=True)
        for other, share in zip(WRITERS, line, strict=True)
    ]


def discriminator_rows() -> list[Row]:
    task = "discriminator"
    accuracies = {
        "encoder": 0.968,
        "verdict_masked": 0.951,
        "verdict_only": 0.412,
        "style_only": 0.903,
        "shuffled": 0.3,
    }
    return [
        *(
            row(one, task, metric, 0.96, half=0.01, rater="encoder")
            for one in WRITERS
            for metric in ("recall", "precision")
        ),
        *(row("all", task, "accuracy", value, rater=rater) for rater, value in accuracies.items()),
    ]


def score_rows() -> list[Row]:
    values = {
        WRITERS[0]: (3.6, 1.41, 0.11, 3.62, 3.58, 3.71, 3.69),
        WRITERS[1]: (3.4, 1.36, 0.19, 3.55, 3.5, 3.66, 3.7),
        WRITERS[2]: (1.21, 0.81, 0.83, 1.9, 1.64, 2.8, 3.7),
    }
    own = [(metric, "encoder") for metric in ("mse_raw", "mae", "pearson")]
    controls = [("mse", rater) for rater in ("verdict_masked", "verdict_only", "style_only", "shuffled")]
    return [
        *(
            row(method, "score_predictor", metric, value, half=0.12, rater=rater)
            for method, each in values.items()
            for (metric, rater), value in zip([*own, *controls], each, strict=True)
        ),
        row("mean_of_training", "score_predictor", "mse_raw", 3.68, half=0.12),
    ]


def ablation_rows() -> list[Row]:
    full = {
        ("explanation", "rating", "rubric"): 2.29,
        ("retrieval", "hr@5", None): 0.812,
        ("ranking", "ndcg@5", None): 0.846,
        ("classification", "accuracy", None): 0.929,
        ("reconstruction", "hcr", None): 0.134,
    }
    falls = {"": 0.0} | dict(
        zip((f"without_{task}" for task in ABLATED), (0.21, 0.16, 0.03, 0.01, 0.11, 0.18), strict=True)
    )
    return [
        row(Method("hybrid", variant), task, metric, value * (1 - fall), half=0.012, rater=rater)
        for variant, fall in falls.items()
        for (task, metric, rater), value in full.items()
    ]


def agreement_rows() -> list[Row]:
    values = {"rubric × people": (0.38, 0.52, 0.61, 0.49), "all raters": (None, None, None, 0.44)}
    metrics = ("kappa", "kappa_quadratic", "spearman", "alpha_ordinal")
    return [
        row(pair, "agreement", metric, value, 120, None)
        for pair, each in values.items()
        for metric, value in zip(metrics, each, strict=True)
        if value is not None
    ]


# verdict, hallucinations, claim precision, cited, comprehensiveness, then normalized values and simulatability
FAITHFUL = {
    Method("template_recent"): (1.0, 0.0, 0.52, 3.0, 0.31, 0.02, 0.01, -0.14, 0.53),
    Method("template_popular"): (1.0, 0.0, 0.49, 3.0, 0.28, -0.04, -0.07, -0.21, 0.51),
    Method("unaligned"): (0.51, 0.62, 0.2, 1.1, 0.09, -0.31, -0.4, -0.62, 0.5),
    Method("hybrid", "without_rationale"): (0.71, 0.3, 0.31, 2.0, 0.3, 0.01, -0.02, 0.05, 0.51),
    Method("hybrid", "self_attribution"): (0.93, 0.02, 0.74, 2.9, 1.21, 0.62, 0.58, 0.55, 0.72),
    Method("hybrid", "grounded"): (1.0, 0.0, 0.99, 3.1, 1.82, 1.01, 0.97, 0.94, 0.91),
}
FAITHFUL_METRICS = (
    "verdict_fidelity",
    "hallucination_rate",
    "claim_precision",
    "n_cited",
    "comprehensiveness",
    "comprehensiveness_normalized",
    "aopc_comprehensiveness_normalized",
    "sufficiency_normalized",
    "simulatability",
)
AUROCS = {"verdict_fidelity": 1.0, "hallucination_rate": 0.998, "comprehensiveness": 0.964, "sufficiency": 0.957}


def faithfulness_rows() -> list[Row]:
    return [
        *(
            row(method, "explanation", metric, value)
            for method, each in FAITHFUL.items()
            for metric, value in zip(FAITHFUL_METRICS, each, strict=True)
        ),
        row(Method("hybrid", "self_attribution"), "explanation", "sufficiency_random", 1.4),
    ]


def synthetic_rows() -> list[Row]:
    return [
        *(row("all", "synthetic", f"auroc_{metric}", value, 1000, 0.01) for metric, value in AUROCS.items()),
        row(Method("all", "swap"), "synthetic", "auroc_sufficiency", 0.9, 200),
        row("one_item", "synthetic", "auroc_sufficiency", 0.99, 200),
        row("all", "synthetic", "claim_statuses", 0.987, 4210, 0.004),
        row("one_item", "synthetic", "claim_statuses", 0.99, 800, 0.004),
    ]


def forgetting_rows() -> list[Row]:
    values = {
        Method("unaligned"): (1.97, 7.17, None, 0.4, None, 0.6, None),
        Method("hybrid"): (2.31, 10.07, 0.34, 0.45, 0.05, 0.35, -0.25),
        Method("hybrid", "all_tasks"): (2.2, 9.03, 0.23, 0.4, 0.0, 0.4, -0.2),
        Method("hybrid", "without_chat"): (2.9, 18.17, 0.93, 0.45, 0.05, 0.1, -0.5),
    }
    metrics = (("chat", "loss"), ("chat", "perplexity"), ("chat", "loss_increase"))
    metrics += (("brief_answers", "accuracy"), ("brief_answers", "accuracy_change"))
    metrics += (("writing", "accuracy"), ("writing", "accuracy_change"))
    return [
        row(method, *metric, value)
        for method, each in values.items()
        for metric, value in zip(metrics, each, strict=True)
        if value is not None
    ]


def vector_rows() -> list[Row]:
    values = {WRITERS[0]: (0.11, 0.01, -0.004), WRITERS[1]: (0.19, 0.02, 0.003), WRITERS[2]: (0.37, 0.02, -0.011)}
    task, raters = "vector_reconstruction", ("encoder", "verdict_and_item", "shuffled")
    return [
        *(
            row(method, task, metric, value * of, 400, rater=rater)
            for metric, of in (("variance_explained", 1.0), ("variance_explained_whitened", 0.3))
            for method, each in values.items()
            for rater, value in zip(raters, each, strict=True)
        ),
        row("history_titles", task, "variance_explained", 0.518, 400, rater="encoder"),
    ]


def language_rows() -> list[Row]:
    values = {
        WRITERS[0]: (31.0, 0.35, 0.7, 0.41),
        WRITERS[2]: (25.2, 0.21, 0.43, 0.82),
        "corpus": (43.1, 0.44, 0.84, 0.154),
    }
    metrics = ("words", "distinct_1", "distinct_2", "self_bleu")
    return [
        *(
            row(method, "language", metric, value)
            for method, each in values.items()
            for metric, value in zip(metrics, each, strict=True)
        ),
        row(WRITERS[2], "language", "auroc", 0.997, rater="classifier"),
        row("corpus", "language", "auroc", 0.547, rater="classifier"),
    ]


def evaluation() -> dict[str, list[Row]]:
    """The rows of each evaluation, and of one that the report does not know."""
    return {
        "judge": judge_rows(),
        "discriminator": discriminator_rows(),
        "score_predictor": score_rows(),
        "vector_reconstruction": vector_rows(),
        "language": language_rows(),
        "ablation": ablation_rows(),
        "agreement": agreement_rows(),
        "faithfulness": faithfulness_rows(),
        "synthetic": synthetic_rows(),
        "forgetting": forgetting_rows(),
        "calibration": [row(one, "calibration", "ece", 0.41) for one in ("behavior", "hybrid")],
    }
