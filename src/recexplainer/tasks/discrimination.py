"""Task 4, item discrimination: what an item is called, is about, comes from, and which item is most like it.

The answers come from the catalogue, only "most similar" from the recommender's item vectors (paper section 2.2). An
item has no Example about what it lacks.
"""

from __future__ import annotations

from functools import partial

from recexplainer.data.attributes import shorten
from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.neighbours import nearest_items
from recexplainer.tasks.example import Example

_LONGEST_TEXT = 200


def discrimination_examples(dataset: Dataset, recommender: Recommender) -> list[Example]:
    """All Examples on single items, item by item; the form decides which of them it uses."""
    similar: list[list[int]] = [[]] * dataset.n_items
    if recommender.has_vectors:
        similar = nearest_items(recommender.item_vectors(), range(dataset.n_items), 1, cosine=False).tolist()
    examples: list[Example] = []
    for item, row in enumerate(dataset.items.iter_rows(named=True)):
        texts = {
            "description": shorten(row["description"], _LONGEST_TEXT),
            "genres": ", ".join(row["genres"]),
            "brand": row["brand"],
            "features": shorten(", ".join(row["features"]), _LONGEST_TEXT),
        }
        about = partial(Example, "discrimination", items=(item,))
        examples.append(about("title", answer_items=(item,)))
        examples += [about(name, answer_text=text) for name, text in texts.items() if text]
        described = filter(None, (texts["description"], texts["features"]))
        examples += [about("title-of", answer_items=(item,), question=text) for text in described]
        if similar[item]:
            examples.append(about("similar", answer_items=tuple(similar[item])))
    return examples
