"""The smallest change of spelling that makes ids of two sides meet, and what is only a coincidence."""

from __future__ import annotations

import pytest

from recexplainer.data.id_comparison import compare_ids

SIDES = ("the data", "the file")
IDS = [f"i{number}" for number in range(1, 13)]


@pytest.mark.parametrize(
    ("known", "change"),
    [
        ([f"0{one}" for one in IDS], "without leading zeros, such as 'i1' and '0i1'"),
        ([f"i{number:03d}" for number in range(1, 13)], "without leading zeros, such as 'i1' and 'i001'"),
        ([one.upper() for one in IDS], "whatever their letter case, such as 'i1' and 'I1'"),
        ([f"b'{one}'" for one in IDS], """around them, as in b'…', such as 'i1' and "b'i1'\""""),
        ([f"np.str_('{one}')" for one in IDS], "around them"),
        ([f"('{one}',)" for one in IDS], "without quotes and brackets"),
        ([f'"{one}"' for one in IDS], "without quotes and brackets"),
        ([f"i\u00ad{one[1:]}" for one in IDS], r"cannot be seen, such as 'i1' and 'i\xad1'"),
        ([f"{one}.0" for one in IDS], "without '.0' at the end"),
        ([f"i-{one[1:]}" for one in IDS], "without the marks within them"),
        ([f"item_{one[1:]}" for one in IDS], "what they begin with, 'i' and 'item_', such as 'i1' and 'item_1'"),
        ([f"{one}.jpg" for one in IDS], "what they end with, '' and '.jpg'"),
        ([f"Item_{one[1:]}.jpg" for one in IDS], "by their digits alone"),
        ([str(number) for number in range(12)], "the ids of the file are row numbers, 0 to 11"),
        (
            IDS[:9] + [f"0{one}" for one in IDS[9:]],
            "3 ids of the data would be found in the file without leading zeros",
        ),
    ],
)
def test_the_smallest_change_that_makes_ids_meet(known: list[str], change: str) -> None:
    found = compare_ids(IDS, known, SIDES)
    assert found is not None
    assert change in found.sentence


@pytest.mark.parametrize(
    ("sought", "known", "change"),
    [
        (["caf\u00e91"], ["cafe\u03011"], r"Unicode form (NFKC), such as 'caf\xe91' and 'cafe\u03011'"),
        (["café"], ["cafÃ©"], "decoded as UTF-8"),
        (["abcdefghij", "bcdefghijk"], ["abcdef", "bcdefg"], "cut to 6 characters"),
        (
            ["1", "2", "3"],
            ["0", "1", "2"],
            "run from 1 to 3, those of the file from 0 to 2: one side is shifted by one",
        ),
        (["0", "1", "2"], ["i4", "i5", "i6"], "the ids of the data are row numbers"),
        (["0", "1", "2"], ["i0", "i1", "i2"], "what they begin with"),
        (["017-A", "018-B"], ["17-a", "18-b"], "without leading zeros and whatever their letter case"),
    ],
)
def test_other_sides(sought: list[str], known: list[str], change: str) -> None:
    found = compare_ids(sought, known, SIDES)
    assert found is not None
    assert change in found.sentence


@pytest.mark.parametrize(
    ("sought", "known"),
    [
        (IDS, IDS),
        (IDS[:4], IDS),
        (IDS, [f"x{letter}" for letter in "abc"]),
        (IDS, []),
        (["a", "b", "c", "d", "e"], ["A", "p", "q", "r", "s"]),  # one of five
        (["1", "2", "3", "4"], ["2", "3", "4", "5", "6"]),
        (["1", "2", "5"], ["i4", "i6", "i7"]),
        (["i1", "q2", "q3"], ["i1", "i2", "i3"]),
    ],
)
def test_no_difference_is_claimed_where_there_is_none(sought: list[str], known: list[str]) -> None:
    assert compare_ids(sought, known, SIDES) is None
