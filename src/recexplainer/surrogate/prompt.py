"""From an Example to a Prompt: words, titles, and places for the recommender's vectors.

The form decides what stands for a history and an item: its title (behavior), its vector (intention), or both (hybrid).
Words are kept apart from titles, so that a title is always the same tokens wherever it stands. It knows no tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from string import Formatter
from typing import Literal

from recexplainer.evidence.evidence import render_evidence
from recexplainer.tasks.example import Example

Form = Literal["behavior", "intention", "hybrid"]
FORMS: tuple[Form, ...] = ("behavior", "intention", "hybrid")
SEPARATOR = "; "
OPENING, CLOSING = "“", "”"
_EDGES = re.compile(f"(?<={OPENING})|(?={OPENING})|(?={CLOSING})|(?<={CLOSING})")


@dataclass(frozen=True, slots=True)
class Title:
    """The title of an item, to be put as text."""

    item: int


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """A place for the item vector of f."""

    item: int


@dataclass(frozen=True, slots=True)
class MatchPlace:
    """A place for how two items match: the inner product of their vectors in f, alone and beside the others."""

    item: int
    other: int


@dataclass(frozen=True, slots=True)
class UserPlace:
    """A place for the user vector of f."""


Part = str | Title | ItemPlace | MatchPlace | UserPlace


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with places for vectors, and its answer.

    Attributes:
        parts: The question.
        answer: The answer, words and titles only; empty when it is to be generated.
        history: Whose vector goes to the user place.
    """

    parts: tuple[Part, ...]
    answer: tuple[str | Title, ...]
    history: tuple[int, ...]


def applies(example: Example, form: Form) -> bool:
    """Whether a task makes sense in a form.

    Reconstruction and naming an item read vectors, so they need a form that has them; naming an item from its words has
    no vector, so intention leaves it out (paper sections 2.2 to 2.4), and so is naming what matters in a history.
    """
    if example.task == "reconstruction" or (example.task, example.subtask) == ("discrimination", "title"):
        return form != "behavior"
    return form != "intention" or example.subtask not in ("title-of", "for", "against")


def render(example: Example, form: Form, template: str, titles: Sequence[str]) -> Prompt:
    """Put an example into words.

    Args:
        example: What is asked.
        form: What stands for histories and items.
        template: One of the task's phrasings, with `{history}`, `{items}`, `{item}`, `{question}`, `{evidence}`.
        titles: The catalogue's titles (evidence quotes them). The view that is asked for follows the phrasing.
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
                parts.extend(_titles_apart(render_evidence(example.evidence, titles)))
            case _:
                pass
    return Prompt(tuple(parts), _answer(example), example.history)


def with_shots(prompt: Prompt, shots: Sequence[Prompt]) -> Prompt:
    """The prompt behind solved ones: what is learned in context (paper section 3.2.3, "ICL")."""
    solved = [part for shot in shots for part in (*_asked(shot), " ", *shot.answer, "\n\n")]
    return replace(prompt, parts=(*solved, *_asked(prompt)) if shots else prompt.parts)


def _asked(prompt: Prompt) -> tuple[Part, ...]:
    return ("Question: ", *prompt.parts, "\nAnswer:")


def as_text(parts: Sequence[Part], titles: Sequence[str]) -> str:
    """Parts without places for vectors (behavior) as one text, for models that read text alone.

    Raises:
        ValueError: There is a place for a vector.
    """
    if any(isinstance(part, UserPlace | ItemPlace | MatchPlace) for part in parts):
        raise ValueError("a place for a vector cannot be put as text: render the behavior form")
    return "".join(titles[part.item] if isinstance(part, Title) else str(part) for part in parts)


@lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    return tuple(Formatter().parse(template))


def _history(example: Example, form: Form) -> Iterator[Part]:
    told_elsewhere = example.task == "reconstruction" or (example.evidence is not None and form == "hybrid")
    with_titles = form != "intention" and not told_elsewhere
    if form != "behavior":
        yield UserPlace()
    if with_titles:
        if form == "hybrid":
            yield " "
        yield from _joined([list(_seen(example, item, form)) for item in example.history])


def _seen(example: Example, item: int, form: Form) -> Iterator[Part]:
    """A history item with its title; where reasons are asked, also how it matches the item asked about."""
    if form == "hybrid" and example.task == "rationale":
        yield MatchPlace(item, example.items[0])
    yield Title(item)


def _item(example: Example, item: int, form: Form) -> Iterator[Part]:
    if form != "behavior":
        yield ItemPlace(item)
    named_by_vector = (example.task, example.subtask) == ("discrimination", "title")
    if form != "intention" and not named_by_vector:
        if form == "hybrid":
            yield " "
        yield Title(item)


def _joined(groups: Sequence[Sequence[Part]]) -> Iterator[Part]:
    for position, group in enumerate(groups):
        if position:
            yield SEPARATOR
        yield from group


def _titles_apart(text: str) -> list[str]:
    """A text in pieces, what stands in quotation marks apart, so that a title is the same tokens there too."""
    return [piece for piece in _EDGES.split(text) if piece]


def _answer(example: Example) -> tuple[str | Title, ...]:
    if not example.answer_items:
        return tuple(_titles_apart(example.answer_text))
    parts: list[str | Title] = []
    for position, item in enumerate(example.answer_items):
        parts += [SEPARATOR, Title(item)] if position else [Title(item)]
    return tuple(parts)
