from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from tests.tiny import sasrec, world

from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.generator import Draft, Drafter, citable
from recexplainer.explanations.recording import Recorder
from recexplainer.recommenders.base import User
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.decoding import Decoder


def test_only_what_matters_may_be_cited() -> None:
    attributions = (0.1, -0.9, 0.0, 0.5, 0.2)
    known = Evidence(
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
    assert set(citable(known)) == {8, 10, 11, 3}
    assert set(citable(replace(known, history=(7,), attributions=(0.0,), shared=((),)))) == {7, 3}
    many = replace(known, history=tuple(range(20, 40)), attributions=tuple(map(float, range(20))), shared=((),) * 20)
    assert set(citable(many)) == {36, 37, 38, 39, 3}
    one_against = replace(many, attributions=(-1.0, *many.attributions[1:]))
    assert set(citable(one_against)) == {20, 37, 38, 39, 3}, "the other side is heard too"


class _Says:
    """A decoder that cites what it may, and notes what that was."""

    def __init__(self, texts: list[str]) -> None:
        self.texts, self.allowed = texts, list[tuple[int, ...]]()

    def citing(self, prompts: object, limit: int, citable: list[tuple[int, ...]], draft: int) -> list[str]:
        self.allowed += citable
        return [self.texts[min(draft, len(self.texts) - 1)]]


class _Questions:
    def subset(self, rows: list[int]) -> _Questions:
        return self


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder(world(), sasrec())


def drafted(recorder: Recorder, known: Evidence, texts: list[str], **how: Any) -> tuple[Draft, _Says]:
    says = _Says(texts)
    drafter = Drafter(cast(Decoder, says), recorder)
    (draft,) = drafter.held(cast(EncodedSet, _Questions()), known=[known], **how)
    return draft, says


def test_from_half_way_on_only_what_matters_most_may_be_cited(recorder: Recorder) -> None:
    (known,) = recorder.known([(User((1, 2, 3, 4, 5)), 9)])
    _, says = drafted(recorder, known, ["Hm."], told=[known], strict=False, drafts=4)
    strongest = known.history[known.strongest_first[0]]
    assert [set(each) for each in says.allowed] == [set(citable(known))] * 2 + [{strongest, 9}] * 2


def test_where_f_was_asked_what_it_contradicts_is_written_again(recorder: Recorder) -> None:
    """The wording of rationales cannot say this, and so has no fault by it; the claim is read and put to f."""
    (known,) = recorder.known([(User((1, 2, 3, 4, 5)), 9)])
    kept = replace(
        known,
        recommended=True,
        attributions=(1.0, 0.4, -0.3, 0.0, 0.0),
        rank=3,
        shared=((),) * 5,
        recommended_share=0.1,
    )
    titles = recorder.dataset.titles
    good = f"Yes, “{titles[9]}” would be recommended. The strongest pull comes from “{titles[1]}”."
    false = f"{good} It is broadly popular."
    assert drafted(recorder, kept, [false, good], told=[kept], strict=False, drafts=4)[0].text == good
    own = replace(kept, recommended_share=None)
    free = drafted(recorder, kept, [good], told=[own], strict=False, drafts=1)[0]
    assert free.faults == (), "held to its own answers, f is not asked"


def test_strict_takes_in_what_f_does_not_bear_out_though_no_claim_says_it(recorder: Recorder) -> None:
    (known,) = recorder.known([(User((1, 2, 3, 4, 5)), 9)])
    asked = replace(
        known, recommended=False, attributions=(-1.0, 0.4, -0.3, 0.0, 0.0), rank=20, n_ranked=55, shared=((),) * 5
    )
    titles = recorder.dataset.titles
    text = f"No, it ranks in the lower half of the list. What weighs against it most is “{titles[1]}”."
    believed = replace(asked, rank=50)
    own = drafted(recorder, asked, [text], told=[believed], strict=False, drafts=2)[0]
    assert (own.text, own.faults) == (text, ())
    strict = drafted(recorder, asked, [text], told=[believed], strict=True, drafts=2)[0]
    assert strict.abstained.endswith("where f says no, in the upper half")
