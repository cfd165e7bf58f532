from __future__ import annotations

import re
from dataclasses import replace
from itertools import permutations
from typing import Any, ClassVar, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.tiny import ARCHITECTURES, fresh, histories, sasrec, world
from torch import Tensor

from recexplainer.surrogate.batching import EncodedSet, encode_questions
from recexplainer.surrogate.constraints import CitingText, Drawing, Trie, TrieConstraint, common_start, may_follow
from recexplainer.surrogate.decoding import Decoder
from recexplainer.surrogate.dpo import log_probabilities
from recexplainer.surrogate.frame import chat_frame, encode, tokens_that_begin
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import FORMS, Form, Prompt, split_at_quotes
from recexplainer.tasks.example import Example, Task

EVERY = [(form, architecture) for form in FORMS for architecture in ARCHITECTURES]
every = pytest.mark.parametrize(("form", "architecture"), EVERY)
both = pytest.mark.parametrize("architecture", ARCHITECTURES)


def questions(surrogate: Surrogate, task: Task = "retrieval", count: int = 6) -> EncodedSet:
    items = {"retrieval": (), "classification": (11,), "ranking": (11, 3, 27, 40, 8)}[task]
    examples = [Example(task, history=history, items=items) for history in histories(count)]
    return encode_questions(surrogate, world(), sasrec(), examples)


def only(prompts: EncodedSet, row: int) -> EncodedSet:
    return EncodedSet([prompts.encoded[row]], prompts.user_vectors, prompts.item_vectors)


def next_logits(surrogate: Surrogate, prompts: EncodedSet, row: int, generated: list[int]) -> Tensor:
    """The whole model's logits after one unpadded prompt and some words: no cache, no batch, no mask."""
    one = prompts.encoded[row]
    ids = torch.from_numpy(np.concatenate([one.ids, np.array(generated, np.int32)])[None].astype(np.int64))
    with torch.inference_mode():
        embedded = surrogate.embed(ids, prompts.encoder_inputs([one], np.zeros(1, np.int64)))
        return surrogate.backbone(inputs_embeds=embedded).logits[0, -1].double()


def every_title(decoder: Decoder, prompts: EncodedSet) -> NDArray[np.float64]:
    """Log probability of every title as the answer, `[prompts, titles]`: the exhaustive reference of beams."""
    answers = [[*ids, decoder.stop] for ids in decoder.title_ids]
    scores: list[list[float]] = []
    for one in prompts.encoded:
        whole = [replace(one, ids=np.concatenate([one.ids, np.array(answer, np.int32)])) for answer in answers]
        with torch.inference_mode():
            scores.append(log_probabilities(decoder.surrogate, prompts.collate(whole)).tolist())
    return np.array(scores)


def greedily(surrogate: Surrogate, prompts: EncodedSet, row: int, limit: int) -> str:
    generated: list[int] = []
    stop = chat_frame(surrogate.tokenizer).stop
    while len(generated) < limit and (token := int(next_logits(surrogate, prompts, row, generated).argmax())) != stop:
        generated.append(token)
    return surrogate.tokenizer.decode(generated, skip_special_tokens=True).strip()


def test_an_answer_ends_at_any_token_that_ends_a_text() -> None:
    surrogate = fresh("behavior")
    prompts, decoder = questions(surrogate, count=1), Decoder(surrogate, world().titles)
    assert decoder.greedy(prompts, 6) != [""]
    decoder.stops = [decoder.stop, int(next_logits(surrogate, prompts, 0, []).argmax())]
    assert decoder.greedy(prompts, 6) == [""]


@every
def test_left_padded_batches_give_the_answers_of_each_prompt_alone(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    prompts = questions(surrogate, count=4)
    generated = Decoder(surrogate, world().titles).greedy(prompts, 6)
    assert generated == [greedily(surrogate, prompts, row, 6) for row in range(4)]


@every
def test_constrained_beams_are_five_different_titles_always(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    known = set(world().titles)
    for texts in Decoder(surrogate, world().titles).titles(questions(surrogate, count=12), 5, constrained=True):
        assert len(set(texts)) == 5
        assert set(texts) <= known


@both
def test_the_best_beam_is_the_best_title_where_the_beam_is_wide_enough(architecture: str) -> None:
    surrogate = fresh("intention", architecture)
    prompts = questions(surrogate, count=4)
    titles = world().titles[:20]
    decoder = Decoder(surrogate, titles)
    ranked = decoder.titles(prompts, len(titles), constrained=True)
    for texts, scores in zip(ranked, every_title(decoder, prompts), strict=True):
        assert texts == [titles[item] for item in np.argsort(-scores)]


@both
def test_the_score_of_a_title_is_the_sum_over_its_tokens(architecture: str) -> None:
    surrogate = fresh("hybrid", architecture)
    prompts, titles = questions(surrogate, count=2), world().titles[:7]
    decoder = Decoder(surrogate, titles)
    scores = every_title(decoder, prompts)
    assert scores.shape == (2, 7)
    for row, item in ((0, 0), (1, 6)):
        generated: list[int] = []
        total = 0.0
        for token in [*decoder.title_ids[item], decoder.stop]:
            total += float(next_logits(surrogate, prompts, row, generated).log_softmax(-1)[token])
            generated.append(token)
        assert scores[row, item] == pytest.approx(total, rel=1e-4)


def test_greedy_is_a_beam_of_one() -> None:
    surrogate = fresh("hybrid", "gpt2")
    decoder, prompts = Decoder(surrogate, world().titles), questions(surrogate)
    limit = max(len(ids) for ids in decoder.title_ids) + 1
    assert [texts[0] for texts in decoder.titles(prompts, 1, constrained=False)] == decoder.greedy(prompts, limit)


def test_free_beams_are_in_the_order_of_the_prompts() -> None:
    surrogate = fresh("behavior", "gpt2")
    decoder, prompts = Decoder(surrogate, world().titles), questions(surrogate)
    together = decoder.titles(prompts, 3, constrained=False)
    assert [len(texts) for texts in together] == [3] * 6
    for row in (0, 5):
        assert decoder.titles(only(prompts, row), 3, constrained=False)[0] == together[row]


@every
def test_an_order_holds_each_candidate_once(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    candidates = [(11, 3, 27, 40, 8), (1, 2, 3, 4, 5), (50, 51, 52, 53, 54), (9,), (7, 6), (30, 20, 10)]
    texts = Decoder(surrogate, world().titles).orders(questions(surrogate, "ranking"), candidates)
    for text, items in zip(texts, candidates, strict=True):
        assert sorted(text.split("; ")) == sorted(world().titles[item] for item in items)


@both
def test_an_order_takes_at_each_step_the_likeliest_of_what_is_left(architecture: str) -> None:
    surrogate = fresh("hybrid", architecture)
    prompts, candidates = questions(surrogate, "ranking", 1), (11, 3, 27)
    decoder = Decoder(surrogate, world().titles)
    lists: list[list[int]] = []
    for order in permutations(candidates):
        parts: list[list[int]] = [decoder.title_ids[order[0]]]
        for item in order[1:]:
            parts += [decoder.separator, decoder.title_ids[item]]
        lists.append([token for part in parts for token in part] + [decoder.stop])
    generated: list[int] = []
    while generated not in lists:
        allowed: set[int] = {one[len(generated)] for one in lists if one[: len(generated)] == generated}
        logits = next_logits(surrogate, prompts, 0, generated)
        generated.append(max(allowed, key=logits.__getitem__))
    assert decoder.orders(prompts, [candidates])[0] == surrogate.tokenizer.decode(generated[:-1])


def walk(separator: list[int], prefer: list[int]) -> list[int]:
    """Decode a list of PREFIXED greedily, tokens preferred in this order."""
    generated: list[int] = []
    while not generated or generated[-1] != 0:
        generated.append(min(may_follow(generated, PREFIXED, separator, 0), key=prefer.index))
    return generated


PREFIXED = [[1, 2], [1, 2, 3], [1, 2, 3, 4]]


@pytest.mark.parametrize(
    "prefer", [[0, 5, 1, 2, 3, 4], [4, 3, 2, 1, 5, 0], [3, 5, 0, 1, 2, 4], [5, 4, 0, 3, 1, 2], [1, 0, 2, 5, 3, 4]]
)
@pytest.mark.parametrize("separator", [[5], [5, 3], [3]])
def test_an_order_of_titles_that_begin_one_another(prefer: list[int], separator: list[int]) -> None:
    """Whatever the model prefers, and even where the separator may be read as the continuation of a title."""
    generated = walk(separator, prefer)
    possible = []
    for order in permutations(PREFIXED):
        joined = [*order[0], *separator, *order[1], *separator, *order[2], 0]
        possible.append(joined)
    assert generated in possible


@pytest.mark.parametrize(
    ("titles", "generated", "allowed"),
    [
        ([[1, 2], [1, 3]], [], {1}),
        ([[1, 2], [1, 3]], [1], {2, 3}),
        ([[1, 2], [1, 3]], [1, 3, 5], {1}),
        ([[1, 2], [1, 3]], [1, 3, 5, 1], {2}),
        ([[4], [6, 6]], [], {4, 6}),
        ([[4], [6, 6]], [4], {5}),
        ([[4], [6, 6]], [4, 5, 6], {6}),
        ([[4], [6, 6]], [6, 6, 5, 4], {0}),
        ([[4], [6, 6]], [4, 5, 4], set()),
    ],
)
def test_what_may_follow_is_exactly_what_an_order_continues_with(
    titles: list[list[int]], generated: list[int], allowed: set[int]
) -> None:
    assert may_follow(generated, titles, [5], 0) == allowed


def test_titles_that_begin_one_another_are_all_found() -> None:
    surrogate = fresh("intention")
    titles = ["Star", "Star Fox", "Star Fox 2", "Stardust", "Sta"]
    decoder = Decoder(surrogate, titles)
    prompts = questions(surrogate)
    for texts in decoder.titles(prompts, 5, constrained=True):
        assert sorted(texts) == sorted(titles)
    orders = decoder.orders(prompts, [(0, 1, 2, 3, 4)] * len(prompts))
    assert all(sorted(text.split("; ")) == sorted(titles) for text in orders)


def test_the_constraint_holds_each_beam_to_its_own_walk() -> None:
    constraint = TrieConstraint(Trie([[1, 2, 0], [1, 3, 0], [4, 0]]))
    masked = constraint(torch.tensor([[1], [4]]), torch.zeros(2, 6))
    assert [torch.isfinite(row).nonzero().flatten().tolist() for row in masked] == [[2, 3], [0]]


@every
def test_yes_is_the_softmax_over_yes_and_no(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    prompts = questions(surrogate, "classification")
    begins = {word: [] for word in ("Yes", "No")}
    for token in range(len(surrogate.tokenizer)):
        text = surrogate.tokenizer.decode([token]).strip()
        for word, tokens in begins.items():
            if text and (text in {word[:cut] for cut in (1, 2, 3)} or re.match(rf"{word}(?![^\W\d_])", text)):
                tokens.append(token)
    probabilities = Decoder(surrogate, world().titles).yes_probabilities(prompts)
    for row, probability in enumerate(probabilities):
        chances = next_logits(surrogate, prompts, row, []).softmax(0)
        yes, no = (float(chances[tokens].sum()) for tokens in begins.values())
        assert probability == pytest.approx(yes / (yes + no), abs=1e-4)
    assert len(set(probabilities.round(8))) == len(probabilities)


def test_yes_and_no_begin_differently() -> None:
    tokenizer = fresh("hybrid").tokenizer
    assert encode(tokenizer, "Yes")[0] != encode(tokenizer, "No")[0]


def test_no_questions_have_no_answers() -> None:
    surrogate = fresh("behavior")
    decoder, none = Decoder(surrogate, world().titles), EncodedSet([], None, None)
    assert decoder.greedy(none, 5) == []
    assert decoder.titles(none, 5, constrained=True) == []
    assert decoder.yes_probabilities(none).shape == (0,)


def test_decoding_leaves_the_weights_and_the_mode_as_an_answer_needs_them() -> None:
    surrogate = fresh("behavior").train()
    before = {name: weight.clone() for name, weight in surrogate.state_dict().items()}
    Decoder(surrogate, world().titles).greedy(questions(surrogate, count=2), 3)
    assert not surrogate.training
    assert all(torch.equal(weight, before[name]) for name, weight in surrogate.state_dict().items())


def test_tokens_that_begin_a_word_may_hold_less_or_more_of_it() -> None:
    texts = ["", "Y", "Yes", "Yes, it suits", "Yesterday", " Yes", "No", "N", "Not", "Ye", "yes"]
    assert tokens_that_begin("Yes", texts) == [1, 2, 3, 5, 9]
    assert tokens_that_begin("No", texts) == [6, 7]


def citing(titles: list[list[int]], written: list[int], seed: int = 0, **how: Any) -> CitingText:
    return CitingText(titles, [8], [9], np.random.default_rng(seed), begun=written, **how)


def test_quotations_are_constrained_to_titles_that_may_be_cited_each_at_most_once() -> None:
    titles = [[1], [1, 2], [3]]

    def may_follow(written: list[int]) -> set[int]:
        allowed = citing(titles, written).allowed(np.zeros(10, np.float32))
        return set(range(10)) if allowed is None else set(allowed.tolist())

    everything = set(range(10))
    assert may_follow([]) == may_follow([4, 5]) == everything
    assert may_follow([4, 8]) == {1, 3}
    assert may_follow([8, 1]) == {2, 9}, "one title is the beginning of another"
    assert may_follow([8, 1, 2]) == {9}
    assert may_follow([8, 1, 9]) == everything, "the quotation is closed"
    assert may_follow([8, 1, 9, 4, 8]) == {1, 3}, "the longer title may still be cited"
    assert may_follow([8, 1, 9, 4, 8, 1]) == {2}, "the shorter one is not"
    assert may_follow([8, 1, 9, 8, 3, 9, 8, 1, 2, 9]) == everything - {8}, "nothing is left to quote"


def test_words_are_drawn_among_the_likely_ones_and_begin_with_the_likelier_verdict() -> None:
    logits = np.log(np.array([0.30, 0.22, 0.20, 0.20, 0.08], np.float32))
    begun: list[list[int]] = [[], [4]]
    first, later = (
        {citing([[4]], written, seed, verdicts=[[0], [1, 2]]).choose(logits) for seed in range(50)} for written in begun
    )
    assert first == {1, 2}, "together likelier than the likeliest token"
    assert later == {0, 1, 2, 3}, "what is too unlikely beside the likeliest is never drawn"
    one, other = (citing([[4]], [4], 7) for _ in range(2))
    assert [one.choose(logits) for _ in range(20)] == [other.choose(logits) for _ in range(20)]


def test_only_later_attempts_draw_what_they_cite() -> None:
    logits = np.zeros(20, np.float32)
    logits[5] = 0.1

    def cited(draw: bool) -> set[int]:
        return {citing([[5, 6], [7, 3]], [8], seed, drawing=Drawing(titles=draw)).choose(logits) for seed in range(30)}

    assert cited(False) == {5}
    assert cited(True) == {5, 7}


def test_a_text_begins_with_one_of_its_starts_and_goes_on_freely() -> None:
    text = citing([[1]], [], starts=[[2, 3], [2, 4, 5]])
    logits = np.zeros(10, np.float32)
    for token, allowed in ((2, [2]), (4, [3, 4]), (5, [5])):
        assert np.array_equal(cast(Any, text.allowed(logits)), allowed)
        text.add(token)
    assert text.allowed(logits) is None
    assert common_start([[2, 3], [2, 4, 5]]) == [2]
    assert common_start([[2, 3], [2]]) == [2] and common_start([]) == []


@every
def test_a_citing_text_quotes_nothing_else(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    prompts = questions(surrogate, "retrieval")
    citable, numbers = [[(0, 1, 2), (0, 1)]] * len(prompts), (0, 3)
    decoder = Decoder(surrogate, world().titles)
    written = decoder.citing(prompts, 24, citable, numbers)
    assert written.texts == decoder.citing(prompts, 24, citable, numbers).texts, "an attempt is always the same"
    assert written.probabilities == pytest.approx(decoder.yes_probabilities(prompts), abs=1e-4)
    for texts in written.texts:
        for text, items in zip(texts, citable[0], strict=True):
            cited = re.findall("“([^”]*)”", text)
            assert set(cited) <= {world().titles[item] for item in items}
            assert len(cited) == len(set(cited))
    (alone,) = decoder.citing(only(prompts, 4), 24, [[(0, 1)]], (3,)).texts
    assert alone == written.texts[4][1:], "whatever else is in the batch"


def test_what_is_of_no_use_is_not_finished() -> None:
    """Of three questions the first is settled by its second text, and no text of the second may go on."""
    surrogate = fresh("hybrid")
    prompts, decoder = questions(surrogate, count=3), Decoder(surrogate, world().titles)

    class Judging:
        finished: ClassVar[list[tuple[int, int]]] = []

        def may_go_on(self, row: int, text: str) -> bool:
            return text not in begun

        def settles(self, row: int, number: int, text: str) -> bool:
            self.finished.append((row, number))
            return row == 0

    citable = [[(0, 1, 2)] * 3] * 3
    begun = set(decoder.citing(prompts, 8, citable, range(3)).texts[1])
    whole = decoder.citing(prompts, 24, citable, range(3)).texts
    texts = decoder.citing(prompts, 24, citable, range(3), judge=Judging()).texts
    assert texts[2] == whole[2] and texts[1] == decoder.citing(prompts, 8, citable, range(3)).texts[1]
    assert [row for row, _ in Judging.finished].count(0) == 1 and [row for row, _ in Judging.finished].count(2) == 3


def test_in_place_of_a_text_that_is_given_up_another_is_gone_on_with_in_two_ways() -> None:
    """Of the second question all texts are given up, so that none is left to go on with."""
    surrogate = fresh("hybrid")
    prompts, decoder = questions(surrogate, count=2), Decoder(surrogate, world().titles)
    citable = [[(0, 1, 2)] * 3] * 2
    drawing = Drawing(min_p=0.01, temperature=3.0, verdict_first=False)
    begun = decoder.citing(prompts, 8, citable, range(3), drawing=drawing).texts
    whole = decoder.citing(prompts, 24, citable, range(3), drawing=drawing).texts

    class Judging:
        def may_go_on(self, row: int, text: str) -> bool:
            return row == 0 and text != begun[0][1]

        def settles(self, row: int, number: int, text: str) -> bool:
            return False

    how: dict[str, Any] = {"judge": Judging(), "drawing": replace(drawing, branches=True)}
    texts = decoder.citing(prompts, 24, citable, range(3), **how).texts
    assert [texts[0][0], texts[0][2]] == [whole[0][0], whole[0][2]]
    assert texts[0][1].startswith(begun[0][0][:-3]) and texts[0][1] not in (whole[0][0], whole[0][1])
    assert len("".join(texts[1])) < len("".join(whole[1]))
    assert decoder.citing(prompts, 24, citable, range(3), **how).texts == texts


@every
def test_texts_begin_with_the_opening_in_tokens_as_they_are_learned(form: Form, architecture: str) -> None:
    surrogate, titles = fresh(form, architecture), world().titles
    prompts, decoder = questions(surrogate, count=3), Decoder(surrogate, world().titles)
    openings = [
        "Yes, it is a good match.",
        f"No, “{titles[1]}” would not be recommended.",
        "Yes, it suits the history.",
    ]
    followers = ("The main reason is ", "")
    written = decoder.citing(prompts, 30, [[(0, 2)] * 2] * 3, (0, 1), [(one, followers) for one in openings])
    assert written.probabilities == pytest.approx(decoder.yes_probabilities(prompts), abs=1e-4)
    encoder = surrogate.prompt_encoder(titles)
    for texts, words in zip(written.texts, openings, strict=True):
        assert all(text.startswith(words) for text in texts)
        whole = Prompt((), tuple(split_at_quotes(f"{words} The main reason is “{titles[0]}”.")), ())
        one = encoder(whole)
        ids = one.ids[one.answer_start :].tolist()
        assert any(ids[: len(start)] == start for start in encoder.answer_starts(words, followers))


@both
def test_sampled_texts_are_as_many_as_requested_and_the_same_for_the_same_seed(architecture: str) -> None:
    surrogate = fresh("hybrid", architecture)
    prompts = questions(surrogate, count=3)
    decoder = Decoder(surrogate, world().titles)
    drawn = torch.get_rng_state()
    generated = decoder.sampled(prompts, 8, 4, temperature=2.0)
    assert torch.equal(torch.get_rng_state(), drawn), "other draws are not disturbed"
    assert [len(texts) for texts in generated] == [4, 4, 4]
    assert all(len(set(texts)) > 1 for texts in generated)
    assert decoder.sampled(prompts, 8, 4, temperature=2.0) == generated
    assert decoder.sampled(prompts, 8, 4, temperature=2.0, seed=1) != generated


def test_sampled_the_colder_the_nearer_to_greedy() -> None:
    surrogate = fresh("hybrid")
    prompts = questions(surrogate, count=3)
    decoder = Decoder(surrogate, world().titles)
    greedy = decoder.greedy(prompts, 8)
    assert decoder.sampled(prompts, 8, 2, temperature=1e-4) == [[text, text] for text in greedy]


def test_a_choice_is_a_distribution_over_the_candidates() -> None:
    surrogate = fresh("hybrid")
    decoder = Decoder(surrogate, world().titles)
    examples = [
        Example("rationale", "for", history=(3, 8, 21), items=(5,)),
        Example("rationale", "for", "", (4, 9), (6,)),
    ]
    questions = encode_questions(surrogate, world(), sasrec(), examples)
    chosen = decoder.choose(questions, [one.history for one in examples])
    every = every_title(decoder, questions)
    for one, probabilities, scores in zip(examples, chosen, every, strict=True):
        expected = np.exp(scores[list(one.history)])
        assert probabilities == pytest.approx(expected / expected.sum(), abs=1e-6)


@every
def test_lists_are_those_of_greedy_and_of_orders(form: Form, architecture: str) -> None:
    surrogate = fresh(form, architecture)
    prompts, decoder = questions(surrogate, "ranking"), Decoder(surrogate, world().titles)
    candidates = [(11, 3, 27, 40, 8), (1, 2, 3, 4, 5), (50, 51, 52, 53, 54), (9,), (7, 6), (30, 20, 10)]
    free, held = decoder.lists(prompts, candidates, 40)
    assert held == decoder.orders(prompts, candidates)
    short = decoder.greedy(prompts, 40)
    assert all(one.startswith(two) for one, two in zip(free, short, strict=True)), "they may be as long as the others"


def test_a_batch_is_as_large_as_what_it_keeps_allows() -> None:
    surrogate = fresh("behavior")
    prompts, decoder = questions(surrogate), Decoder(surrogate, world().titles)
    assert decoder.batch_tokens == 2**16, "a small model keeps little"
    config = surrogate.backbone.config
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(config, "num_hidden_layers", 32)
        patched.setattr(config, "hidden_size", 4096)
        assert Decoder(surrogate, world().titles).batch_tokens == 2**14
    decoder.batch_tokens = 2 * int(max(prompts.lengths))
    batches = list(decoder.batches(prompts, 1))
    assert all(len(rows) * max(prompts.lengths[rows]) <= decoder.batch_tokens for rows in batches)
    assert len(batches[0]) == 2 < len(prompts)
    assert sorted(row for rows in decoder.batches(prompts, 1) for row in rows) == list(range(len(prompts)))


@pytest.mark.parametrize("constrained", [False, True])
@every
def test_beams_are_those_of_transformers(form: Form, architecture: str, constrained: bool) -> None:
    surrogate = fresh(form, architecture)
    prompts, decoder = questions(surrogate, count=12), Decoder(surrogate, world().titles)
    found = decoder.titles(prompts, 4, constrained=constrained)
    for row in range(len(prompts)):
        inputs, mask = prompts.left_padded([row], surrogate.tokenizer.pad_token_id)
        generated = surrogate.backbone.generate(
            inputs_embeds=surrogate.embed(**inputs),
            attention_mask=mask,
            max_new_tokens=max(len(ids) for ids in decoder.title_ids) + 1,
            eos_token_id=surrogate.stops,
            pad_token_id=surrogate.tokenizer.pad_token_id,
            logits_processor=[TrieConstraint(decoder.catalogue)] if constrained else [],
            early_stopping=False,
            num_beams=4,
            num_return_sequences=4,
            length_penalty=0.0 if constrained else 1.0,
        )
        assert found[row] == [
            text.strip() for text in surrogate.tokenizer.batch_decode(generated, skip_special_tokens=True)
        ]
