from dataclasses import replace

import pytest

from recexplainer.claims.claim import Claim, ClaimKind
from recexplainer.errors import RunError
from recexplainer.explanations.record import Explanation
from recexplainer.reports.checking import check, claim_segments, counterfactual, fault_lines, open_faults, places
from recexplainer.reports.inputs import ReportInputs


@pytest.fixture
def record(full_inputs: ReportInputs) -> Explanation:
    return full_inputs.explanations[0]


def test_the_counterfactual_is_of_the_strongest_that_changes_the_rank(record: Explanation) -> None:
    assert counterfactual(record) == "Without “Lantern Keep: The Drowned Stair” it would fall from rank 3 to rank 41."
    _, strongest, second, against = record.citations
    still = replace(strongest, ablated_rank=3)
    assert counterfactual(replace(record, citations=(still, second))) == (
        "Without “Marrow & Thistle” it would fall from rank 3 to rank 12."
    )
    assert counterfactual(replace(record, citations=(still, against), rank=3)) == (
        "Without “Nimbus Wireless Gamepad” it would rise from rank 3 to rank 2."
    )
    assert counterfactual(replace(record, citations=(still,))) == "No single item that the text names changes its rank."
    assert counterfactual(replace(record, citations=(replace(still, ablated_rank=None),))) == ""
    assert counterfactual(replace(record, citations=())) == ""


def test_large_ranks_are_written_with_commas(record: Explanation) -> None:
    far = replace(record.citations[1], ablated_rank=1204)
    assert counterfactual(replace(record, citations=(far,))).endswith("from rank 3 to rank 1,204.")


def test_claims_of_the_same_words_are_one_place_with_the_worst_mark(record: Explanation) -> None:
    _, second, third, *_ = found = places(record)
    assert [place.number for place in found] == [1, 2, 3, 4, 5]
    assert [check.words for check in second.checks] == [
        "“Lantern Keep: The Drowned Stair” is in the user's history",
        "“Lantern Keep: The Drowned Stair” counts for it",
    ]
    assert (second.status, third.status, third.words) == ("supported", "unverified", "by Nimbus")
    assert third.checks[0].words == "“by Nimbus” holds for “Lantern Keep: The Drowned Stair” too"
    claims = [
        replace(each, status=mark)
        for each, mark in zip(record.claims, ("supported", "unverified", "contradicted"), strict=False)
    ]
    assert [place.status for place in places(replace(record, claims=tuple(claims)))] == ["supported", "contradicted"]


@pytest.mark.parametrize(
    ("kind", "item", "words"),
    [
        ("verdict", 7, "its verdict"),
        ("negative", 5, "“Nimbus Wireless Gamepad” counts against it"),
        ("history", None, "“The” is in the user's history"),
        ("shared", None, "“The” holds for some of the history too"),
        ("nothing_positive", None, "nothing in the history counts for it"),
        ("nothing_negative", None, "nothing in the history counts against it"),
    ],
)
def test_each_kind_of_claim_in_words(record: Explanation, kind: ClaimKind, item: int | None, words: str) -> None:
    assert check(record, Claim(kind, "supported", "so", 0, 3, item)).words == words


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (0, 10_000)])
def test_a_claim_outside_the_text_is_an_error(record: Explanation, start: int, end: int) -> None:
    with pytest.raises(RunError, match="not in the text"):
        places(replace(record, claims=(Claim("positive", "supported", "so", start, end, 0),)))


def test_segments_of_claims_put_the_text_together_and_show_the_worst_of_what_overlaps(record: Explanation) -> None:
    text = "Nothing like Alpha speaks for it, Beta does"
    claims = (
        Claim("nothing_positive", "contradicted", "“Beta” speaks for it", 0, 32),
        Claim("history", "supported", "it is in the history", 13, 18, 0),
        Claim("positive", "supported", "the score falls", 34, 38, 1),
        Claim("positive", "unverified", "hardly", 34, 38, 2),
    )
    cut = claim_segments(replace(record, text=text, claims=claims, citations=()))
    assert "".join(each.text for each in cut) == text
    assert [(each.text, each.kind) for each in cut if each.kind] == [
        ("Nothing like ", "contradicted"),
        ("Alpha", "contradicted"),
        (" speaks for it", "contradicted"),
        ("Beta", "unverified"),
    ]
    assert [[place.number for place in each.ends] for each in cut if each.kind] == [[], [2], [1], [3]]
    assert cut[1].hint == "contradicted: “Beta” speaks for it; supported: it is in the history"
    assert claim_segments(replace(record, text="", claims=())) == []


def test_findings_that_a_stated_claim_says_too_are_not_shown_again(record: Explanation) -> None:
    kinds: tuple[ClaimKind, ...] = (
        "negligible",
        "omission",
        "not_understood",
        "no_verdict",
        "order",
        "standing",
        "link",
    )
    findings = tuple(Claim(kind, "unverified", kind, 0, 3) for kind in kinds)

    def shown(claims: tuple[Claim, ...]) -> list[str]:
        return list(open_faults(replace(record, claims=(*claims, *findings))))

    others = ["omission", "not_understood", "order", "standing"]
    assert record.claims[0].kind == "verdict" and "unverified" in {one.status for one in record.claims}
    assert shown(record.claims) == others
    assert shown(record.claims[1:]) == [*others[:2], "no_verdict", *others[2:]], "no verdict is read"
    assert shown(record.claims[:1]) == [*others, "link"], "no claim that something is shared fails"
    assert shown(()) == list(kinds)
    verdict = replace(record.claims[0], status="contradicted")
    assert fault_lines(replace(record, claims=(verdict, findings[1]))) == (
        "its verdict: the recommender says yes, rank 3 of 1,841",
        "omission",
    )
