"""Task 4, item discrimination: what an item is called, is about, comes from, and which item is most like it.

The answers come from the catalogue, only "most similar" from the recommender's item vectors (paper section 2.2). What
an item lacks is not asked.
"""

from __future__ import annotations

from typing import Any

from recexplainer.data.attributes import shorten
from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.neighbours import nearest_items
from recexplainer.tasks.example import Example

_LONGEST_TEXT = 200


def discrimination_examples(dataset: Dataset, recommender: Recommender) -> list[Example]:
    """All Examples on single items, item by item.

    `title` makes sense only where the item is shown as a vector, `title-of` only where titles are shown; the form
    decides which it uses.
    """
    similar: list[list[int]] = [[]] * dataset.n_items
    if recommender.has_vectors:
        similar = nearest_items(recommender.item_vectors(), range(dataset.n_items), 1, cosine=False).tolist()
    examples: list[Example] = []
    for item, row in enumerate(dataset.items.iter_rows(named=True)):
        examples += _about(item, row)
        if similar[item]:
            examples.append(Example("discrimination", "similar", items=(item,), answer_items=tuple(similar[item])))
    return examples


def _about(item: int, row: dict[str, Any]) -> list[Example]:
    texts = {
        "description": shorten(row["description"], _LONGEST_TEXT),
        "genres": ", ".join(row["genres"]),
        "brand": row["brand"],
        "features": shorten(", ".join(row["features"]), _LONGEST_TEXT),
    }
    examples = [Example("discrimination", "title", items=(item,), answer_items=(item,))]
    examples += [
        Example("discrimination", name, items=(item,), answer_text=text) for name, text in texts.items() if text
    ]
    examples += [
        Example("discrimination", "title-of", items=(item,), answer_items=(item,), question=texts[name])
        for name in ("description", "features")
        if texts[name]
    ]
    return examples
