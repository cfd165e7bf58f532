from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recexplainer.surrogate.constraints import Trie

VOCABULARY = 6
sequences = st.lists(st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=5), min_size=1, max_size=12)
walks = st.lists(st.lists(st.integers(0, VOCABULARY - 1), max_size=5), min_size=1, max_size=6)


def follow(trie: Trie, walk: list[int]) -> int:
    node = np.zeros(1, np.int64)
    for token in walk:
        node = trie.step(node, np.array([token]))
    return int(node[0])


@given(sequences, walks)
def test_it_agrees_with_brute_force(rows: list[list[int]], walks: list[list[int]]) -> None:
    trie = Trie(rows)
    prefixes = {tuple(one[:end]) for one in rows for end in range(len(one) + 1)}
    walks = [*walks, *(one[:2] for one in rows)]
    nodes = np.array([follow(trie, walk) for walk in walks])
    allowed = trie.allowed(nodes, VOCABULARY)
    for walk, node, row in zip(walks, nodes, allowed, strict=True):
        assert (node >= 0) == (tuple(walk) in prefixes)
        expected = {token for token in range(VOCABULARY) if (*walk, token) in prefixes} if node >= 0 else set()
        assert set(np.flatnonzero(row).tolist()) == expected


@given(sequences)
def test_each_prefix_has_a_node_of_its_own(rows: list[list[int]]) -> None:
    trie = Trie(rows)
    prefixes = {tuple(one[:end]) for one in rows for end in range(len(one) + 1)}
    assert len({follow(trie, list(prefix)) for prefix in prefixes}) == len(prefixes) == len(trie.first) - 1


def test_a_sequence_that_begins_another() -> None:
    trie = Trie([[1, 2, 0], [1, 2, 3, 0]])
    node = np.array([follow(trie, [1, 2])])
    assert np.flatnonzero(trie.allowed(node, 5)[0]).tolist() == [0, 3]


def test_equal_sequences_count_once() -> None:
    assert len(Trie([[1, 2], [1, 2]]).tokens) == 2


def test_off_the_trie_is_off_for_good() -> None:
    trie = Trie([[1, 2]])
    lost = trie.step(np.array([0]), np.array([4]))
    assert lost.tolist() == [-1]
    assert trie.step(lost, np.array([1])).tolist() == [-1]
    assert not trie.allowed(lost, 5).any()


def test_a_batch_of_walks_at_different_depths() -> None:
    trie = Trie([[1, 2], [3]])
    nodes = np.array([0, follow(trie, [1]), -1, follow(trie, [3])])
    assert [np.flatnonzero(row).tolist() for row in trie.allowed(nodes, 5)] == [[1, 3], [2], [], []]


def test_an_empty_trie_allows_nothing() -> None:
    assert not Trie([]).allowed(np.array([0]), 3).any()
