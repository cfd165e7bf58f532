"""Constraints of decoding: titles of a catalogue, a list in some order, titles inside quotation marks.

They know token ids only. Outside quotation marks words may be sampled, so that texts differ in their phrases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import LogitsProcessor

_LIKELY = 0.3  # words are sampled among those at least so likely relative to the likeliest


class Trie:
    """Sequences of token ids in compressed rows: which tokens may follow, for a whole batch in one step.

    Nodes are numbered level by level; node 0 is the root. The children of node `n` are the rows
    `first[n]:first[n + 1]` of `tokens`, sorted by token; child row `r` is node `r + 1`.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        width = max((len(sequence) for sequence in sequences), default=0)
        table = np.full((len(sequences), width), -1, np.int64)
        for row, sequence in zip(table, sequences, strict=True):
            row[: len(sequence)] = sequence
        table = np.unique(table, axis=0)
        nodes = np.zeros(len(table), np.int64)
        tokens, parents = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        made = 1
        for level in range(width):
            there = table[:, level] >= 0
            pairs = np.stack([nodes[there], table[there, level]], 1)
            unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
            parents.append(unique[:, 0])
            tokens.append(unique[:, 1])
            nodes[there] = made + inverse.reshape(-1)
            made += len(unique)
        self.tokens = np.concatenate(tokens)
        self.first = np.searchsorted(np.concatenate(parents), np.arange(made + 1))
        # Rows are sorted by parent, then token, so one number a row finds a child in one search.
        self._stride = int(self.tokens.max(initial=0)) + 1
        self._keys = np.concatenate(parents) * self._stride + self.tokens

    def step(self, nodes: NDArray[np.int64], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """The nodes after one token each, `Int[rows]`; -1 where the token may not follow."""
        wanted = nodes * self._stride + tokens
        at = np.searchsorted(self._keys, wanted)
        found = (nodes >= 0) & (tokens < self._stride) & (at < len(self._keys))
        found[found] = self._keys[at[found]] == wanted[found]
        return np.where(found, at + 1, -1)

    def allowed(self, nodes: NDArray[np.int64], vocabulary: int) -> NDArray[np.bool_]:
        """Which tokens may follow each node, `Bool[rows, vocabulary]`."""
        mask = np.zeros((len(nodes), vocabulary), bool)
        inside = np.maximum(nodes, 0)
        counts = np.where(nodes >= 0, self.first[inside + 1] - self.first[inside], 0)
        rows = np.repeat(np.arange(len(nodes)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        mask[rows, self.tokens[np.repeat(self.first[inside], counts) + within]] = True
        return mask


@dataclass(frozen=True)
class TrieConstraint(LogitsProcessor):
    """Restricts every beam to the sequences of a trie, each with its stop token."""

    trie: Trie

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Mask every token that leaves the trie. The search reorders beams, so each is walked from the root."""
        nodes = np.zeros(len(scores), np.int64)
        for column in input_ids.cpu().numpy().T:
            nodes = self.trie.step(nodes, column)
        mask = torch.from_numpy(self.trie.allowed(nodes, scores.shape[-1])).to(scores.device)
        # The search ignores what follows in a beam that has ended.
        mask |= ~mask.any(-1, keepdim=True)
        return scores.masked_fill(~mask, float("-inf"))


class WordSampler:
    """Samples each next word among the likely ones, seeded for each row.

    An answer begins with a token of the likelier of the groups `verdicts`.
    """

    def __init__(self, seeds: Sequence[int], verdicts: Sequence[Sequence[int]]) -> None:
        self._random = [np.random.default_rng(seed) for seed in seeds]
        self._verdicts = [list(group) for group in verdicts]

    def __call__(self, row: int, scores: Tensor, *, first: bool) -> Tensor:
        """The scores, `Float[vocabulary]`, of one row with all tokens masked but the sampled one."""
        log = scores.double().log_softmax(-1).cpu().numpy()
        if first:
            group = max(self._verdicts, key=lambda tokens: np.logaddexp.reduce(log[tokens]))
            log = np.where(np.isin(np.arange(len(log)), group), log, -np.inf)
        likely = np.where(log >= log.max() + np.log(_LIKELY), log, -np.inf)
        sampled = int((likely + self._random[row].gumbel(size=len(log))).argmax())
        return _only(scores, [sampled])


@dataclass(frozen=True)
class QuoteConstraint(LogitsProcessor):
    """Restricts what each row quotes to its own titles, `[rows][titles]` of token ids, each at most once.

    `words` samples what is outside quotation marks, and with `sample_titles` inside; None takes the likeliest.
    """

    titles: Sequence[Sequence[Sequence[int]]]
    opening: list[int]
    closing: list[int]
    words: WordSampler | None = None
    sample_titles: bool = False

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Inside a quotation, mask every token that continues no title; outside, none or all but the sampled one."""
        constrained = scores.clone()
        for row, generated in enumerate(input_ids.tolist()):
            left, begun = _quotation(generated, self.titles[row], self.opening, self.closing)
            if begun is not None:
                allowed = sorted({title[len(begun)] for title in left if list(title[: len(begun)]) == begun})
                constrained[row] = _only(scores[row], allowed)
            elif not left:
                constrained[row, self.opening[0]] = float("-inf")
            if self.words is not None and (begun is None or self.sample_titles):
                constrained[row] = self.words(row, constrained[row], first=not generated)
        return constrained


def _quotation(
    generated: list[int], titles: Sequence[Sequence[int]], opening: list[int], closing: list[int]
) -> tuple[list[list[int]], list[int] | None]:
    """The titles not cited yet, each with its closing mark, and the ids of the open quotation, if there is one."""
    left = [[*title, *closing] for title in titles]
    at = 0
    while at < len(generated):
        if generated[at : at + len(opening)] != opening:
            at += 1
            continue
        at += len(opening)
        rest = generated[at:]
        whole = max((title for title in left if rest[: len(title)] == title), key=len, default=None)
        if whole is None:
            return left, rest
        left.remove(whole)
        at += len(whole)
    return left, None


@dataclass(frozen=True)
class OrderConstraint(LogitsProcessor):
    """Restricts each row to a list of its own titles, `[rows][titles]` of token ids, each exactly once.

    The ids `separator` are between two titles, and `stop` is after the last.
    """

    titles: Sequence[Sequence[Sequence[int]]]
    separator: list[int]
    stop: int

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Mask every token that no remaining order continues with."""
        constrained = scores.clone()
        for row, generated in enumerate(input_ids.tolist()):
            allowed = _may_follow(generated, self.titles[row], self.separator, self.stop) or {self.stop}
            constrained[row] = _only(scores[row], sorted(allowed))
        return constrained


def _may_follow(generated: list[int], left: Sequence[Sequence[int]], separator: list[int], stop: int) -> set[int]:
    """The tokens that may follow in a list of the titles that are left; none if what is generated is no such list."""
    allowed: set[int] = set()
    for position, title in enumerate(left):
        rest = [*left[:position], *left[position + 1 :]]
        whole = [*title, *(separator if rest else [stop])]
        if generated[: len(whole)] == whole:
            allowed |= _may_follow(generated[len(whole) :], rest, separator, stop) if rest else {stop}
        elif whole[: len(generated)] == generated:
            allowed.add(whole[len(generated)])
    return allowed


def _only(scores: Tensor, allowed: list[int]) -> Tensor:
    """The scores, `Float[vocabulary]`, with all other tokens masked."""
    masked = torch.full_like(scores, float("-inf"))
    masked[allowed] = scores[allowed]
    return masked
