"""The trie in compressed rows beside one of nested dictionaries: building it, its memory, and one mask for all beams.

Titles are token sequences made up with the shape of a real catalogue: frequent tokens are far more frequent, and many
titles begin alike.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common import Result, arguments, begin, finish
from recexplainer.surrogate.constraints import Trie

VOCABULARY = 8000
STOP = 0


def made_up_titles(count: int, random: np.random.Generator) -> list[list[int]]:
    """So many distinct token sequences of 3 to 9 tokens and a stop token."""
    titles: set[tuple[int, ...]] = set()
    while len(titles) < count:
        lengths = random.integers(3, 10, size=count)
        tokens = np.minimum(random.zipf(1.3, size=(count, 9)), VOCABULARY - 1)
        titles.update((*row[:length].tolist(), STOP) for row, length in zip(tokens, lengths, strict=True))
    return [list(title) for title in sorted(titles)[:count]]


class Nested:
    """The plain way: a dictionary of dictionaries, and a loop over rows for the mask."""

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        self.root: dict[int, Any] = {}
        for sequence in sequences:
            node = self.root
            for token in sequence:
                node = node.setdefault(token, {})

    def mask(self, said: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
        """Which tokens may follow what each row has said."""
        mask = np.zeros((len(said), VOCABULARY), bool)
        for row, tokens in enumerate(said):
            node = self.root
            for token in tokens:
                node = node[token]
            mask[row, list(node)] = True
        return mask


def compressed_mask(trie: Trie, said: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The same mask from the trie in compressed rows, walked anew as beams need it."""
    nodes = np.zeros(len(said), np.int64)
    for column in said.T:
        nodes = trie.step(nodes, column)
    return trie.allowed(nodes, VOCABULARY)


def main() -> None:
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--titles", type=int, nargs="+", default=[10_000, 100_000], help="sizes of the catalogue")
    parser.add_argument("--beams", type=int, default=160, help="rows of a batch: cases times beams")
    parser.add_argument("--repeats", type=int, default=200, help="masks a way")
    options = begin(parser)
    results: list[Result] = []
    ratios: dict[str, float] = {}
    for count in options.titles:
        measure(count, options, results, ratios)
    finish(options, results, ratios)


def measure(count: int, options: Any, results: list[Result], ratios: dict[str, float]) -> None:
    """Build both, check that they agree, and time the masks in turn."""
    random = np.random.default_rng(0)
    titles = made_up_titles(count, random)
    trie, build, _ = built(Trie, titles)
    nested, build_nested, memory_nested = built(Nested, titles)
    memory = trie.tokens.nbytes + trie.first.nbytes
    seconds = {"compressed rows": 0.0, "nested dictionaries": 0.0}
    for _ in range(options.repeats):
        said = np.array([titles[at][:2] for at in random.integers(len(titles), size=options.beams)])
        start = perf_counter()
        ours = compressed_mask(trie, said)
        between = perf_counter()
        theirs = nested.mask(said.tolist())
        end = perf_counter()
        assert np.array_equal(ours, theirs), "the two tries disagree"
        seconds["compressed rows"] += between - start
        seconds["nested dictionaries"] += end - between
    what = f"{count:,} titles"
    for way, made, size in (("compressed rows", build, memory), ("nested dictionaries", build_nested, memory_nested)):
        results.append(Result(f"{what}, build", way, made, "seconds"))
        results.append(Result(f"{what}, memory", way, size / 2**20, "MiB"))
        results.append(Result(f"{what}, mask", way, 1e6 * seconds[way] / options.repeats, "microseconds a batch"))
    ratios[f"memory, nested over compressed, {what}"] = memory_nested / memory
    ratios[f"mask time, nested over compressed, {what}"] = seconds["nested dictionaries"] / seconds["compressed rows"]


def built(kind: type[Any], titles: list[list[int]]) -> tuple[Any, float, int]:
    """A trie, the seconds it took to build, and the bytes that it holds (counted in a second building)."""
    start = perf_counter()
    trie = kind(titles)
    seconds = perf_counter() - start
    tracemalloc.start()
    again = kind(titles)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del again
    return trie, seconds, held


if __name__ == "__main__":
    main()
