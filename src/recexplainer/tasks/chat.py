"""Task 5, general chat: question and answer pairs that keep the language model's general ability (paper section 2.2).

It does not know how a conversation file is laid out; that is `data/conversations.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from recexplainer.data.conversations import read_conversations
from recexplainer.tasks.example import Example


def chat_examples(
    path: Path | None, *, train: int, test: int, longest: int | None, rng: np.random.Generator
) -> tuple[list[Example], list[Example], int]:
    """Draw conversations for training and for test, none of them in both.

    Args:
        path: A file in ShareGPT's layout; None for the small set inside the package.
        train: At most so many for training.
        test: At most so many for test, and never more than a tenth of the file.
        longest: Leave out conversations of more characters than this, question and answer together; None keeps all.
        rng: Draws which.

    Returns:
        The training Examples, the test Examples, and how many conversations were left out as too long.

    Raises:
        DataError: The file is not in ShareGPT's layout.
    """
    read = read_conversations(path)
    kept = [one for one in read if longest is None or len(one.question) + len(one.answer) <= longest]
    drawn = [kept[index] for index in rng.permutation(len(kept))]
    examples = [Example("chat", question=one.question, answer_text=one.answer) for one in drawn]
    n_test = min(test, len(examples) // 10)
    return examples[n_test : n_test + train], examples[:n_test], len(read) - len(kept)
