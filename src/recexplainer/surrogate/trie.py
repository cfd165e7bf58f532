"""A trie of token sequences in compressed rows: which tokens may follow, for a whole batch at once.

It knows token ids only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Trie:
    """Token sequences, each of which can be walked to its end.

    Nodes are numbered level by level; node 0 is the root. The children of node `n` are the rows
    `first[n]:first[n + 1]` of `tokens`, sorted by token; child row `r` is node `r + 1`.

    Args:
        sequences: `[n]`, token ids; equal sequences count once.
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
            nodes = nodes.copy()
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
        """Which tokens may follow each node, `Bool[rows, vocabulary]`; one mask for the whole batch."""
        mask = np.zeros((len(nodes), vocabulary), bool)
        inside = np.maximum(nodes, 0)
        counts = np.where(nodes >= 0, self.first[inside + 1] - self.first[inside], 0)
        rows = np.repeat(np.arange(len(nodes)), counts)
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        mask[rows, self.tokens[np.repeat(self.first[inside], counts) + within]] = True
        return mask
