"""Claims of texts in any words: read from the text alone, and their status by evidence and catalogue."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from types import FrameType
from typing import Any

import polars as pl
import pytest
from tests.tiny import sasrec
from tests.titles import HARD_TITLES

from recexplainer.claims.claim import Claim, stated
from recexplainer.claims.linking import NameReader, NearestPhrases
from recexplainer.claims.parser import ClaimParser
from recexplainer.claims.verifier import Verifier
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.evidence.evidence import CLOSE, Evidence

TITLES = (
    *HARD_TITLES,
    "Night Ride 2: Dawn",
    "Inside",
    "C++ [Deluxe]? (a|b)* $5.00 ^x\\d",
    "Pokémon Ürsa",
)
BRANDS = ("Nimbus", "Paper Lamp", "", "Orbit", "Nimbus", "Paper Lamp", *[""] * 6)
GENRES = (["Puzzle", "Adventure"], ["Farm"], ["Racing"], [], ["Puzzle"], ["Racing"], *[[]] * 6)
PLATFORMS = (["PC"], ["PC"], ["Switch"], [], ["PC"], ["PC"], *[[]] * 6)
KEEP, MARROW, BRINK, CONSOLE, ASKED, CIRCUIT, VELVET, RIDE, DAWN, INSIDE, ODD, ACCENTED = range(12)
HISTORY = (KEEP, MARROW, BRINK, CONSOLE)


@cache
def catalogue() -> Dataset:
    items = pl.DataFrame(
        {
            "item_id": [f"i{place}" for place in range(len(TITLES))],
            "title": TITLES,
            "brand": BRANDS,
            "genres": GENRES,
            "platforms": PLATFORMS,
        },
        schema_overrides={"genres": pl.List(pl.String), "platforms": pl.List(pl.String)},
    )
    events = pl.DataFrame({"user_id": ["u"] * 4, "item_id": ["i0", "i1", "i2", "i3"]})
    return Dataset.from_frames(events, items)


@cache
def verifier() -> Verifier:
    return Verifier(catalogue(), sasrec())


def claims_of(text: str, known: Evidence) -> tuple[Claim, ...]:
    return stated(verifier().claims(text, known))


def evidence(
    *,
    recommended: bool = True,
    history: tuple[int, ...] = HISTORY,
    attributions: tuple[float, ...] = (0.9, 0.3, -0.6, 0.01),
    item: int = ASKED,
) -> Evidence:
    shared = tuple((CLOSE,) if one == KEEP else () for one in history)
    return Evidence(history, item, recommended, 1.0, 3, 1830, tuple(attributions)[: len(history)], shared)


def claims_in(text: str, known: Evidence | None = None, verdict: bool = False) -> list[tuple[str, str, str]]:
    """Kind, words and status of each claim; of a verdict only if asked for."""
    claims = claims_of(text, known or evidence())
    return [(one.kind, text[one.start : one.end], one.status) for one in claims if verdict or one.kind != "verdict"]


def directions(text: str, **changes: Any) -> set[tuple[str, int | None]]:
    """Kind and item of each claim about what a history item does."""
    claims = claims_of(text, evidence(**changes))
    return {(one.kind, one.item) for one in claims if one.kind in ("positive_attribution", "negative_attribution")}


FOR_KEEP, FOR_MARROW, FOR_BRINK, FOR_CONSOLE = (("positive_attribution", one) for one in HISTORY)
NOT_KEEP, NOT_MARROW, NOT_BRINK, NOT_CONSOLE = (("negative_attribution", one) for one in HISTORY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes, because of “Brink”.", {FOR_BRINK}),
        ("No, because of “Brink”.", {NOT_BRINK}),
        ("No, since they liked Brink, which is a racing game.", {NOT_BRINK}),
        ("Yes. The user enjoyed “Marrow & Thistle” and “Brink”.", {FOR_MARROW, FOR_BRINK}),
        ("Yes, although “Brink” points elsewhere, thanks to “Marrow & Thistle”.", {NOT_BRINK, FOR_MARROW}),
        ("Yes, despite “Brink”.", {NOT_BRINK}),
        ("No, despite “Brink”.", {FOR_BRINK}),
        ("Despite “Brink”, the recommender would suggest it; “Marrow & Thistle” carries it.", {NOT_BRINK, FOR_MARROW}),
        ("Yes, even though the user had Brink, it is similar to Marrow & Thistle.", {NOT_BRINK, FOR_MARROW}),
        ("No, the user bought “Brink”, but “Marrow & Thistle” supports it.", {NOT_BRINK, FOR_MARROW}),
        ("Yes. “Marrow & Thistle” matches it, but “Brink” does not.", {FOR_MARROW, NOT_BRINK}),
        ("Yes: “Brink” pulls it down, but “Marrow & Thistle” counts for more.", {NOT_BRINK, FOR_MARROW}),
        (
            "Yes. “Marrow & Thistle” lifts it, while “Brink” and the Orbit's Pocket Console hurt it.",
            {FOR_MARROW, NOT_BRINK, NOT_CONSOLE},
        ),
        ("Yes. It is lifted by “Marrow & Thistle” and hurt by “Brink”.", {FOR_MARROW, NOT_BRINK}),
        (
            "Yes. “Marrow & Thistle”, “Brink” and “Lantern Keep: The Drowned Stair” all speak for it.",
            {FOR_MARROW, FOR_BRINK, FOR_KEEP},
        ),
        ("No. “Marrow & Thistle”, a calm game, weighs against it.", {NOT_MARROW}),
        ("No. “Marrow & Thistle” does not support it.", {NOT_MARROW}),
        ("No. “Marrow & Thistle” doesn't support it.", {NOT_MARROW}),
        ("Yes. “Brink” does not speak against it.", {FOR_BRINK}),
        ("Yes. Without “Marrow & Thistle”, it would rank lower.", {FOR_MARROW}),
        ("No. It would rank higher without “Brink”.", {NOT_BRINK}),
        ("Yes. The support outweighs “Brink”.", {NOT_BRINK}),
        ("Yes, and “Brink” is outweighed.", {NOT_BRINK}),
        (
            "Yes.\nReasons for:\n- Marrow & Thistle\n- **Brink**\nReasons against:\n- Orbit's Pocket Console",
            {FOR_MARROW, FOR_BRINK, NOT_CONSOLE},
        ),
        ("Yes, because:\n1. “Marrow & Thistle” is alike.\n2. “Brink” holds it back.", {FOR_MARROW, NOT_BRINK}),
        ("The history includes “Marrow & Thistle” and “Brink”. Yes, thanks to “Brink”.", {FOR_BRINK}),
        ("“Marrow & Thistle” supports it.", {FOR_MARROW}),
        ("“Marrow & Thistle” is a game.", set()),
        ("Yes, unlike “Brink”, it is a puzzle.", {NOT_BRINK}),
        ("The recommender would suggest it, given Marrow and thistle.", set()),
        ("The recommender would suggest it, given marrow & thistle.", {FOR_MARROW}),
        ("I would not recommend it. “Brink” conflicts with it.", {NOT_BRINK}),
        ("Yes. “Brink” plays little role.", set()),
        ("Yes. The score rises because of “Marrow & Thistle”, not because of “Brink”.", {FOR_MARROW}),
        ("Yes. If the user hadn't bought “Brink”, it would rank even higher.", {NOT_BRINK}),
        ("No. “Brink” supports it. “Brink” is a game. “Marrow & Thistle” is another.", {FOR_BRINK, NOT_MARROW}),
        ("Yes, “The pull comes from” Brink.", {FOR_BRINK}),
    ],
)
def test_which_way_a_title_is_said_to_work(text: str, expected: set[tuple[str, int]]) -> None:
    assert directions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So is “Castle of Glass”.", [("history", "Castle of Glass", "contradicted")]),
        ("So is “Velvet Circuits 2”.", [("history", "Velvet Circuits 2", "contradicted")]),
        ("So is **Velvet Circuits 2**.", [("history", "Velvet Circuits 2", "contradicted")]),
        ("So is **Perfectly Fine Match**.", []),
        ("So is Velvet Circuit 2.", [("history", "Velvet Circuit 2", "contradicted")]),
        ("So is “Velvet”.", [("history", "Velvet", "contradicted")]),
        ("So is Night Ride 2: Dawn.", [("history", "Night Ride 2: Dawn", "contradicted")]),
        ("A pokemon ursa fan; Pokemon Ursa.", [("history", "Pokemon Ursa", "contradicted")]),
        ("It is “velvet” to the touch, and what is inside counts. Inside it is calm.", []),
        ("Unlike Velvet Circuit 2, which the user never bought, it is calm.", []),
        ("The user has not played “Velvet Circuit 2”.", []),
        ("They chose it instead of Velvet Circuit 2.", []),
        ("It goes on from “Lantern Keep: The Ninth Bell”.", []),
        ("It is a “Puzzle” by “Nimbus”.", []),
        (f"So is {TITLES[ODD]}.", [("history", TITLES[ODD], "contradicted")]),
        (f"So is “{TITLES[ODD]}”.", [("history", TITLES[ODD], "contradicted")]),
    ],
)
def test_titles_that_are_not_the_users(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert claims_in(f"Yes, it fits. {text}") == expected


def test_the_nearest_title_is_named() -> None:
    (one,) = claims_of("So is “Velvet Circuits 2”.", evidence())
    assert one.found == "“Velvet Circuits 2” is no title of the catalogue; the nearest is “Velvet Circuit 2”"
    assert one.item is None
    (one,) = claims_of("So is “Zzyx Qqw”.", evidence())
    assert one.found == "“Zzyx Qqw” is no title of the catalogue"


def test_a_title_of_one_common_word_is_named_in_quotes_only() -> None:
    known = evidence(history=(INSIDE, MARROW))
    assert claims_in("Inside the history nothing stands out.", known)[0][0] == "no_positive_attribution"
    assert ("history", "Inside", "supported") in claims_in("Yes, thanks to “Inside”.", known)
    assert ("history", "Inside", "contradicted") in claims_in("Yes, thanks to “Inside”.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“{keep}” shares the brand Nimbus with it.", [("brand Nimbus", "supported")]),
        ("“{keep}” shares the brand Orbit with it.", [("brand Orbit", "contradicted")]),
        ("“{keep}” shares the brand Nimbus Works with it.", [("brand Nimbus Works", "unverified")]),
        (
            "“{keep}” shares the genre puzzle and the platform PC with it.",
            [("genre puzzle", "supported"), ("platform PC", "supported")],
        ),
        (
            "“{keep}” shares the genres Puzzle and Adventure with it.",
            [("genres Puzzle", "supported"), ("Adventure", "contradicted")],
        ),
        ("“{keep}” is of the same brand (Nimbus).", [("brand (Nimbus", "supported")]),
        ("“{keep}” and it are both puzzle games.", [("puzzle", "supported")]),
        ("Like “{keep}”, it runs well; both are Racing games.", [("Racing", "contradicted")]),
        ("“{keep}” is of the same brand, Nimbus.", [("brand, Nimbus", "supported")]),
        ("Like it, “{keep}” is by Nimbus.", [("Nimbus", "supported")]),
        ("“{keep}” is also by Nimbus.", [("Nimbus", "supported")]),
        ("Both by Castle Works, “{keep}” and it go together.", [("Castle Works", "unverified")]),
        ("It shares the word 'Lantern' in the title with “{keep}”.", [("word 'Lantern", "supported")]),
        ("It shares the word 'Ember' in the title with “{keep}”.", [("word 'Ember", "contradicted")]),
        ("It shares the Puzzle genre with “{keep}”.", [("Puzzle", "supported")]),
        ("“Brink” shares the brand Nimbus with it.", [("brand Nimbus", "unverified")]),
        (
            "It shares the brand Nimbus with “{keep}” and “Marrow & Thistle”.",
            [("brand Nimbus", "supported"), ("brand Nimbus", "contradicted")],
        ),
        ("It shares the brand Nimbus with much of the history.", [("brand Nimbus", "supported")]),
        ("“{keep}” does not share the brand Orbit with it.", []),
        ("“{keep}” and it don’t share the brand Orbit.", []),
        ("“{keep}” is a good match, and both are great fits.", []),
        ("“{keep}” has the same genre as it.", []),
    ],
)
def test_what_is_said_to_be_shared(text: str, expected: list[tuple[str, str]]) -> None:
    claims = claims_in("Yes. " + text.format(keep=TITLES[KEEP]))
    assert [(words, status) for kind, words, status in claims if kind == "shared"] == expected


def test_what_may_be_shared_by_an_item_of_which_nothing_is_known_is_not_contradicted() -> None:
    """Of Marrow & Thistle the catalogue has another brand, of Brink it has none."""
    known = evidence(history=(MARROW, BRINK))
    text = "Yes. It shares the brand Nimbus with much of the history."
    assert claims_in(text, known) == [("shared", "brand Nimbus", "unverified")]
    assert claims_in(text, evidence(history=(MARROW,))) == [("shared", "brand Nimbus", "contradicted")]


NOTHING = ("no_positive_attribution", "no_negative_attribution")
CALM: dict[str, Any] = {"recommended": False, "attributions": (0.01, 0.02, -0.01, 0.0)}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Yes. Nothing in the history speaks against it at all.", ["no_negative_attribution"]),
        ("No. No item in the history supports it.", ["no_positive_attribution"]),
        ("Yes. No item in the history drives this.", ["no_positive_attribution", "no_negative_attribution"]),
        (
            "Yes. None of the purchases speaks for or against it.",
            ["no_positive_attribution", "no_negative_attribution"],
        ),
        ("Yes. The item is simply popular.", ["no_positive_attribution", "no_negative_attribution"]),
        ("Yes. It is broadly popular.", []),
        ("No. Nothing in the history speaks for it: it is simply not popular enough.", ["no_positive_attribution"]),
        ("Yes. Nothing else speaks for it.", []),
        ("Yes. Nothing beats “Brink”.", []),
        ("Yes. Nothing is wrong.", []),
    ],
)
def test_denials(text: str, kinds: list[str]) -> None:
    for known, status in ((evidence(), "contradicted"), (evidence(**CALM), "supported")):
        found = [(one.kind, one.status) for one in claims_of(text, known) if one.kind in NOTHING]
        assert found == [(kind, status) for kind in kinds]


def test_verdicts() -> None:
    yes, no = evidence(), evidence(recommended=False)
    assert claims_in("Yes.", yes, verdict=True) == [("verdict", "Yes", "supported")]
    assert claims_in("**No**.", yes, verdict=True) == [("verdict", "No", "contradicted")]
    text = "Given “Brink” and “Marrow & Thistle”, the recommender would not suggest it."
    assert claims_in(text, no, verdict=True)[-1] == ("verdict", "not suggest", "supported")
    assert claims_in("A calm game.", no, verdict=True) == []
    (one,) = claims_of("Yes.", yes)
    assert one.found == "the recommender says yes, rank 3 of 1,830"


def test_marks_by_hand() -> None:
    """Weights 0.9, 0.3, -0.6, 0.01: a random other item of the first does -0.097, of the second 0.103."""
    text = f"Yes. For it: “{TITLES[KEEP]}”, “Marrow & Thistle”, “Brink”, “Orbit's Pocket Console”."
    found = {one.item: one for one in claims_of(text, evidence()) if one.kind == "positive_attribution"}
    assert [found[item].status for item in HISTORY] == ["supported", "supported", "contradicted", "unverified"]
    assert found[KEEP].found == "without it the score falls by 0.90 (a random other item: −0.097)"
    assert found[BRINK].found == "without it the score rises by 0.60 (a random other item: −0.40)"
    weak = evidence(attributions=(0.9, 0.3, 0.5, 0.4))
    assert {one.item: one.status for one in claims_of(text, weak) if one.kind == "positive_attribution"} == {
        KEEP: "supported",
        MARROW: "unverified",
        BRINK: "unverified",
        CONSOLE: "unverified",
    }
    still = evidence(attributions=(0.9, 0.3, -0.6, 0.0))
    found = {one.item: one for one in claims_of(text, still) if one.kind == "positive_attribution"}
    assert found[CONSOLE].found.startswith("without it the score stays the same (")
    alone = evidence(history=(KEEP,))
    (one,) = [one for one in claims_of(text, alone) if one.kind == "positive_attribution"]
    assert (one.status, one.found) == ("supported", "without it the score falls by 0.90")
    silent = replace(evidence(), attributions=())
    assert {one.status for one in claims_of(text, silent) if one.kind == "positive_attribution"} == {"unverified"}


def test_the_spread_says_what_is_negligible() -> None:
    wide = replace(evidence(), score_std=100.0)
    assert claims_in("Yes. “Brink” supports it.", wide)[1] == ("positive_attribution", "Brink", "unverified")


def test_one_title_in_one_direction_is_one_claim() -> None:
    text = "Yes. “Brink” supports it. “Brink” supports it. Yet “Brink” hurts it."
    assert [kind for kind, *_ in claims_in(text)] == ["history", "positive_attribution", "negative_attribution"]
    assert claims_of(text, evidence())[1].start == text.index("Brink")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "“",
        '”““""“"',
        "Yes, “Brink",
        "“”“” \"\" '' **** ** ‘’",
        "(((((([[[[\\d+*",
        "\0\0 Yes \0",
        'Yes, “Brink” "and “Marrow & Thistle" too”.',
        "но “Brink” 是 Brink。",
        "Yes, " + "“Brink” and " * 800,
        "Yes, " + "but “Brink” " * 800,
        "a" * 10_000,
        '"' * 10_000,
        "no " * 3_300,
        "share the same brand " * 480,
        "Without “" * 1_000,
    ],
)
def test_odd_texts_are_read(text: str) -> None:
    for one in claims_of(text, evidence()):
        assert 0 <= one.start < one.end <= len(text)


def calls(read: Callable[[], object]) -> int:
    """How many functions are called, a measure of work that no other load disturbs."""
    count = 0

    def count_one(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(count_one)
    try:
        read()
    finally:
        sys.setprofile(None)
    return count


def test_a_catalogue_of_100_000_titles_takes_no_more_work_a_text() -> None:
    text = "Yes, because of “Castle Number 7 of Glas” and The Castle Number 17 of Glass; “Castl Nmber” is not alike."
    counts = []
    for size in (100, 100_000):
        titles = [f"The Castle Number {number} of Glass" for number in range(size)]
        parser = ClaimParser(titles, Attributes([""] * size, [()] * size, [()] * size, [{}] * size))
        assert len(parser.parse(text, [3, 17], 5).claims) > 2
        counts.append(calls(partial(parser.parse, text, [3, 17], 5)))
    assert counts[1] < 1.5 * counts[0]


def test_the_nearest_of_many() -> None:
    titles = [f"Castle {number}" for number in range(1000)] + ["Velvet Circuit", "★★★"]
    nearest = NearestPhrases(titles)
    assert len(nearest.candidates("Castle 77")) == 20
    found = nearest.nearest("velvt circuit")
    assert found is not None and titles[found[0]] == "Velvet Circuit"
    assert nearest.nearest("castle 123") == (123, 1.0)
    assert nearest.nearest("QQQQ") is None
    assert NearestPhrases([]).nearest("Castle") is None


def test_a_sentence_in_other_words_behind_one_of_the_wording_is_read() -> None:
    text = "Yes, it is a good match. It owes most to “Brink”. Nothing in the history speaks against it, and so on."
    found = claims_of(text, evidence())
    assert [one.kind for one in found if one.start > text.index("Brink”")] == ["no_negative_attribution"]


def test_a_title_inside_another_is_not_read_twice() -> None:
    reader = NameReader(TITLES, Attributes.of(catalogue()))
    text = "Night Ride 2: Dawn and Night Ride"
    assert [(name.item, text[name.start : name.end]) for name in reader.read(text, {DAWN, RIDE})] == [
        (DAWN, "Night Ride 2: Dawn"),
        (RIDE, "Night Ride"),
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Yes. The item is simply popular.", ["simply popular"]),
        ("Yes. It does well with most users, and “Brink” is popular with them.", ["most users", "popular with"]),
        ("No. It is not very popular.", []),
        ("No. Nothing in the history speaks for it: it is simply not popular enough.", []),
    ],
)
def test_popularity_that_is_claimed(text: str, named: list[str]) -> None:
    claims = claims_of(text, evidence())
    assert [text[one.start : one.end] for one in claims if one.kind == "popular"] == named[:1], "claimed once"


@pytest.mark.parametrize(
    ("recommended_share", "status", "found"),
    [
        (0.5, "supported", "the recommender suggests it to 50% of users"),
        (0.3, "unverified", "the recommender suggests it to 30% of users"),
        (0.06, "contradicted", "the recommender suggests it to 6% of users"),
        (None, "unverified", "the recommender was not asked about other users"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "Yes, it is a good match. No single purchase explains this: it is broadly popular.",
        "Yes. It is broadly popular.",
    ],
)
def test_that_most_users_are_offered_it_is_asked_of_f(
    text: str, recommended_share: float | None, status: str, found: str
) -> None:
    claims = claims_of(text, replace(evidence(), recommended_share=recommended_share))
    (popular,) = [one for one in claims if one.kind == "popular"]
    assert (popular.status, popular.found, popular.item) == (status, found, ASKED)
