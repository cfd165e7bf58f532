"""The reward of an explanation: how far f bears out what it claims, in one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.claims.claim import Claim
from recexplainer.evidence.evidence import NEGLIGIBLE, Evidence

DEEPEST = 3
"""How many of the items cited first count."""


def score_claims(claims: Sequence[Claim], evidence: Evidence) -> float:
    """How far f bears out what a text claims, from 0 to 1: the mean of four parts.

    - Verdict: 1 if it is f's.
    - Honesty: 1 if no title is said to be the user's that is not.
    - Supported: the share of the claims that are supported; 0 where nothing is claimed.
    - Reach: what the first one, two and three history items cited do, counted the way that the text says, each time as
      a share of what as many can do at most; the mean of the three, not below 0. So to cite fewer is to reach less, as
      with the area over the deletion curve. Where nothing in the history does anything, 1 for citing nothing, else 0.

    Args:
        claims: What the text claims, marked.
        evidence: What f said of the pair.
    """
    verdict = any(claim.kind == "verdict" and claim.status == "supported" for claim in claims)
    invented = any(claim.kind == "history" and claim.status == "contradicted" for claim in claims)
    confirmed = sum(claim.status == "supported" for claim in claims) / max(len(claims), 1)
    return (verdict + (not invented) + confirmed + _reach(claims, evidence)) / 4


def _reach(claims: Sequence[Claim], evidence: Evidence) -> float:
    signs: dict[int | None, int] = {}
    for claim in claims:
        if claim.kind in ("positive_attribution", "negative_attribution"):
            signs.setdefault(claim.item, 1 if claim.kind == "positive_attribution" else -1)
    sizes = sorted(map(abs, evidence.standardized), reverse=True)[:DEEPEST]
    if sizes[0] < NEGLIGIBLE:
        return float(not signs)
    weights = dict(zip(evidence.history, evidence.standardized, strict=True))
    gains = [sign * weights[item] for item, sign in signs.items() if item in weights][: len(sizes)]
    gains += [0.0] * (len(sizes) - len(gains))
    return max(0.0, float(np.mean(np.cumsum(gains) / np.cumsum(sizes))))
