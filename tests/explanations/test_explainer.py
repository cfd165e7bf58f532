from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from tests.tiny import ARCHITECTURES, fresh, histories, sasrec, world

from recexplainer.errors import DataError
from recexplainer.evidence.evidence import Evidence, gather_evidence
from recexplainer.evidence.realised import opening, write_rationale
from recexplainer.explanations import generator
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.realised_writer import pair_random
from recexplainer.explanations.record import Explanation, Method
from recexplainer.explanations.writing import Style, Written, problems
from recexplainer.recommenders.base import User
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.constraints import Judge
from recexplainer.surrogate.decoding import CitingTexts
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained surrogates babble on; a few tokens are enough."""
    monkeypatch.setattr(generator, "MAX_TOKENS", 12)


def explained(surrogate: Surrogate, user: User, item: int, aspect: str = "") -> Explanation:
    return PairExplainer(world(), sasrec(), surrogate).explain([(user, item)], style=Style(aspect))[0]


def attempts(*texts: str) -> Callable[..., CitingTexts]:
    """A way to decode that gives these texts as the attempts of one question."""

    def citing(_: object, limit: int, citable: object, numbers: range, openings: object, judge: Judge) -> CitingTexts:
        written = [texts[min(at, len(texts) - 1)] for at in numbers]
        next((text for number, text in zip(numbers, written, strict=True) if judge.settles(0, number, text)), None)
        return CitingTexts([written], np.array([0.7]))

    return citing


def pairs() -> list[tuple[User, int]]:
    users = [User(history, f"u{number}") for number, history in enumerate(histories(4, (1, 3, 5, 6)))]
    return [(user, (17 * number + 5) % 60) for number, user in enumerate(users)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("grounded", [True, False])
def test_a_record_says_what_f_says(form: Form, architecture: str, grounded: bool) -> None:
    f = sasrec()
    records = PairExplainer(world(), f, fresh(form, architecture)).explain(pairs(), grounded=grounded)
    for (user, item), record in zip(pairs(), records, strict=True):
        scores = f.scores([user])[0]
        unseen = np.array([other for other in range(60) if other not in user.history])
        threshold = np.sort(scores[unseen])[::-1][len(unseen) // 5]
        alone = "direct" if form == "intention" else "self_attribution"
        assert record.source == Method(form, "grounded" if grounded else alone)
        assert (record.user, record.history, record.item) == (user.id, user.history, item)
        assert record.item_title == world().titles[item]
        assert record.history_titles == tuple(world().titles[other] for other in user.history)
        assert record.score == pytest.approx(scores[item], abs=1e-4)
        assert record.rank == 1 + (scores[unseen] > scores[item]).sum()
        assert record.n_ranked == len(unseen)
        assert record.recommended == (scores[item] > threshold)
        assert record.verdict == (record.probability > 0.5)
        assert 0 <= record.probability <= 1
        assert len(record.attributions) == len(user.history)


def test_effects_are_those_of_leaving_out() -> None:
    f = sasrec()
    for record in PairExplainer(world(), f, fresh("intention")).explain(pairs()[1:]):
        full = f.scores([User(record.history)])[0, record.item]
        for place, attribution in enumerate(record.attributions):
            without = User(record.history[:place] + record.history[place + 1 :])
            assert attribution == pytest.approx(full - f.scores([without])[0, record.item], abs=1e-4)


def test_the_history_is_what_f_looks_at() -> None:
    f = sasrec()
    long = tuple(range(f.max_history + 3))
    record = explained(fresh("hybrid"), User(long, "u"), 40)
    assert record.history == long[-f.max_history :]


def test_citations_are_found_in_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    (user, item) = pairs()[2]
    text = f"Not “{world().titles[user.history[1]]}” but “{world().titles[item]}”, like “{world().titles[33]}”."
    explainer = PairExplainer(world(), sasrec(), fresh("behavior"))

    def greedy(*given: object) -> list[str]:
        return [text]

    monkeypatch.setattr(explainer.generator.decoder, "greedy", greedy)
    (record,) = explainer.explain([(user, item)], grounded=False, self_attribution=False)
    assert [one.item for one in record.citations] == [user.history[1], 33]
    for one in record.citations:
        assert record.text[one.start : one.end] == one.title == world().titles[one.item]


def test_many_at_once_are_as_one_by_one() -> None:
    explainer = PairExplainer(world(), sasrec(), fresh("hybrid", "gpt2"))
    together = explainer.explain(pairs())
    for pair, record in zip(pairs(), together, strict=True):
        (alone,) = explainer.explain([pair])
        assert (alone.text, alone.rank, alone.verdict) == (record.text, record.rank, record.verdict)
        assert alone.probability == pytest.approx(record.probability, abs=1e-4)


def test_evidence_and_the_view_asked_for_reach_the_question() -> None:
    explainer = PairExplainer(world(), sasrec(), fresh("hybrid", "gpt2"))
    plain, alone, asked = (
        explainer.explain(pairs()[1:2])[0],
        explainer.explain(pairs()[1:2], grounded=False)[0],
        explainer.explain(pairs()[1:2], style=Style("Say it from the view of game genres."))[0],
    )
    assert len({plain.probability, alone.probability, asked.probability}) == 3
    assert (plain.aspect, asked.aspect) == ("", "Say it from the view of game genres.")


def test_a_view_with_braces_is_taken_as_words() -> None:
    record = explained(fresh("behavior"), pairs()[1][0], 5, "in {JSON}; {history}?")
    assert record.aspect == "in {JSON}; {history}?"


def test_a_record_survives_json() -> None:
    adapter = TypeAdapter(Explanation)
    record = explained(fresh("intention"), pairs()[3][0], 5)
    assert adapter.validate_json(adapter.dump_json(record)) == record


def test_nothing_asked_is_nothing_explained() -> None:
    assert PairExplainer(world(), sasrec(), fresh("intention")).explain([]) == []


def test_of_the_attempts_the_first_that_holds_is_shown_else_the_wording_of_the_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explainer, pair = PairExplainer(world(), sasrec(), fresh("hybrid")), (pairs()[2][0], 5)
    (known,) = explainer.evidence([pair])
    true = write_rationale(known, world().titles, np.random.default_rng(0))
    wrong = true.replace("Yes", "No") if known.recommended else true.replace("No", "Yes")
    monkeypatch.setattr(explainer.generator.decoder, "citing", attempts("Well.", wrong, true, "Never read."))
    (record,) = explainer.explain([pair])
    assert (record.text, record.writer, record.faults) == (true, "surrogate", ())
    monkeypatch.setattr(explainer.generator.decoder, "citing", attempts("Well.", wrong))
    (record,) = explainer.explain([pair])
    (same,) = PairExplainer(world(), sasrec()).explain([pair])
    assert (record.writer, record.faults, record.abstained) == ("realised", (), "")
    assert record.text == same.text and record.probability == 0.7, "the probability is the surrogate's"
    assert same.source == Method("realised", "grounded") and same.writer == "realised"
    assert same.verdict is known.recommended and same.probability in (0.0, 1.0)


@pytest.mark.parametrize("form", FORMS)
def test_with_evidence_no_text_has_a_problem_and_each_begins_by_its_rank(form: Form) -> None:
    explainer = PairExplainer(world(), sasrec(), fresh(form))
    asked = [(user, item) for user, _ in pairs() for item in (3, 30, 50) if item not in user.history]
    records = explainer.explain(asked)
    for record, (user, item), known in zip(records, asked, explainer.evidence(asked), strict=True):
        assert problems(record.claims) == () and record.text
        first = opening(known, world().titles, pair_random(user.id, item))
        assert record.writer == "realised" or record.text.startswith(first)
        assert record.text.startswith("Yes" if known.recommended else "No")


def test_somebody_else_may_write_and_is_checked() -> None:
    class Liar:
        name = "liar-1"

        def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> list[Written]:
            assert style == Style(aspect="by genre", audience="customer")
            texts = ["Yes." if one.recommended else "No." for one in evidence]
            texts[0] = "No." if evidence[0].recommended else "Yes."
            return [
                Written(text, explainer.verifier.claims(text, one), self.name)
                for text, one in zip(texts, evidence, strict=True)
            ]

    explainer = PairExplainer(world(), sasrec(), fresh("hybrid"))
    records = explainer.explain(pairs()[:2], writer=Liar(), style=Style("by genre", audience="customer"))
    assert records[0].writer == "realised"
    assert {one.source for one in records} == {Method("liar-1", "grounded")} and records[0].aspect == "by genre"
    assert records[0].note.startswith("the text of liar-1 is not shown: ")


def test_an_empty_history_cannot_be_explained() -> None:
    with pytest.raises(DataError, match="no history") as caught:
        PairExplainer(world(), sasrec(), fresh("behavior")).explain([pairs()[0], (User((), "newcomer"), 3)])
    assert "newcomer" in caught.value.location


@pytest.mark.parametrize("item", [-1, 60, 1000])
def test_an_item_outside_the_catalogue_is_an_error(item: int) -> None:
    with pytest.raises(DataError, match=f"no item number {item} in a catalogue of 60"):
        explained(fresh("behavior"), User((1, 2)), item)


def test_a_pair_may_be_named_by_own_ids_and_the_item_is_left_out_of_the_history() -> None:
    explainer = PairExplainer(world(), sasrec(), fresh("hybrid"))
    history = tuple(world().history(3).tolist())
    own, seen = world().user_ids[3], world().item_ids[history[1]]
    assert explainer.pair(own, seen) == (User((history[0], *history[2:]), own), history[1])
    assert explainer.pair(User(history, "guest"), 5) == (User(history, "guest"), 5)
    for user, item in (("nobody", seen), (own, "nothing")):
        with pytest.raises(DataError, match="there is no"):
            explainer.pair(user, item)


@pytest.mark.parametrize("grounded", [True, False])
def test_the_questions_are_those_that_it_asks_itself(grounded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    explainer = PairExplainer(world(), sasrec(), fresh("hybrid"))
    asked: list[EncodedSet] = []
    original = EncodedSet.left_padded

    def noted(self: EncodedSet, rows: Sequence[int], padding: int) -> Any:
        asked.append(self)
        return original(self, rows, padding)

    monkeypatch.setattr(EncodedSet, "left_padded", noted)
    explainer.explain(pairs()[:2], grounded=grounded, self_attribution=False, style=Style("Briefly."))
    given = explainer.questions(pairs()[:2], grounded=grounded, aspect="Briefly.")
    for one, other in zip(given.encoded, asked[0].encoded, strict=True):
        assert one.ids.tolist() == other.ids[: len(one.ids)].tolist(), "the beginning of the answer may follow"
    assert given.user_vectors is not None and asked[0].user_vectors is not None
    assert np.array_equal(given.user_vectors, asked[0].user_vectors)


def test_strict_lets_nothing_stand_that_is_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    explainer = PairExplainer(world(), sasrec(), fresh("hybrid"))
    (known,) = gather_evidence(sasrec(), world(), [pairs()[2][0]], [5])
    true = write_rationale(known, world().titles, np.random.default_rng(0))
    wrong = true.replace("Yes", "No") if known.recommended else true.replace("No", "Yes")
    monkeypatch.setattr(explainer.generator.decoder, "citing", attempts(wrong, true))
    for grounded in (True, False):
        (record,) = explainer.explain([(pairs()[2][0], 5)], grounded=grounded, strict=True, self_attribution=grounded)
        assert record.text == true and record.abstained == ""
        assert {claim.status for claim in record.claims} == {"supported"}
    monkeypatch.setattr(explainer.generator.decoder, "citing", attempts(wrong))
    monkeypatch.setattr(generator, "MAX_STRICT_ATTEMPTS", 3)
    (record,) = explainer.explain([(pairs()[2][0], 5)], grounded=False, strict=True, self_attribution=False)
    assert f"rank {known.rank:,} of {known.n_ranked:,}" in record.text
    assert record.text.startswith("Yes" if known.recommended else "No")
    assert "none of 3 texts" in record.abstained and record.faults == ()
    assert {claim.status for claim in record.claims} == {"supported"} and record.writer == "realised"
    (record,) = explainer.explain([(pairs()[2][0], 5)], strict=True)
    assert record.writer == "realised" and {claim.status for claim in record.claims} == {"supported"}


@pytest.mark.parametrize("form", ["behavior", "hybrid"])
def test_what_a_surrogate_believes_knows_nothing_of_what_f_said(form: Form) -> None:
    explainer = PairExplainer(world(), sasrec(), fresh(form))
    users, items = [user for user, _ in pairs()], [item for _, item in pairs()]
    known = gather_evidence(sasrec(), world(), users, items)
    turned = [
        replace(
            one,
            recommended=not one.recommended,
            rank=1,
            score=9.0,
            attributions=tuple(-each for each in one.attributions),
        )
        for one in known
    ]
    ids, likely = [user.id for user in users], [0.9, 0.1, 0.3, 0.6][: len(known)]
    own, same = (explainer.generator.self_attributions(ids, each, likely) for each in (known, turned))
    assert own == same
    assert [one.recommended for one in own] == [yes > 0.5 for yes in likely]
    for one in own:
        assert len(one.attributions) == len(one.history)
        assert sum(one.attributions) == pytest.approx(0, abs=1e-6) or len(one.history) == 1
        assert all(-1 <= attribution <= 1 for attribution in one.attributions)


def test_alone_a_text_is_held_to_the_surrogate_s_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    explainer = PairExplainer(world(), sasrec(), fresh("hybrid"))
    pair = pairs()[2]
    known = gather_evidence(sasrec(), world(), [pair[0]], [pair[1]])
    probabilities = explainer.generator.decoder.yes_probabilities(explainer.questions([pair], grounded=False))
    (own,) = explainer.generator.self_attributions([pair[0].id], known, probabilities)
    wanted = write_rationale(own, world().titles, np.random.default_rng(0))
    monkeypatch.setattr(explainer.generator.decoder, "citing", attempts("Well.", wanted))
    assert explainer.explain([pair], grounded=False)[0].text == wanted
    monkeypatch.setattr(generator, "MAX_SELF_ATTEMPTS", 1)
    assert explainer.explain([pair], grounded=False)[0].text == "Well.", "its faults are shown as they are"
    assert not PairExplainer(world(), sasrec(), fresh("intention")).generator.can_self_attribute
