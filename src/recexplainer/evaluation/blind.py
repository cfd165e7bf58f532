"""Asking a chat model about explanations so that it cannot tell by their order whose they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recexplainer.chat.model import ChatModel, Conversation


def ask_blind(model: ChatModel, conversations: Sequence[Conversation], seed: int) -> list[str]:
    """What a model answers, in the order of the conversations, though it is asked in another.

    Args:
        model: Who is asked, all in one call; not at all where there is nothing to ask.
        conversations: None may name who explained.
        seed: Seed of the order in which it is asked.

    Returns:
        `[conversations]`, "" where no answer came.

    Raises:
        ValueError: The model does not give one answer to each conversation.
    """
    order = np.random.default_rng(seed).permutation(len(conversations)).tolist()
    answers = model.answer([conversations[place] for place in order]) if order else []
    said = dict(zip(order, answers, strict=True))
    return [said[place] or "" for place in range(len(conversations))]
