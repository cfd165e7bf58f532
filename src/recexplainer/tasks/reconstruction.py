"""Task 6, history reconstruction: the titles of a history, and its owner's taste in words (paper sections 2.3, B.1).

The taste is a given summary of a chat endpoint, or else composed of brands, genres, platforms and words of the titles
that recur.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import StrictStr, TypeAdapter

from recexplainer.data.attributes import Attributes, join_words
from recexplainer.data.id_comparison import compare_ids
from recexplainer.data.ids import clean_ids, some_ids
from recexplainer.errors import DataError
from recexplainer.evidence.realised import one_of
from recexplainer.recommenders.base import User
from recexplainer.tasks.example import Example

_MOST_WORDS = 100

_SUBJECTS = ("The user", "This person", "This customer", "The buyer")
_LIKES = ("mostly buys", "leans towards", "is drawn to", "likes", "keeps coming back to")
_BRANDS = ("often by {}", "with a soft spot for {}", "with {} turning up more than once")
_PLATFORMS = ("mainly for {}", "chiefly on {}", "for {} above all")
_WORDS = ("{} recurs in the titles.", "The titles return to {}.", "{} comes up again and again.")
_NOTHING = (
    "{} picks a little of everything, and no single theme stands out.",
    "{} has varied tastes: no brand or kind of item prevails.",
    "{} follows no clear pattern so far.",
)


def history_examples(users: Sequence[User]) -> list[Example]:
    """One Example a user: the answer is the titles of the history, oldest first."""
    return [
        Example("reconstruction", "history", user=user.id, history=user.history, answer_items=user.history)
        for user in users
    ]


def summary_examples(
    users: Sequence[User], attributes: Attributes, rng: np.random.Generator, given: Mapping[str, str]
) -> tuple[list[Example], int]:
    """One Example a user: the answer is the user's taste in words, under 100 words, in the third person.

    `given` has summaries of a chat endpoint by user id; others are built from attributes. Returns the Examples, and how
    many of them have a given summary.
    """
    examples = [
        Example(
            "reconstruction",
            "summary",
            user=user.id,
            history=user.history,
            answer_text=given.get(user.id) or summarise(user.history, attributes, rng),
        )
        for user in users
    ]
    return examples, sum(bool(given.get(user.id)) for user in users)


def summarise(history: Sequence[int], attributes: Attributes, rng: np.random.Generator) -> str:
    """The taste behind a history in one or two sentences, from what at least two of its items have in common."""
    subject = one_of(_SUBJECTS, rng)
    liked = _liked(subject, history, attributes, rng)
    words = _recurring((word for item in history for word in attributes.words[item].values()), 3)
    if not words:
        return liked or one_of(_NOTHING, rng).format(subject)
    quoted, phrase = join_words([f"'{word}'" for word in words]), one_of(_WORDS, rng)
    if not liked:
        return f"{subject} likes titles with {quoted} in them."
    if len(words) > 1:
        phrase = phrase.replace("recurs", "recur").replace("comes", "come")
    return f"{liked} {phrase.format(quoted)}"


def _liked(subject: str, history: Sequence[int], attributes: Attributes, rng: np.random.Generator) -> str:
    """The sentence on genres, platforms and brands; "" where none of them recurs."""
    genres = _recurring((genre for item in history for genre in attributes.genres[item]), 3)
    platforms = _recurring((name for item in history for name in attributes.platforms[item]), 2)
    brands = _recurring((attributes.brands[item] for item in history), 2)
    if not (genres or platforms or brands):
        return ""
    details = [one_of(_PLATFORMS, rng).format(join_words(platforms))] if platforms else []
    details += [one_of(_BRANDS, rng).format(join_words(brands))] if brands else []
    what = f"{join_words(genres)} items" if genres else "items"
    return f"{subject} {one_of(_LIKES, rng)} {what} {', '.join(details)}".rstrip() + "."


def _recurring(names: Iterable[str], most: int) -> list[str]:
    counts = Counter(name for name in names if name)
    return [name for name, count in counts.most_common(most) if count >= 2]


def read_summaries(path: Path, users: Sequence[str]) -> dict[str, str]:
    """Summaries of a chat endpoint, by user id.

    Raises DataError unless all have between 1 and 99 words, and some are of the data's `users`.
    """
    try:
        read = TypeAdapter(dict[str, StrictStr]).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(
            f"The summaries cannot be read: {error}.",
            location=str(path),
            hint='Give a JSON file of user ids and texts: {"user id": "The user likes …"}.',
        ) from error
    for user, text in read.items():
        if not 0 < len(text.split()) < _MOST_WORDS:
            raise DataError(
                f"A summary has {len(text.split())} words.",
                location=f"{path}, user {user}",
                hint=f"Give between 1 and {_MOST_WORDS - 1} words.",
            )
    ids = [one or "" for one in clean_ids(list(read), f"{path}, user ids").texts()]
    if read and not set(ids).intersection(users):
        difference = compare_ids(ids, users, ("the summaries", "the data"))
        raise DataError(
            f"The summaries are of {some_ids(ids)}, the data has the users {some_ids(users)}.",
            location=str(path),
            hint=difference.sentence if difference else "Name users by the ids that they have in the data.",
        )
    return dict(zip(ids, read.values(), strict=True))
