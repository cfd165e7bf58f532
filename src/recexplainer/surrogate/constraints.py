"""Constraints of decoding: titles of a catalogue, a list in some order, titles inside quotation marks.

They know token ids only. Outside quotation marks words may be sampled, so that texts differ in their phrases.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import LogitsProcessor


@dataclass(frozen=True, slots=True)
class Drawing:
    """How words are drawn where nothing constrains them, and how texts begin.

    Attributes:
        min_p: Words are drawn among those at least so likely relative to the likeliest (Nguyen et al. 2024).
        temperature: Higher is more varied.
        verdict_first: The first word is Yes or No.
        titles: Attempts after the first draw titles, too; else the likeliest is quoted.
        branches: In place of a text that is given up another of the same question is gone on with in two ways, and
            texts are judged at the end of each sentence (as particles are resampled: Lew et al. 2023, section 3).
    """

    min_p: float = 0.3
    temperature: float = 1.0
    verdict_first: bool = True
    titles: bool = True
    branches: bool = False


RATIONALE = Drawing()
"""How rationales are drawn: from few words, as they are held to a wording."""
LIKELIEST_TITLES = Drawing(titles=False)


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


def common_start(sequences: Sequence[Sequence[int]]) -> list[int]:
    """What all of several sequences begin with."""
    shortest = list(min(sequences, key=len, default=()))
    return next(
        (shortest[:at] for at, each in enumerate(zip(*sequences, strict=False)) if len(set(each)) > 1), shortest
    )


class CitingText:
    """A text as it is written, token by token, that quotes only its own titles, each at most once.

    Args:
        titles: `[titles]` of token ids, that may be quoted.
        opening: The ids of the mark before a quotation.
        closing: The ids of the mark after it.
        random: What words are drawn by among the likely ones.
        drawing: How words are drawn, and whether titles are.
        verdicts: Groups of tokens, of the likelier of which the first token is.
        starts: Sequences of ids, with one of which the text begins; (): as it likes.
        begun: The ids that it begins with already.
    """

    def __init__(
        self,
        titles: Sequence[Sequence[int]],
        opening: list[int],
        closing: list[int],
        random: np.random.Generator,
        *,
        drawing: Drawing = LIKELIEST_TITLES,
        verdicts: Sequence[Sequence[int]] = (),
        starts: Sequence[Sequence[int]] = (),
        begun: Sequence[int] = (),
    ) -> None:
        self.ids: list[int] = []
        self._opening, self._closing = opening, closing
        self._random, self._drawing, self._verdicts = random, drawing, verdicts
        self._left = [[*title, *closing] for title in titles]
        self._quoted: list[int] | None = None
        self._starts = list(starts)
        for token in begun:
            self.add(token)

    def add(self, token: int) -> None:
        """Go on with a token."""
        self.ids.append(token)
        self._starts = [start[1:] for start in self._starts if start[0] == token and len(start) > 1]
        if self._quoted is None:
            self._quoted = [] if self.ids[-len(self._opening) :] == self._opening else None
            return
        self._quoted.append(token)
        if self._quoted in self._left:
            self._left.remove(self._quoted)
            self._quoted = None
        elif self._starts and self._quoted[-len(self._closing) :] == self._closing:  # a title that only starts have
            self._quoted = None

    def branch(self) -> CitingText:
        """The same text so far, that goes on by draws of its own."""
        other = copy(self)
        other.ids, other._left, other._starts = list(self.ids), list(self._left), list(self._starts)
        other._quoted = None if self._quoted is None else list(self._quoted)
        (other._random,) = self._random.spawn(1)
        return other

    def choose(self, logits: NDArray[np.float32]) -> int:
        """The next token, by the model's logits, `Float[vocabulary]`."""
        allowed = self.allowed(logits)
        if allowed is None:
            return self._draw(logits)
        chances = logits[allowed]
        is_title = self._quoted is not None
        return int(allowed[int(chances.argmax()) if is_title and not self._drawing.titles else self._draw(chances)])

    def allowed(self, logits: NDArray[np.float32]) -> NDArray[np.int64] | None:
        """The tokens that may follow; None where any may."""
        if self._starts:
            return np.unique([start[0] for start in self._starts])
        if self._quoted is not None:
            size = len(self._quoted)
            return np.unique([title[size] for title in self._left if title[:size] == self._quoted])
        if not self.ids and self._verdicts:
            return np.array(max(self._verdicts, key=lambda tokens: np.logaddexp.reduce(logits[list(tokens)])))
        return None if self._left else np.delete(np.arange(len(logits)), self._opening[0])

    def _draw(self, logits: NDArray[np.float32]) -> int:
        """One of the likely ones, by their chances."""
        logits = logits / self._drawing.temperature
        likely = np.flatnonzero(logits >= logits.max() + np.log(self._drawing.min_p))
        if len(likely) == 1:
            return int(likely[0])
        return int(likely[(logits[likely] + self._random.gumbel(size=len(likely))).argmax()])


class Judge(Protocol):
    """Says while texts are written which of them are of use; a row is the place of a question."""

    def may_go_on(self, row: int, text: str) -> bool:
        """Whether a text that begins so may still be of use."""
        ...

    def settles(self, row: int, number: int, text: str) -> bool:
        """Whether a finished text is the one to take, so that its question needs no other."""
        ...


def may_follow(generated: Sequence[int], left: Sequence[Sequence[int]], separator: list[int], stop: int) -> set[int]:
    """The tokens that may follow in a list of titles, `[titles]` of token ids, each exactly once and in any order.

    The ids `separator` are between two titles, and `stop` is after the last. None may follow what is no such list.
    """
    allowed: set[int] = set()
    begun = list(generated)
    for position, title in enumerate(left):
        rest = [*left[:position], *left[position + 1 :]]
        whole = [*title, *(separator if rest else [stop])]
        if begun[: len(whole)] == whole:
            allowed |= may_follow(begun[len(whole) :], rest, separator, stop) if rest else {stop}
        elif whole[: len(begun)] == begun:
            allowed.add(whole[len(begun)])
    return allowed
