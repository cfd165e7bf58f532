"""Explanations of the corpus as training prompts, from which a surrogate learns to explain in its own words.

Those of a catalogue like one's own are put about histories and items of one's own, in the surrogate's form, where they
name items by their titles alone. The others are in the behavior form, whatever the surrogate's: their catalogues have
no vectors.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from recexplainer.evidence.realised import one_of
from recexplainer.surrogate.prompt import SEPARATOR, Form, Part, Prompt, fill, render, split_at_quotes
from recexplainer.surrogate.settings import OwnWordsSettings
from recexplainer.tasks.corpus_explanations import CorpusExplanation, corpus_explanations, request_words
from recexplainer.tasks.example import Example, LabelledExamples
from recexplainer.tasks.wording import load_wording


def corpus_prompts(
    form: Form, alignment: LabelledExamples, settings: OwnWordsSettings, random: np.random.Generator
) -> list[tuple[Prompt, str]]:
    """The explanations of the package, each so many times, of less than one a share; with each the id of its user.

    Phrasings and the words that ask for a length or an aspect are drawn, and so is the pair that one is put about: each
    time another.
    """
    pairs = sorted((one for one in alignment.of("rationale") if one.items), key=_length)
    phrasings, prompts = load_wording()["rationale", "own_words"], list[tuple[Prompt, str]]()
    for explanation in _drawn(settings, random):
        template = f"{one_of(phrasings, random)} {request_words(explanation, random)}"
        own = explanation.by_title and explanation.catalogue in settings.like_catalogues
        if own and (pair := _pair_for(explanation, pairs, random)) is not None:
            prompts.append((_render_about(pair, explanation, form, template, alignment.dataset.titles), pair.user))
        else:
            prompts.append((render_explanation(explanation, template), ""))
    return prompts


def render_explanation(one: CorpusExplanation, template: str) -> Prompt:
    """Put an explanation in a phrasing of the rationales of the subtask `own_words`."""
    slots: dict[str, Callable[[], Iterable[Part]]] = {
        "history": lambda: [piece for title in one.history for piece in (SEPARATOR, title)][1:],
        "item": lambda: [one.item],
        "evidence": lambda: split_at_quotes(one.evidence),
    }
    return Prompt(fill(template.strip(), slots), tuple(split_at_quotes(one.text)), ())


def _drawn(settings: OwnWordsSettings, random: np.random.Generator) -> Iterator[CorpusExplanation]:
    """The explanations in the order in which they are put."""
    every = corpus_explanations()
    alike = [one for one in every if one.catalogue in settings.like_catalogues]
    others = [one for one in every if one.catalogue not in settings.like_catalogues]
    for some, passes in ((alike, settings.like_passes), (others, settings.passes)):
        orders = (random.permutation(len(some)).tolist() for _ in range(math.ceil(passes)))
        drawn = [some[at] for order in orders for at in order]
        yield from drawn[: round(passes * len(some))]


def _pair_for(one: CorpusExplanation, pairs: Sequence[Example], random: np.random.Generator) -> Example | None:
    """A pair drawn from those with a history long enough, of pairs by length; None if there is none."""
    first = bisect_left(pairs, len(one.history), key=_length)
    return pairs[int(random.integers(first, len(pairs)))] if first < len(pairs) else None


def _length(pair: Example) -> int:
    return len(pair.history)


def _render_about(pair: Example, one: CorpusExplanation, form: Form, template: str, titles: Sequence[str]) -> Prompt:
    """Put an explanation about the last items of a history, and another item."""
    last = pair.history[len(pair.history) - len(one.history) :]
    moved = one.about([titles[item] for item in last], titles[pair.items[0]])
    example = Example("rationale", "own_words", pair.user, pair.history, pair.items[:1], answer_text=moved.text)
    return render(example, form, template.strip(), titles, moved.evidence)
