"""From an Example to a Prompt: words, titles, and placeholders for the recommender's vectors.

The form decides what stands for a history and an item: its title (behavior), its vector (intention), or both (hybrid).
Words are kept apart from titles, so that a title is always the same tokens wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Formatter
from typing import Literal, TypeVar, get_args

from recexplainer.evidence.evidence import render_evidence
from recexplainer.tasks.example import Example

T = TypeVar("T")
Form = Literal["behavior", "intention", "hybrid"]
FORMS: tuple[Form, ...] = get_args(Form)
Encoder = Literal["user", "item", "title", "similarity"]
"""What fills placeholders: the vector of the user, of an item, that of an item again, read as its title, or the
similarity of two items."""
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
    """Positions that a vector fills."""

    encoder: Encoder
    items: tuple[int, ...] = ()
    """The item, or the two items; () for the user."""


Part = str | Title | Placeholder


@dataclass(frozen=True, slots=True)
class Given:
    """A part of an answer that is not learned."""

    part: Part


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question with placeholders for vectors, and its answer."""

    parts: tuple[Part, ...]
    answer: tuple[str | Title | Given, ...]
    """Empty when it is to be generated."""
    history: tuple[int, ...]
    """The history whose vector fills the user's placeholder."""


def applies(example: Example, form: Form) -> bool:
    """Whether a task makes sense in a form.

    Reconstruction and naming an item need vectors. Naming an item from its description, and naming what matters in a
    history, have none, so intention leaves them out (paper sections 2.2 to 2.4).
    """
    if example.task == "reconstruction" or _is_named_by_vector(example):
        return form != "behavior"
    return form != "intention" or example.subtask not in ("title-of", "for", "against")


def render(example: Example, form: Form, template: str, titles: Sequence[str], evidence: str = "") -> Prompt:
    """Put an example into words with one of its task's phrasings, which its aspect follows.

    A phrasing has the slots `{history}`, `{items}`, `{item}`, `{question}`, `{evidence}`; evidence quotes titles. It is
    the example's, or, where that has none, the words given.
    """
    full = example.subtask == "own_words"
    if example.evidence is not None:
        evidence = render_evidence(example.evidence, titles, full=full)
    slots: dict[str, Callable[[], Iterable[Part]]] = {
        "history": lambda: _history(example, form),
        "item": lambda: _item(example, example.items[0], form),
        "items": lambda: _joined([list(_item(example, item, form)) for item in example.items]),
        "question": lambda: [example.question],
        "evidence": lambda: split_at_quotes(evidence),
    }
    aspect = example.aspect.replace("{", "{{").replace("}", "}}")
    parts = fill(f"{template} {aspect}" if aspect else template, slots)
    if example.task == "verdicts":
        answer = tuple(part for item in example.items for part in _judged(example, item, form))[1:]
    elif example.answer_items:
        answer = tuple(_joined([[Title(item)] for item in example.answer_items]))
    else:
        answer = tuple(split_at_quotes(example.answer_text))
    return Prompt(parts, answer, example.history)


def fill(template: str, slots: Mapping[str, Callable[[], Iterable[Part]]]) -> tuple[Part, ...]:
    """The words of a phrasing, each slot replaced by its parts, which are only made where they are needed."""
    parts: list[Part] = []
    for words, slot, _, _ in Formatter().parse(template):
        parts += [words] if words else []
        parts += slots[slot]() if slot else []
    return tuple(parts)


def with_shots(prompt: Prompt, shots: Sequence[Prompt]) -> Prompt:
    """The prompt after solved ones, to be learned from in context (paper section 3.2.3, "ICL")."""
    if not shots:
        return prompt
    start, end = "Question: ", "\nAnswer:"
    solved = [part for shot in shots for part in (start, *shot.parts, end, " ", *answer_parts(shot.answer), "\n\n")]
    return replace(prompt, parts=(*solved, start, *prompt.parts, end))


def answer_parts(answer: Iterable[str | Title | Given]) -> Iterator[Part]:
    """The parts of an answer, given or learned."""
    return (one.part if isinstance(one, Given) else one for one in answer)


def as_text(parts: Sequence[Part], titles: Sequence[str]) -> str:
    """Parts of the behavior form as one text; ValueError if there is a placeholder for a vector."""
    if any(isinstance(part, Placeholder) for part in parts):
        raise ValueError("a placeholder for a vector cannot be put as text: render the behavior form")
    return "".join(titles[part.item] if isinstance(part, Title) else str(part) for part in parts)


def _history(example: Example, form: Form) -> Iterator[Part]:
    """The user's vector and the titles; no titles where they are the answer, or where hybrid's evidence has them."""
    if form != "behavior":
        yield Placeholder("user")
    elsewhere = example.task == "reconstruction" or (example.subtask in ("evidence", "own_words") and form == "hybrid")
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
    if form == "intention" or _is_named_by_vector(example):
        yield Placeholder("title", (item,))
        return
    if form == "hybrid":
        yield " "
    yield Title(item)


def _judged(example: Example, item: int, form: Form) -> list[str | Given]:
    """A separator and an item, which are given, and its verdict; where it is not text, the title is left out."""
    shown = [part for part in _item(example, item, form) if part != Placeholder("title", (item,))]
    verdict = "Yes" if item in example.answer_items else "No"
    return [*map(Given, (SEPARATOR, *shown, ":")), verdict]


def _is_named_by_vector(example: Example) -> bool:
    return example.task == "discrimination" and example.subtask in ("title", "titles")


def _joined(groups: Sequence[Sequence[T]]) -> Iterator[T | str]:
    for position, group in enumerate(groups):
        if position:
            yield SEPARATOR
        yield from group


def split_at_quotes(text: str) -> list[str]:
    """A text in pieces, quotations apart, so that a title is the same tokens there too."""
    return [piece for piece in _EDGES.split(text) if piece]
