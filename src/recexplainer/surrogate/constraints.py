"""What decoding may be held to: titles of a catalogue, a list in some order, titles inside quotation marks.

Outside quotation marks words may be drawn, so that not every text has the same phrases.

It knows token ids only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessor

from recexplainer.surrogate.trie import Trie

# Words are drawn among those at least this likely beside the likeliest.
_LIKELY = 0.3


class TrieConstraint(LogitsProcessor):
    """Holds every beam to one walk through a trie.

    Args:
        trie: What may be said, each sequence with its stop token. Beams take each other's places in the search, so they
            are walked anew at each step.
    """

    def __init__(self, trie: Trie) -> None:
        self._trie = trie

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Bar every token that leaves the trie."""
        nodes = np.zeros(len(scores), np.int64)
        for column in input_ids.cpu().numpy().T:
            nodes = self._trie.step(nodes, column)
        mask = torch.from_numpy(self._trie.allowed(nodes, scores.shape[-1])).to(scores.device)
        # A beam that has ended may hold anything: the search no longer looks at it.
        mask |= ~mask.any(-1, keepdim=True)
        return scores.masked_fill(~mask, float("-inf"))


class WordDraw:
    """Draws each next word among the likely ones, always the same for the same seed.

    Args:
        seeds: `[rows]`.
        verdicts: Groups of tokens with which an answer may begin; the likelier group is kept to.
    """

    def __init__(self, seeds: Sequence[int], verdicts: Sequence[Sequence[int]]) -> None:
        self._random = [np.random.default_rng(seed) for seed in seeds]
        self._verdicts = [list(group) for group in verdicts]

    def __call__(self, row: int, scores: Tensor, *, first: bool) -> Tensor:
        """The scores, `Float[vocabulary]`, of one row with all tokens barred but the one drawn."""
        log = scores.double().log_softmax(-1).cpu().numpy()
        if first:
            group = max(self._verdicts, key=lambda tokens: np.logaddexp.reduce(log[tokens]))
            log = np.where(np.isin(np.arange(len(log)), group), log, -np.inf)
        likely = np.where(log >= log.max() + np.log(_LIKELY), log, -np.inf)
        drawn = int((likely + self._random[row].gumbel(size=len(log))).argmax())
        barred = torch.full_like(scores, float("-inf"))
        barred[drawn] = scores[drawn]
        return barred


class QuoteConstraint(LogitsProcessor):
    """Holds what each row says in quotation marks to its own titles, each at most once.

    Args:
        titles: `[rows][titles]`, token ids.
        opening: Ids of the opening mark.
        closing: Ids of the closing mark.
        words: Draws what stands outside quotation marks; None takes the likeliest.
        draw_titles: Draw what stands inside too.
    """

    def __init__(
        self,
        titles: Sequence[Sequence[Sequence[int]]],
        opening: Sequence[int],
        closing: Sequence[int],
        words: WordDraw | None = None,
        *,
        draw_titles: bool = False,
    ) -> None:
        self._titles, self._opening, self._closing = titles, list(opening), list(closing)
        self._words, self._draw_titles = words, draw_titles

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Inside a quotation, bar every token that goes on with no title; outside, none or all but the one drawn."""
        held = scores.clone()
        for row, said in enumerate(input_ids.tolist()):
            left, begun = _quotation(said, self._titles[row], self._opening, self._closing)
            if begun is not None:
                allowed = sorted({title[len(begun)] for title in left if list(title[: len(begun)]) == begun})
                held[row] = float("-inf")
                held[row, allowed] = scores[row, allowed]
            elif not left:
                held[row, self._opening[0]] = float("-inf")
            if self._words is not None and (begun is None or self._draw_titles):
                held[row] = self._words(row, held[row], first=not said)
        return held


def _quotation(
    said: list[int], titles: Sequence[Sequence[int]], opening: list[int], closing: list[int]
) -> tuple[list[list[int]], list[int] | None]:
    """The titles not cited yet, each with its closing mark, and what is said of the open quotation, if one is."""
    left = [[*title, *closing] for title in titles]
    at = 0
    while at < len(said):
        if said[at : at + len(opening)] != opening:
            at += 1
            continue
        at += len(opening)
        rest = said[at:]
        whole = max((title for title in left if rest[: len(title)] == title), key=len, default=None)
        if whole is None:
            return left, rest
        left.remove(whole)
        at += len(whole)
    return left, None


class OrderConstraint(LogitsProcessor):
    """Holds each row to a list of its own titles, each exactly once.

    Args:
        titles: `[rows][titles]`, token ids.
        separator: Ids between two titles.
        stop: The id after the last.
    """

    def __init__(self, titles: Sequence[Sequence[Sequence[int]]], separator: Sequence[int], stop: int) -> None:
        self._titles, self._separator, self._stop = titles, list(separator), stop

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Bar every token that no remaining order goes on with."""
        barred = torch.full_like(scores, float("-inf"))
        for row, said in enumerate(input_ids.tolist()):
            allowed = sorted(_may_follow(said, self._titles[row], self._separator, self._stop) or {self._stop})
            barred[row, allowed] = scores[row, allowed]
        return barred


def _may_follow(said: list[int], left: Sequence[Sequence[int]], separator: list[int], stop: int) -> set[int]:
    """The tokens with which a list of the titles that are left may go on after `said`; none if it is no such list."""
    allowed: set[int] = set()
    for position, title in enumerate(left):
        rest = [*left[:position], *left[position + 1 :]]
        whole = [*title, *(separator if rest else [stop])]
        if said[: len(whole)] == whole:
            allowed |= _may_follow(said[len(whole) :], rest, separator, stop) if rest else {stop}
        elif whole[: len(said)] == said:
            allowed.add(whole[len(said)])
    return allowed
