"""The views that an explanation may be asked from, and the words that surrogates learn them by."""

from __future__ import annotations

from recexplainer.data.attributes import Attributes
from recexplainer.evidence.realised import KINDS
from recexplainer.storage import packaged_yaml


def taught_views(attributes: Attributes) -> dict[str, list[str]]:
    """The ways to ask for each view that a catalogue allows: kinds of attributes that it has, then `short`."""
    held = {"genre": attributes.genres, "brand": attributes.brands, "platform": attributes.platforms}
    wording = packaged_yaml("recexplainer.evidence", "wording/aspects.yaml")
    return {
        view: wording[view] for view in (*KINDS, "short") if view == "short" or any(held.get(view, attributes.words))
    }
