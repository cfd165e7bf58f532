"""The cache forgets what was used longest ago, phrases are short and true, users and items are found."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from tests.tiny import sasrec, world

from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import CLOSE, Evidence
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.recommenders.stability import Effect
from recexplainer.server.cache import AnswerCache
from recexplainer.server.finding import Finder, NotFoundError
from recexplainer.server.known_evidence import KnownEvidence
from recexplainer.server.phrases import MOST_WORDS, phrase

STABLE = Effect(1.0, 1.0, 1.0, 0.01, 1.0, 0.01, 1.0)
UNSURE = Effect(1.0, -1.0)


def evidence(*effects: Effect, shared: tuple[str, ...] = ()) -> Evidence:
    """Evidence about the last item, for a history of all others with these effects."""
    n = len(effects)
    own = tuple(effect.deletion for effect in effects)
    return Evidence(tuple(range(n)), n, True, 1.0, 1, 5, own, (shared,) * n, effects=effects)


def test_the_cache_keeps_what_was_used_last() -> None:
    cache = AnswerCache(12_000)
    for key in (b"a", b"b", b"c", b"a", b"d", b"e", b"f", b"g", b"h", b"i", b"j", b"k"):
        if cache.get(key) is None:
            cache.put(key, key * 1000)
        assert cache.size <= 12_000
        assert cache.get(b"a") == b"a" * 1000
    assert cache.get(b"b") is None
    assert cache.get(b"k") == b"k" * 1000


def test_the_cache_does_not_keep_what_is_large() -> None:
    cache = AnswerCache(12_000)
    cache.put(b"a", b"x" * 5000)
    assert (cache.get(b"a"), cache.size, len(cache)) == (None, 0, 0)
    nothing = AnswerCache(0)
    nothing.put(b"a", b"")
    assert len(nothing) == 0


@pytest.mark.parametrize(
    ("titles", "shared", "expected"),
    [
        (("Tea", "Cup"), (), "Because of “Tea”"),
        (("Tea", "Cup"), ("brand Nimbus",), "Because of “Tea”, same brand Nimbus"),
        (("Tea", "Cup"), (CLOSE, "the word 'Tea' in the title", "genre puzzle"), "Because of “Tea”, same genre puzzle"),
        ((" ".join("abcdefghij"), "Cup"), ("brand Nimbus",), "Because of “a b c d e f g h i j”"),
        ((" ".join("abcdefghijk"), "Cup"), (), "Because of “a b c d e f g h i j…”"),
    ],
)
def test_a_phrase_has_at_most_twelve_words(titles: tuple[str, str], shared: tuple[str, ...], expected: str) -> None:
    words, why = phrase(evidence(STABLE, shared=shared), titles)
    assert (words, why) == (expected, None)
    assert len(words.split()) <= MOST_WORDS


def test_a_phrase_names_two_reasons_where_nothing_is_shared() -> None:
    second = replace(STABLE, deletion=0.5)
    assert phrase(evidence(STABLE, second), ("Tea", "Cup", "Pot"))[0] == "Because of “Tea” and “Cup”"


@pytest.mark.parametrize(
    ("effects", "why"),
    [((UNSURE,), "depends on how one asks"), ((Effect(0.0),), "no single item"), ((), "cannot say")],
)
def test_without_a_stable_reason_there_is_no_phrase(effects: tuple[Effect, ...], why: str) -> None:
    known = evidence(*effects) if effects else replace(evidence(STABLE), attributions=(), effects=())
    words, reason = phrase(known, ("Tea", "Cup"))
    assert words == ""
    assert why in str(reason)


def test_the_beginning_of_an_id_comes_before_titles() -> None:
    dataset = Dataset.from_frames(
        pl.DataFrame({"user_id": ["Ann", "anna", "bob", "ÉVA"], "item_id": ["1", "1", "2", "1"]}),
        pl.DataFrame({"item_id": ["1", "2"], "title": ["Cup", "Annual (Tea)"]}),
    )
    finder = Finder(dataset)

    def found(query: str, limit: int = 10) -> list[str]:
        return [dataset.user_ids[row] for row in finder.users_like(query, limit)[0]]

    assert found("ann") == ["Ann", "anna", "bob"]
    assert found("ANN", 1) == ["Ann"]
    assert finder.users_like("ann", 1)[1] == 3
    assert found("tea annual") == ["bob"]
    assert found("éva") == ["ÉVA"]
    assert finder.items_like("2", 10) == ([1], 1)
    with pytest.raises(NotFoundError):
        finder.user("ann")


def test_a_pair_is_asked_about_once_as_long_as_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    own = PairExplainer.evidence

    def counted(self: PairExplainer, pairs: list[object], *, attributed: bool = True) -> list[Evidence]:
        asked.append(len(pairs))
        return own(self, pairs, attributed=attributed)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(PairExplainer, "evidence", counted)
    known = KnownEvidence(world(), sasrec(), most=2)
    pairs = [known.pair(user, "i021") for user in ("u0001", "u0002", "u0003")]
    first = known.evidence([*pairs[:2], pairs[0]])
    assert known.evidence(pairs[:2]) == first[:2]
    assert asked == [2]
    known.evidence(pairs[2:])  # the first is forgotten
    again = known.evidence(pairs[:2])
    assert asked == [2, 1, 1]
    assert [one.rank for one in again] == [one.rank for one in first[:2]]
