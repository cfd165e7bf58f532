"""Explanations as rows of a Parquet table: the columns, and records put into them. It does not know parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from recexplainer.claims.claim import Claim
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import NEGLIGIBLE
from recexplainer.explanations.record import Citation, Explanation
from recexplainer.recommenders.stability import Effect

_CLAIM = {
    "kind": pl.String(),
    "status": pl.String(),
    "item": pl.String(),
    "title": pl.String(),
    "value": pl.String(),
    "start": pl.Int32(),
    "end": pl.Int32(),
    "found": pl.String(),
}
_CITATION = {
    "item": pl.String(),
    "title": pl.String(),
    "start": pl.Int32(),
    "end": pl.Int32(),
    "in_history": pl.Boolean(),
    "attribution": pl.Float64(),
    "ablated_rank": pl.Int32(),
    "matters": pl.Boolean(),
}
_HISTORY = {"item": pl.String(), "title": pl.String(), "attribution": pl.Float64(), "effect": pl.String()}
COLUMNS: dict[str, pl.DataType] = {
    "user": pl.String(),
    "item": pl.String(),
    "title": pl.String(),
    "recommended": pl.Boolean(),
    "score": pl.Float64(),
    "rank": pl.Int32(),
    "n_ranked": pl.Int32(),
    "verdict": pl.Boolean(),
    "probability": pl.Float64(),
    "text": pl.String(),
    "translation": pl.String(),
    "method": pl.String(),
    "variant": pl.String(),
    "writer": pl.String(),
    "attempts": pl.Int32(),
    "abstained": pl.String(),
    "note": pl.String(),
    "claims": pl.List(pl.Struct(_CLAIM)),
    "faults": pl.Int32(),
    "citations": pl.List(pl.Struct(_CITATION)),
    "history": pl.List(pl.Struct(_HISTORY)),
}
"""The columns and their types; docs/batch.md says what they mean."""


def to_frame(explanations: Iterable[Explanation], dataset: Dataset) -> pl.DataFrame:
    """The explanations as rows, in order, with the own ids of items."""
    return pl.DataFrame([_row(one, dataset) for one in explanations], schema=COLUMNS)


def _row(one: Explanation, dataset: Dataset) -> dict[str, Any]:
    same = ("user", "recommended", "score", "rank", "n_ranked", "verdict", "probability", "text", "translation")
    same += ("method", "variant", "writer", "attempts", "abstained", "note")
    row: dict[str, Any] = {name: getattr(one, name) for name in same}
    return row | {
        "item": dataset.item_ids[one.item],
        "title": one.item_title,
        "claims": [_claim(claim, one.text, dataset) for claim in one.claims],
        "faults": len(one.faults),
        "citations": [_citation(citation, dataset) for citation in one.citations],
        "history": _history(one, dataset),
    }


def _claim(claim: Claim, text: str, dataset: Dataset) -> dict[str, Any]:
    if claim.item is not None:
        item, title = dataset.item_ids[claim.item], dataset.titles[claim.item]
    else:  # of no item of the catalogue: the title as it is written
        item, title = None, (text[claim.start : claim.end] if claim.kind == "history" else claim.title) or None
    return {
        "kind": claim.kind,
        "status": claim.status,
        "item": item,
        "title": title,
        "value": claim.value or None,
        "start": claim.start,
        "end": claim.end,
        "found": claim.found,
    }


def _citation(citation: Citation, dataset: Dataset) -> dict[str, Any]:
    row = {name: getattr(citation, name) for name in _CITATION if name != "item"}
    return {"item": dataset.item_ids[citation.item], **row}


def _history(one: Explanation, dataset: Dataset) -> list[dict[str, Any]]:
    """What the recommender looked at, oldest first, and what each item does; nulls where it cannot say."""
    asked = bool(one.effects)
    effects = [_effect(effect, NEGLIGIBLE * one.score_std) for effect in one.effects]
    return [
        {
            "item": dataset.item_ids[item],
            "title": one.history_titles[place],
            "attribution": one.attributions[place] if asked else None,
            "effect": effects[place] if asked else None,
        }
        for place, item in enumerate(one.history)
    ]


def _effect(effect: Effect, least: float) -> str:
    """What a history item does, however one asks: `for`, `against`, `depends` on the others, or `none`."""
    if sign := effect.sign(least):
        return "for" if sign > 0 else "against"
    return "depends" if effect.counts(least) else "none"
