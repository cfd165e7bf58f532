from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import cast

import numpy as np
import pytest
from tests.tiny import fresh, sasrec, world

from recexplainer.claims.parser import ClaimParser, ParsedText
from recexplainer.evidence.evidence import Evidence
from recexplainer.evidence.realised import write_rationale
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.generator import Generator, citable
from recexplainer.explanations.writing import Written
from recexplainer.recommenders.base import User
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.constraints import Judge
from recexplainer.surrogate.decoding import CitingTexts, Decoder


def test_only_what_matters_may_be_cited() -> None:
    attributions = (0.1, -0.9, 0.0, 0.5, 0.2)
    evidence = Evidence(
        history=(7, 8, 9, 10, 11),
        item=3,
        recommended=True,
        score=1.0,
        rank=1,
        n_ranked=20,
        attributions=attributions,
        shared=((),) * 5,
        score_std=1.0,
    )
    assert set(citable(evidence)) == {8, 10, 11, 3}
    assert set(citable(replace(evidence, history=(7,), attributions=(0.0,), shared=((),)))) == {7, 3}
    many = replace(evidence, history=tuple(range(20, 40)), attributions=tuple(map(float, range(20))), shared=((),) * 20)
    assert set(citable(many)) == {36, 37, 38, 39, 3}
    one_against = replace(many, attributions=(-1.0, *many.attributions[1:]))
    assert set(citable(one_against)) == {20, 37, 38, 39, 3}, "the other side is heard too"


class _Writer:
    """A decoder that writes given texts, and notes what it may cite."""

    def __init__(self, texts: list[str]) -> None:
        self.texts, self.allowed = texts, list[tuple[int, ...]]()

    def citing(
        self,
        prompts: object,
        limit: int,
        citable: list[list[tuple[int, ...]]],
        attempts: range,
        openings: object,
        judge: Judge,
    ) -> CitingTexts:
        self.allowed += citable[0]
        written = [self.texts[min(one, len(self.texts) - 1)] for one in attempts]
        next((text for number, text in zip(attempts, written, strict=True) if judge.settles(0, number, text)), None)
        return CitingTexts([written], np.array([0.5]))


class _Questions:
    def subset(self, rows: list[int]) -> _Questions:
        return self


@cache
def explainer() -> PairExplainer:
    return PairExplainer(world(), sasrec(), fresh("hybrid"))


@cache
def known() -> Evidence:
    return explainer().evidence([(User((1, 2, 3, 4, 5)), 9)])[0]


def generated(
    evidence: Evidence, constraint: Evidence, texts: list[str], *, max_attempts: int, strict: bool = False
) -> tuple[Written, _Writer]:
    generator, writer = Generator(fresh("hybrid"), world(), sasrec(), explainer().verifier), _Writer(texts)
    generator.decoder = cast(Decoder, writer)
    questions = cast(EncodedSet, _Questions())
    (attempt,) = generator.constrained(questions, [constraint], [evidence], strict=strict, max_attempts=max_attempts)
    return attempt, writer


def test_from_half_way_on_only_what_matters_most_may_be_cited() -> None:
    _, writer = generated(known(), known(), ["Hm."], max_attempts=4)
    strongest = known().history[known().strongest_first[0]]
    assert [set(each) for each in writer.allowed] == [set(citable(known()))] * 2 + [{strongest, 9}] * 2


def test_a_text_that_the_recommender_contradicts_is_written_again() -> None:
    """The wording of rationales cannot say this; the claim is read of the words and checked all the same."""
    evidence = replace(
        known(),
        recommended=True,
        attributions=(1.0, 0.4, -0.3, 0.0, 0.0),
        effects=(),
        rank=3,
        shared=((),) * 5,
        recommended_share=0.1,
    )
    titles = world().titles
    good = f"Yes, “{titles[9]}” would be recommended. The strongest pull comes from “{titles[1]}”."
    assert generated(evidence, evidence, [f"{good} It is broadly popular.", good], max_attempts=4)[0].text == good
    own = replace(evidence, recommended_share=None)
    assert generated(evidence, own, [good], max_attempts=1)[0].problems == (), "by its own answers, no one is asked"


def test_strict_takes_in_findings_too() -> None:
    evidence = replace(
        known(),
        recommended=False,
        attributions=(-1.0, 0.4, -0.3, 0.0, 0.0),
        effects=(),
        rank=20,
        n_ranked=55,
        shared=((),) * 5,
    )
    titles = world().titles
    text = f"No, it ranks in the lower half of the list. What weighs against it most is “{titles[1]}”."
    own = replace(evidence, rank=50)
    attempt, _ = generated(evidence, own, [text], max_attempts=2)
    assert (attempt.text, attempt.problems) == (text, ())
    assert [one.kind for one in attempt.claims if one.status != "supported"] == ["standing"]
    attempt, _ = generated(evidence, own, [text], max_attempts=2, strict=True)
    assert [one.kind for one in attempt.problems] == ["standing"]
    attempt, _ = generated(own, own, [text.replace(titles[1], titles[2])], max_attempts=1, strict=True)
    assert attempt.problems[0].found.startswith(f"“{titles[2]}”: ") or attempt.problems[0].item == 2


def attempts(text: str) -> Callable[..., CitingTexts]:
    return _Writer([text]).citing


def greedy(*given: object) -> list[str]:
    return ["Yes, perhaps."]


def test_an_accepted_text_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    original = ClaimParser.parse

    def parse(self: ClaimParser, text: str, history: Sequence[int], item: int) -> ParsedText:
        parsed.append(text)
        return original(self, text, history, item)

    monkeypatch.setattr(ClaimParser, "parse", parse)
    good = write_rationale(known(), world().titles, np.random.default_rng(0))
    monkeypatch.setattr(explainer().generator.decoder, "citing", attempts(good))
    for grounded, strict in ((True, False), (True, True), (False, True)):
        parsed.clear()
        pair = (User((1, 2, 3, 4, 5)), 9)
        (record,) = explainer().explain([pair], grounded=grounded, strict=strict, self_attribution=False)
        assert record.text == good and record.claims
        assert parsed == [good]
    monkeypatch.undo()
    monkeypatch.setattr(ClaimParser, "parse", parse)
    monkeypatch.setattr(explainer().generator.decoder, "greedy", greedy)
    parsed.clear()
    explainer().explain([(User((1, 2, 3, 4, 5)), 9)], grounded=False, self_attribution=False)
    assert parsed == ["Yes, perhaps."]
