"""Explanations of the corpus as training prompts, from which a surrogate learns to explain in its own words.

They are in the behavior form, whatever the surrogate's: their catalogues have no vectors, and their titles are text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from recexplainer.evidence.realised import one_of
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import SEPARATOR, Part, Prompt, fill, split_at_quotes
from recexplainer.tasks.corpus_explanations import CorpusExplanation, corpus_explanations, request_words
from recexplainer.tasks.wording import load_wording


def corpus_prompts(
    surrogate: Surrogate, titles: Sequence[str], passes: float, random: np.random.Generator
) -> list[Prompt]:
    """The explanations of the package that fit, each so many times, of less than one a share.

    Phrasings and the words that ask for a length or an aspect are drawn. `titles` are the catalogue's, `[items]`.
    """
    every = corpus_explanations()
    drawn = [at for _ in range(math.ceil(passes)) for at in random.permutation(len(every)).tolist()]
    phrasings, prompts = load_wording()["rationale", "own_words"], list[Prompt]()
    for at in drawn[: round(passes * len(every))]:
        prompts.append(render_explanation(every[at], f"{one_of(phrasings, random)} {request_words(every[at], random)}"))
    encoder = surrogate.prompt_encoder(titles)
    return [one for one in prompts if encoder.fits(one)]


def render_explanation(one: CorpusExplanation, template: str) -> Prompt:
    """Put an explanation in a phrasing of the rationales of the subtask `written`."""
    slots: dict[str, Callable[[], Iterable[Part]]] = {
        "history": lambda: [piece for title in one.history for piece in (SEPARATOR, title)][1:],
        "item": lambda: [one.item],
        "evidence": lambda: split_at_quotes(one.evidence),
    }
    return Prompt(fill(template.strip(), slots), tuple(split_at_quotes(one.text)), ())
