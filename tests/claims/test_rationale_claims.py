"""Claims of what the rationale task writes: what the writer meant, no more and no less."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.tiny import histories, sasrec, world

from recexplainer.claims.claim import Claim, stated
from recexplainer.claims.verifier import Verifier
from recexplainer.evidence.evidence import CLOSE, Evidence, gather_evidence
from recexplainer.evidence.realised import write_rationale
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Method
from recexplainer.recommenders.base import User
from recexplainer.recommenders.stability import Effect

VIEWS = ("", "", "", "short", "genre", "brand", "platform", "word")


@cache
def verifier() -> Verifier:
    return Verifier.of(world(), sasrec())


def claims_of(text: str, known: Evidence) -> tuple[Claim, ...]:
    return stated(verifier().claims(text, known))


@cache
def written() -> list[tuple[str, Evidence]]:
    rng = np.random.default_rng(3)
    users = [User(history, str(user)) for user, history in enumerate(histories(60, (1, 2, 3, 4, 5, 6)) * 10)]
    known = gather_evidence(sasrec(), world(), users, rng.integers(60, size=len(users)).tolist())
    return [(write_rationale(one, world().titles, rng, str(rng.choice(VIEWS))), one) for one in known]


def meant(text: str, known: Evidence) -> set[tuple[str, int]]:
    """Every title after the opening is a reason, or depends on the others; true reasons work the way that f says."""
    opening, *_ = re.split(r"(?<=\.) ", text, maxsplit=1)
    weights = {world().titles[item]: (item, weight) for item, weight in zip(known.history, known.weights, strict=True)}
    cited = [weights[title] for title in re.findall("“(.*?)”", text.removeprefix(opening))]
    return {("positive" if weight > 0 else "negative" if weight < 0 else "depends", item) for item, weight in cited}


def test_directions_are_what_the_writer_meant() -> None:
    kinds = set[str]()
    for text, known in written():
        claims = claims_of(text, known)
        found = {(one.kind, one.item) for one in claims if one.kind in ("positive", "negative")}
        assert found == {one for one in meant(text, known) if one[0] != "depends"}, text
        assert {one.item for one in claims if one.kind == "history"} == {item for _, item in meant(text, known)}
        kinds |= {one.kind for one in claims}
    assert kinds == {
        "verdict",
        "history",
        "positive",
        "negative",
        "shared",
        "nothing_positive",
        "nothing_negative",
    }


def test_what_is_shared_is_what_the_writer_said() -> None:
    shared = 0
    for text, known in written():
        found = {one.value for one in claims_of(text, known) if one.kind == "shared" and CLOSE not in one.value}
        phrases = {phrase for phrases in known.shared for phrase in phrases if phrase != CLOSE}
        body = text.replace("”", "“").split("“")[::2]
        named = {_attribute(one) for one in phrases if any(one in part for part in body)}
        assert {one for one in found if "close" not in one and "neighbour" not in one} == named, text
        shared += len(named)
    assert shared > 50


def _attribute(phrase: str) -> str:
    """The attribute that a phrase of evidence names: "brand Nimbus", "the word 'Zelda' in the title"."""
    word = re.search("'(.*)'", phrase)
    return word[1] if word else phrase.split(" ", 1)[1]


def test_no_claim_of_a_true_rationale_is_contradicted() -> None:
    statuses = [one.status for text, known in written() for one in claims_of(text, known)]
    assert statuses.count("contradicted") == 0
    assert statuses.count("supported") > 0.95 * len(statuses)


def test_most_rationales_of_another_user_are_contradicted() -> None:
    texts, known = zip(*written(), strict=True)
    others = zip(texts, (*known[1:], known[0]), strict=True)
    found = [any(one.status == "contradicted" for one in claims_of(text, other)) for text, other in others]
    assert np.mean(found) > 0.9


def test_reasons_turned_round_are_contradicted() -> None:
    for text, known in written()[:200]:
        swapped = re.sub(r"^(Yes|No)", lambda verdict: "No" if verdict[0] == "Yes" else "Yes", text)
        (verdict,) = [one for one in claims_of(swapped, known) if one.kind == "verdict"]
        assert verdict.status == "contradicted", swapped


def test_a_record_holds_the_claims() -> None:
    users = [User(known.history, "u") for _, known in written()[:5]]
    pairs = [(user, known.item) for user, (_, known) in zip(users, written(), strict=False)]
    explanations = PairExplainer(world(), sasrec()).records(Method("x"), pairs, [text for text, _ in written()[:5]])
    for one, (text, known) in zip(explanations, written(), strict=False):
        assert one.claims == verifier().claims(text, known)
        assert one.claims


def test_nothing_does_most_beside_what_may_do_more() -> None:
    sure = Effect(0.3, replacement=0.3, shapley=0.3, agreement=1.0)
    unsure = Effect(0.9, replacement=0.9, shapley=0.9, agreement=0.8)
    known = Evidence((1, 2), 3, True, 2.0, 1, 58, (0.3, 0.9), ((), ()), effects=(sure, unsure))
    one, other, item = (f"“{world().titles[at]}”" for at in (1, 2, 3))
    said = verifier().claims(f"Yes, {item} would be recommended. It owes most to {one}.", known)
    (false,) = [each for each in said if each.status != "supported"]
    assert (false.kind, false.status) == ("order", "unverified")
    assert other in false.found
    for seed in range(20):
        text = write_rationale(known, world().titles, np.random.default_rng(seed))
        assert one in text
        assert other in text
        assert {each.status for each in verifier().claims(text, known)} == {"supported"}, text
    both = replace(known, effects=(replace(sure, shapley=1.0), replace(unsure, shapley=0.9, agreement=1.0)))
    said = verifier().claims(f"Yes, {item} would be recommended. It owes most to {other}.", both)
    assert [each.kind for each in said if each.status != "supported"] == ["order"]
    for seed in range(20):
        text = write_rationale(both, world().titles, np.random.default_rng(seed))
        assert {each.status for each in verifier().claims(text, both)} == {"supported"}, text


@pytest.mark.parametrize(
    ("effect", "found"),
    [
        (Effect(0.3, -0.1), "it depends on the rest of the history: 2 ways to ask say"),
        (Effect(0.3, 0.3, 0.3, 0.0, 0.3, 0.1, 0.8), "in 80% of its parts it works this way"),
        (Effect(0.04, 0.2), "it depends on how one asks: 2 ways to ask say"),
        (Effect(0.3, 0.3, 0.02, 0.1, 0.3, 0.0, 1.0), "random items in its place do nearly as much"),
    ],
)
def test_why_a_direction_is_unverified(effect: Effect, found: str) -> None:
    known = Evidence((1,), 3, True, 2.0, 1, 58, (effect.deletion,), ((),), effects=(effect,))
    one, item = (f"“{world().titles[at]}”" for at in (1, 3))
    said = verifier().claims(f"Yes, {item} would be recommended. It owes most to {one}.", known)
    (claim,) = [each for each in said if each.kind == "positive"]
    assert claim.status == "unverified" and found in claim.found
