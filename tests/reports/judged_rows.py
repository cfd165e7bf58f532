"""Synthetic rows of every evaluation of explanations, named as the evaluations name them."""

from recexplainer.evaluation.rows import Row

SHARES = {
    "unaligned": (0.26, 0.41, 0.28, 0.05),
    "gpt-4.1-mini": (0.22, 0.22, 0.40, 0.16),
    "behavior": (0.12, 0.22, 0.41, 0.25),
    "intention": (0.10, 0.44, 0.33, 0.13),
    "hybrid": (0.06, 0.11, 0.31, 0.52),
    "hybrid+evidence": (0.0, 0.02, 0.17, 0.81),
}
TASKS = ("retrieval and ranking", "classification", "discrimination", "chat", "reconstruction", "rationale")


def row(method, task, metric, value, cases=500, half=0.03):
    return Row(method=method, task=task, metric=metric, value=value, low=value - half, high=value + half, cases=cases)


def judge_rows(judges=("rubric", "people")):
    found = []
    for judge in judges:
        for method, shares in SHARES.items():
            mean = sum(level * share for level, share in enumerate(shares))
            found += [
                row(method, "explanation", f"rating@{judge}", mean),
                *(row(method, "explanation", f"rating-{n}@{judge}", share) for n, share in enumerate(shares)),
                row(method, "explanation", f"rating-of-correct@{judge}", mean / (1 - shares[0])),
                row(method, "explanation", f"rated@{judge}", 0.984),
            ]
    return found


def discriminator_rows():
    said = {
        "unaligned": (0.97, 0.03, 0.0),
        "gpt-4.1-mini": (0.052, 0.938, 0.01),
        "hybrid": (0.0, 0.004, 0.996),
    }
    rows = [row(one, "discriminator", f"said-as/{other}", share, half=0.01)
            for one, shares in said.items() for other, share in zip(said, shares, strict=True)]  # fmt: skip
    rows += [row(one, "discriminator", metric, 0.96, half=0.01) for one in said for metric in ("recall", "precision")]
    accuracies = {"": 0.968, "/verdict-masked": 0.951, "/verdict-only": 0.412, "/style-only": 0.903, "/shuffled": 0.334}
    return [*rows, *(row("all", "discriminator", f"accuracy{name}", value) for name, value in accuracies.items())]


def score_rows():
    values = {
        "unaligned": (3.6, 1.41, 0.11, 3.62, 3.58, 3.71, 3.69),
        "gpt-4.1-mini": (3.4, 1.36, 0.19, 3.55, 3.5, 3.66, 3.7),
        "hybrid": (1.21, 0.81, 0.83, 1.9, 1.64, 2.8, 3.7),
    }
    metrics = ("mse-raw", "mae", "pearson", "mse/verdict-masked", "mse/verdict-only", "mse/style-only", "mse/shuffled")
    rows = [row(one, "score-predictor", metric, value, half=0.12)
            for one, each in values.items() for metric, value in zip(metrics, each, strict=True)]  # fmt: skip
    return [*rows, row("mean-of-training", "score-predictor", "mse-raw", 3.68, half=0.12)]


def ablation_rows():
    full = {("explanation", "rating@rubric"): 2.29, ("retrieval", "hr@5"): 0.812, ("ranking", "ndcg@5"): 0.846,
            ("classification", "accuracy"): 0.929, ("reconstruction", "hcr"): 0.134}  # fmt: skip
    falls = (0.21, 0.16, 0.03, 0.01, 0.11, 0.18)
    rows = [row("hybrid", *key, value, half=0.012) for key, value in full.items()]
    return [*rows, *(row(f"hybrid without {task}", *key, value * (1 - fall), half=0.012)
                     for task, fall in zip(TASKS, falls, strict=True) for key, value in full.items())]  # fmt: skip


def agreement_rows():
    values = {"rubric × people": (0.38, 0.52, 0.61, 0.49), "all raters": (None, None, None, 0.44)}
    metrics = ("kappa", "kappa-quadratic", "spearman", "alpha-ordinal")
    return [
        Row(method=pair, task="agreement", metric=metric, value=value, low=None, high=None, cases=120)
        for pair, each in values.items()
        for metric, value in zip(metrics, each, strict=True)
        if value is not None
    ]


FAITHFUL = {  # verdict, hallucinations, borne out, cited, comprehensiveness, then shares and simulatability
    "template-recent": (1.0, 0.0, 0.52, 3.0, 0.31, 0.02, 0.01, -0.14, 0.53),
    "template-popular": (1.0, 0.0, 0.49, 3.0, 0.28, -0.04, -0.07, -0.21, 0.51),
    "unaligned": (0.51, 0.62, 0.2, 1.1, 0.09, -0.31, -0.4, -0.62, 0.5),
    "hybrid without rationale": (0.71, 0.3, 0.31, 2.0, 0.3, 0.01, -0.02, 0.05, 0.51),
    "hybrid": (0.93, 0.02, 0.74, 2.9, 1.21, 0.62, 0.58, 0.55, 0.72),
    "hybrid+evidence": (1.0, 0.0, 0.99, 3.1, 1.82, 1.01, 0.97, 0.94, 0.91),
}
FAITHFUL_METRICS = (
    *("verdict-fidelity", "hallucination-rate", "borne-out", "cited", "comprehensiveness"),
    *("comprehensiveness-share", "comprehensiveness-aopc-share", "sufficiency-share", "simulatability"),
)
AUROCS = {"verdict-fidelity": 1.0, "hallucination-rate": 0.998, "comprehensiveness": 0.964, "sufficiency": 0.957}


def faithfulness_rows():
    rows = [
        row(one, "explanation", metric, value)
        for one, each in FAITHFUL.items()
        for metric, value in zip(FAITHFUL_METRICS, each, strict=True)
    ]
    return [*rows, row("hybrid", "explanation", "sufficiency-random", 1.4)]


def planted_rows():
    rows = [row("all", "planted", f"auroc/{metric}", value, 1000, 0.01) for metric, value in AUROCS.items()]
    return [
        *rows,
        row("all", "planted", "auroc/sufficiency/swap", 0.957, 200),
        row("one-item", "planted", "auroc/sufficiency", 0.99, 200),
        row("all", "planted", "marks", 0.987, 4210, 0.004),
        row("one-item", "planted", "marks", 0.99, 800, 0.004),
    ]


def evaluation():
    return {
        "judge": judge_rows(),
        "discriminator": discriminator_rows(),
        "score_predictor": score_rows(),
        "ablation": ablation_rows(),
        "agreement": agreement_rows(),
        "faithfulness": faithfulness_rows(),
        "synthetic": planted_rows(),
        "calibration": [row(one, "calibration", "ece", 0.41) for one in ("behavior", "hybrid")],
    }
