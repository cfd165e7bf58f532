"""From an Example to a Prompt: words, titles, and placeholders for the recommender's vectors.

The form decides what stands for a history and an item: its title (behavior), its vector (intention), or both (hybrid).
Words are kept apart from titles, so that a title is always the same tokens wherever it stands. It knows no tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from string import Formatter
from typing import Literal, TypeVar, get_args

from recexplainer.evidence.evidence import render_evidence
from recexplainer.tasks.example import Example

T = TypeVar("T")
Form = Literal["behavior", "intention", "hybrid"]
FORMS: tuple[Form, ...] = get_args(Form)
Encoder = Literal["user", "item", "similarity"]
"""What encodes the vectors that fill placeholders: the user's, an item's, or the similarity of two items."""
ENCODERS: tuple[Encoder, ...] = get_args(Encoder)
SEPARATOR = "; "
OPENING, CLOSING = "“", "”"
_EDGES = re.compile(f"(?<={OPENING})|(?={OPENING})|(?={CLOSING})|(?<={CLOSING})")


@dataclass(frozen=True, slots=True)
class Title:
    """The title of an item, put as text."""

    item: int


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A position that a vector fills.

    Attributes:
        encoder: `user`: the user vector of the history; `item`: the vector of an item; `similarity`: the inner product
            of two items' vectors, alone and beside the others in the prompt.
        items: The item, or the two items; () for the user.
    """

    encoder: Encoder
    items: tuple[int, ...] = ()


Part = str | Title | Placeholder


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with placeholders for vectors, and its answer.

    Attributes:
        parts: The question.
        answer: The answer, words and titles only; empty when it is to be generated.
        history: Whose vector fills the user's placeholder.
    """

    parts: tuple[Part, ...]
    answer: tuple[str | Title, ...]
    history: tuple[int, ...]


def applies(example: Example, form: Form) -> bool:
    """Whether a task makes sense in a form.

    Reconstruction and naming an item read vectors, so they need a form that has them; naming an item from its words has
    no vector, so intention leaves it out (paper sections 2.2 to 2.4), and so is naming what matters in a history.
    """
    if example.task == "reconstruction" or _is_named_by_vector(example):
        return form != "behavior"
    return form != "intention" or example.subtask not in ("title-of", "for", "against")


def render(example: Example, form: Form, template: str, titles: Sequence[str]) -> Prompt:
    """Put an example into words.

    Args:
        example: What is asked. The aspect that it asks for follows the phrasing.
        form: What stands for histories and items.
        template: One of the task's phrasings, with `{history}`, `{items}`, `{item}`, `{question}`, `{evidence}`.
        titles: The catalogue's titles (evidence quotes them).
    """
    parts: list[Part] = []
    template = f"{template} {example.aspect}" if example.aspect else template
    for words, slot, _, _ in _pieces(template):
        if words:
            parts.append(words)
        match slot:
            case "history":
                parts.extend(_history(example, form))
            case "item":
                parts.extend(_item(example, example.items[0], form))
            case "items":
                parts.extend(_joined([list(_item(example, item, form)) for item in example.items]))
            case "question":
                parts.append(example.question)
            case "evidence" if example.evidence is not None:
                parts.extend(_split_at_quotes(render_evidence(example.evidence, titles)))
            case _:
                pass
    if example.answer_items:
        answer = tuple(_joined([[Title(item)] for item in example.answer_items]))
    else:
        answer = tuple(_split_at_quotes(example.answer_text))
    return Prompt(tuple(parts), answer, example.history)


def with_shots(prompt: Prompt, shots: Sequence[Prompt]) -> Prompt:
    """The prompt after solved ones: what is learned in context (paper section 3.2.3, "ICL")."""
    if not shots:
        return prompt
    solved = [part for shot in shots for part in (*_question(shot), " ", *shot.answer, "\n\n")]
    return replace(prompt, parts=(*solved, *_question(prompt)))


def _question(prompt: Prompt) -> tuple[Part, ...]:
    return ("Question: ", *prompt.parts, "\nAnswer:")


def as_text(parts: Sequence[Part], titles: Sequence[str]) -> str:
    """Parts without placeholders (behavior) as one text, for models that read text alone.

    Raises:
        ValueError: There is a placeholder for a vector.
    """
    if any(isinstance(part, Placeholder) for part in parts):
        raise ValueError("a placeholder for a vector cannot be put as text: render the behavior form")
    return "".join(titles[part.item] if isinstance(part, Title) else str(part) for part in parts)


@lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    return tuple(Formatter().parse(template))


def _history(example: Example, form: Form) -> Iterator[Part]:
    """The user's vector and the titles; no titles where they are asked for, or where hybrid's evidence has them."""
    if form != "behavior":
        yield Placeholder("user")
    elsewhere = example.task == "reconstruction" or (example.evidence is not None and form == "hybrid")
    if form == "intention" or elsewhere:
        return
    if form == "hybrid":
        yield " "
    with_similarity = form == "hybrid" and example.task == "rationale"
    yield from _joined(
        [
            [Placeholder("similarity", (item, example.items[0])), Title(item)] if with_similarity else [Title(item)]
            for item in example.history
        ]
    )


def _item(example: Example, item: int, form: Form) -> Iterator[Part]:
    if form != "behavior":
        yield Placeholder("item", (item,))
    if form != "intention" and not _is_named_by_vector(example):
        if form == "hybrid":
            yield " "
        yield Title(item)


def _is_named_by_vector(example: Example) -> bool:
    return (example.task, example.subtask) == ("discrimination", "title")


def _joined(groups: Sequence[Sequence[T]]) -> Iterator[T | str]:
    for position, group in enumerate(groups):
        if position:
            yield SEPARATOR
        yield from group


def _split_at_quotes(text: str) -> list[str]:
    """A text in pieces, what stands in quotation marks apart, so that a title is the same tokens there too."""
    return [piece for piece in _EDGES.split(text) if piece]
