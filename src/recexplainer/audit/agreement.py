"""Where a surrogate and its recommender differ: yes or no, is an item recommended to a user.

Each user is asked about with an item of the recommender's best fifth and one of its worse half, as in interest
classification. Of users that the surrogate was trained on it may know more than of others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from recexplainer.audit.measured import Measured
from recexplainer.audit.sample import Sample
from recexplainer.data.dataset import Dataset
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.scoring import score_batches
from recexplainer.tasks.example import Example
from recexplainer.tasks.scored_items import classification_examples

if TYPE_CHECKING:
    from recexplainer.surrogate.model import Surrogate

AGREEMENT = "surrogate_agreement"
PARTS = ("recommended", "not_recommended", "popular", "rare")
"""The kinds of questions that agreement is measured on apart."""
OTHER_PART = {"recommended": "not_recommended", "not_recommended": "recommended", "popular": "rare", "rare": "popular"}
"""For each part the one that it is compared with."""


def agreement(
    surrogate: Surrogate,
    recommender: Recommender,
    dataset: Dataset,
    sample: Sample,
    counts: NDArray[np.int64],
    seed: int,
) -> dict[str, Measured]:
    """How often the surrogate answers as the recommender does, "" for all questions and by the name of each part.

    `counts`, `Int[items]`, is the popularity of items; those above the median are popular. The surrogate answers two
    questions a user.
    """
    from recexplainer.surrogate.batching import encode_questions
    from recexplainer.surrogate.decoding import Decoder

    rng = np.random.default_rng(seed)
    places = {user.id: place for place, user in enumerate(sample.users)}
    examples: list[Example] = []
    for batch in score_batches(recommender, sample.users):
        examples += classification_examples(batch, rng)
    questions = encode_questions(surrogate, dataset, recommender, examples)
    yes = np.array([one.answer_text == "Yes" for one in examples])
    agrees = (Decoder(surrogate, dataset.titles).yes_probabilities(questions) > 0.5) == yes
    popular = counts[[one.items[0] for one in examples]] > np.median(counts)
    owners = np.array([places[one.user] for one in examples])
    parts = {
        "": np.ones(len(yes), np.bool_),
        "recommended": yes,
        "not_recommended": ~yes,
        "popular": popular,
        "rare": ~popular,
    }
    return {
        name: Measured.ratio(
            AGREEMENT,
            np.bincount(owners[chosen & agrees], minlength=len(sample)),
            np.bincount(owners[chosen], minlength=len(sample)),
        )
        for name, chosen in parts.items()
    }
