"""Examples put as questions to a surrogate, in its own form: encoded, with the vectors of f that they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Recommender, User
from recexplainer.surrogate.batching import EncodedSet, PromptEncoder
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import Form, Prompt, as_text, render, with_shots
from recexplainer.tasks.example import Example
from recexplainer.tasks.wording import load_wording


def check_form(form: Form, recommender: Recommender) -> None:
    """Refuse a form that reads vectors of a recommender that has none.

    Raises:
        RecommenderError: The form is not behavior, and f can only score.
    """
    if form != "behavior" and not recommender.has_vectors:
        raise RecommenderError(
            "This recommender has no vectors, and this form reads them.",
            location=f"form {form}",
            hint="Align it in the behavior form: form='behavior', or forms: [behavior] in a recipe.",
        )


class UserTable:
    """Collects the users that prompts speak of, and asks f for their vectors at once.

    Args:
        recommender: f.
        form: With behavior no vectors are asked for.
    """

    def __init__(self, recommender: Recommender, form: Form) -> None:
        check_form(form, recommender)
        self._recommender, self._with_vectors = recommender, form != "behavior"
        self._rows: dict[User, int] = {}
        self.item_vectors: NDArray[Any] | None = recommender.item_vectors() if self._with_vectors else None

    def row(self, prompt: Prompt, user: str) -> int:
        """The row of the vector of a prompt's history, and of the user with this id; -1 if it has none."""
        if not self._with_vectors or not prompt.history:
            return -1
        return self._rows.setdefault(User(prompt.history, user), len(self._rows))

    def vectors(self) -> NDArray[Any] | None:
        """`Float[rows, d]`, or None."""
        if not self._with_vectors:
            return None
        return self._recommender.user_vectors(list(self._rows))


def encode_questions(
    surrogate: Surrogate,
    dataset: Dataset,
    recommender: Recommender,
    examples: Sequence[Example],
    aspect: str = "",
    shots: Sequence[Example] = (),
) -> EncodedSet:
    """Questions without their answers, in the surrogate's form and each task's first phrasing.

    A quarter of the context is kept free for the answer; a longer question loses its oldest history titles.

    Args:
        surrogate: Who is asked.
        dataset: The catalogue.
        recommender: f, asked for its vectors only.
        examples: What is asked.
        aspect: The aspect that the reader asks for, in words added to each question.
        shots: Solved questions put before each, to be learned from in context; behavior only.
    """
    encode = PromptEncoder(surrogate.tokenizer, dataset.titles, surrogate.context, room=surrogate.context // 4)
    users = UserTable(recommender, surrogate.form)
    solved = [_question(shot, surrogate.form, dataset.titles) for shot in shots]
    encoded = []
    for example in examples:
        prompt = with_shots(replace(_question(example, surrogate.form, dataset.titles, aspect), answer=()), solved)
        encoded.append(encode(prompt, users.row(prompt, example.user)))
    return EncodedSet(encoded, users.vectors(), users.item_vectors)


def encode_answers(
    surrogate: Surrogate, dataset: Dataset, recommender: Recommender, examples: Sequence[Example]
) -> EncodedSet:
    """Examples with their answers, to be learned from, put as `encode_questions` puts them without.

    Args:
        surrogate: Who is to answer so.
        dataset: The catalogue.
        recommender: f, asked for its vectors only.
        examples: Questions and answers.
    """
    encode = PromptEncoder(surrogate.tokenizer, dataset.titles, surrogate.context)
    users = UserTable(recommender, surrogate.form)
    prompts = [_question(example, surrogate.form, dataset.titles) for example in examples]
    encoded = [encode(prompt, users.row(prompt, one.user)) for prompt, one in zip(prompts, examples, strict=True)]
    return EncodedSet(encoded, users.vectors(), users.item_vectors)


def question_text(example: Example, titles: Sequence[str]) -> str:
    """A question in its task's first phrasing as plain text (behavior), for models that read text alone."""
    return as_text(_question(example, "behavior", titles).parts, titles)


def _question(example: Example, form: Form, titles: Sequence[str], aspect: str = "") -> Prompt:
    phrasing = load_wording()[example.task, example.subtask][0]
    return render(replace(example, aspect=aspect) if aspect else example, form, phrasing, titles)
