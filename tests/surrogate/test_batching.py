from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from tests.tiny import ARCHITECTURES, SETTINGS, alignment, fresh, histories, sasrec, world

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.batching import EncodedSet, TokenBudget
from recexplainer.surrogate.encoding import Encoded, PromptEncoder
from recexplainer.surrogate.frame import encode
from recexplainer.surrogate.prompt import FORMS, Form, render
from recexplainer.surrogate.training import encode_examples
from recexplainer.tasks.example import Example

SORT = "Bought {history}. Sort {items}."


def encoder(max_length: int = 1024, form: Form = "hybrid") -> PromptEncoder:
    return PromptEncoder(fresh(form).tokenizer, world().titles, max_length)


def encoded_set(form: Form) -> EncodedSet:
    return encode_examples(fresh(form), alignment(), SETTINGS)


def positions(one: Encoded, encoder: str | None = None) -> list[int]:
    return [at for at, _, each in one.placeholders if encoder in (None, each.encoder)]


def test_titles_are_tokenised_once_a_surrogate(monkeypatch: pytest.MonkeyPatch) -> None:
    surrogate = deepcopy(fresh("behavior"))
    first = surrogate.prompt_encoder(world().titles)
    assert first.title_ids[3] == encode(surrogate.tokenizer, world().titles[3])
    monkeypatch.setattr(type(surrogate.tokenizer), "encode", None)
    assert surrogate.prompt_encoder(list(world().titles)) is first
    monkeypatch.undo()
    assert surrogate.prompt_encoder(["Other"]).title_ids == [encode(surrogate.tokenizer, "Other")]


def retrieval(history: tuple[int, ...], form: Form = "behavior") -> tuple[Example, Encoded]:
    example = Example("retrieval", history=history, answer_items=(9,))
    return example, encoder()(render(example, form, "Bought {history}: next?", world().titles), 3)


@pytest.mark.parametrize("form", FORMS)
def test_the_answer_is_its_ids_and_the_stop_by_construction(form: Form) -> None:
    encode_prompt, tokenizer = encoder(), fresh("hybrid").tokenizer
    example = Example("ranking", history=(1, 2), items=(3, 4), answer_items=(4, 3))
    one = encode_prompt(render(example, form, SORT, world().titles), 0)
    answer = one.ids[one.answer_start :].tolist()
    titles = world().titles
    assert answer[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(answer[:-1]) == f"{titles[4]}; {titles[3]}"
    assert answer == [
        *encode(tokenizer, titles[4]),
        *encode(tokenizer, "; "),
        *encode(tokenizer, titles[3]),
        answer[-1],
    ]
    assert one.ids[: len(encode_prompt.frame.before)].tolist() == list(encode_prompt.frame.before)
    assert one.ids[one.answer_start - len(encode_prompt.frame.between) : one.answer_start].tolist() == list(
        encode_prompt.frame.between
    )


def test_labels_are_the_answers_and_nothing_else() -> None:
    data = encoded_set("hybrid")
    chosen = [0, 41, 90, 130, len(data) - 1]
    batch = data.collate([data[row] for row in chosen])
    answers = [data[row].ids[data[row].answer_start :] for row in chosen]
    assert batch["labels"].tolist() == np.concatenate(answers).tolist()
    flat = batch["input_ids"].flatten()
    length, at = batch["input_ids"].shape[1], 0
    for position, row in enumerate(chosen):
        for offset in range(len(answers[position])):
            position_of_label = int(batch["label_positions"][at])
            assert position_of_label == position * length + data[row].answer_start - 1 + offset, (
                "the state before predicts it"
            )
            if offset:
                assert flat[position_of_label] == batch["labels"][at - 1]
            at += 1
    assert at == len(batch["labels"])


@pytest.mark.parametrize("form", ["behavior", "intention", "hybrid"])
def test_of_verdicts_the_words_are_learned_and_not_the_items(form: Form) -> None:
    judged = Example("verdicts", history=(1, 2), items=(7, 3, 5), answer_items=(3,))
    encode_prompt = encoder()
    one = encode_prompt(render(judged, form, "Judge by {history}.", world().titles), 0)
    words = [token for word in ("No", "Yes", "No") for token in encode(encode_prompt.tokenizer, word, literal=True)]
    vectors = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    data = EncodedSet([one], vectors, vectors) if form != "behavior" else EncodedSet([one], None, None)
    batch = data.collate([one])
    assert batch["labels"].tolist() == [*words, encode_prompt.frame.stop]
    flat = batch["input_ids"].flatten()
    assert flat[batch["label_positions"] + 1].tolist() == batch["labels"].tolist(), "the state before predicts it"
    held = [(each.encoder, each.items) for _, _, each in one.placeholders if each.encoder != "user"]
    assert held == ([("item", (item,)) for item in (7, 3, 5)] if form != "behavior" else [])
    asked = data[~0]
    assert len(asked.ids) == one.answer_start
    assert all(each.encoder == "user" for _, _, each in asked.placeholders), "what is left has its vectors"
    assert data.collate([asked])["labels"].tolist() == []


def test_placeholders_are_filled_with_their_vectors_in_order() -> None:
    example = Example("ranking", history=(1, 2), items=(7, 3, 5), answer_items=(3, 5, 7))
    one = encoder()(render(example, "hybrid", SORT, world().titles), 2)
    kinds = [(each.encoder, each.items) for _, _, each in one.placeholders]
    assert kinds == [("user", ()), ("item", (7,)), ("item", (3,)), ("item", (5,))]
    assert positions(one) == sorted(positions(one))
    users = np.arange(12, dtype=np.float32).reshape(3, 4)
    items = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    other = encoder()(render(example, "hybrid", "{items} {history}", world().titles), 0)
    batch = EncodedSet([one, other], users, items).collate([one, other])
    inputs = batch["encoder_inputs"]
    assert set(inputs) == {"user", "item"}
    assert inputs["user"]["vectors"].tolist() == users[[2, 0]].tolist()
    np.testing.assert_array_equal(inputs["item"]["vectors"].numpy(), items[[7, 3, 5, 7, 3, 5]])
    length = batch["input_ids"].shape[1]
    expected = [*positions(one, "item"), *(length + at for at in positions(other, "item"))]
    assert inputs["item"]["positions"].tolist() == expected


def test_similarities_are_inner_products_and_how_far_above_their_mean() -> None:
    items = np.array([[1, 0], [3, 1], [0, 2]], np.float32)
    example = Example("rationale", "surrogate", history=(1, 2), items=(0,))
    one = encoder()(render(example, "hybrid", "{item} for {history}", world().titles), 0)
    inputs = EncodedSet([one], items, items).collate([one])["encoder_inputs"]
    assert inputs["similarity"]["vectors"].tolist() == [[3.0, 1.5], [0.0, -1.5]]
    assert inputs["similarity"]["positions"].tolist() == positions(one, "similarity")


def test_behavior_needs_no_vectors() -> None:
    batch = encoded_set("behavior").collate([encoded_set("behavior")[0]])
    assert batch["encoder_inputs"] == {}


def test_too_long_a_sample_loses_its_oldest_history_and_never_its_answer() -> None:
    history = (1, 2, 3, 4, 5, 6)
    example, whole = retrieval(history)
    for kept in (5, 3, 1):
        _, shorter = retrieval(history[-kept:])
        prompt = render(example, "behavior", "Bought {history}: next?", world().titles)
        cut = encoder()
        cut.max_length = len(shorter.ids)
        one = cut(prompt, 3)
        assert one.ids.tolist() == shorter.ids.tolist()
        assert one.ids[one.answer_start :].tolist() == whole.ids[whole.answer_start :].tolist()
        assert one.user == 3


def test_truncation_moves_the_placeholders_along() -> None:
    example = Example("ranking", history=(1, 2, 3), items=(7, 8), answer_items=(8, 7))
    prompt = render(example, "hybrid", SORT, world().titles)
    whole, cut = encoder()(prompt, 0), encoder()
    cut.max_length = len(whole.ids) - 1
    one = cut(prompt, 0)
    lost = len(whole.ids) - len(one.ids)
    assert lost > 0
    assert positions(one, "user") == positions(whole, "user")
    assert positions(one, "item") == [at - lost for at in positions(whole, "item")]


def test_tokens_are_reserved_for_an_answer() -> None:
    prompt = render(Example("retrieval", history=(1, 2, 3)), "behavior", "Bought {history}: next?", world().titles)
    whole = encoder()(prompt)
    cut = encoder()
    cut.max_length = len(whole.ids) + 9
    assert len(cut(prompt, reserved_tokens=10).ids) < len(whole.ids)
    assert cut(prompt, reserved_tokens=9).ids.tolist() == whole.ids.tolist()


def test_the_items_of_the_question_are_never_cut() -> None:
    example = Example("ranking", history=(1, 2, 3), items=(7, 8, 9, 10), answer_items=(8, 7, 10, 9))
    prompt = render(example, "behavior", "Sort {items} for {history}.", world().titles)
    whole, cut = encoder()(prompt), encoder()
    cut.max_length = len(whole.ids) - 1
    text = cut.tokenizer.decode(cut(prompt).ids)
    assert all(world().titles[item] in text for item in (7, 8, 9, 10, 2, 3))
    assert world().titles[1] not in text


def test_what_cannot_fit_raises_with_both_counts() -> None:
    _, one = retrieval((4,))
    short = encoder()
    short.max_length = len(one.ids) - 1
    prompt = render(Example("retrieval", history=(4,), answer_items=(9,)), "behavior", "Bought {history}: next?", ())
    with pytest.raises(SurrogateError, match=rf"take {len(one.ids)} tokens.*max_length is {len(one.ids) - 1}"):
        short(prompt)


def test_a_question_without_an_answer_ends_where_the_answer_would_begin() -> None:
    example = Example("retrieval", history=(1, 2))
    one = encoder()(render(example, "intention", "Bought {history}: next?", world().titles), 0)
    assert one.answer_start == len(one.ids)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("form", FORMS)
def test_padding_never_leaks(form: Form, architecture: str) -> None:
    surrogate, data = fresh(form, architecture), encoded_set(form)
    chosen = [0, 3, 61, 101, 120, len(data) - 1]
    with torch.inference_mode():
        together = surrogate(**data.collate([data[row] for row in chosen]))["logits"]
        alone = torch.cat([surrogate(**data.collate([data[row]]))["logits"] for row in chosen])
        loss = surrogate(**data.collate([data[row] for row in chosen]))["loss"]
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)
    labels = data.collate([data[row] for row in chosen])["labels"]
    expected = -alone.double().log_softmax(-1).gather(1, labels[:, None]).mean()
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_left_padding_moves_prompts_to_the_right_edge_with_their_placeholders() -> None:
    vectors = np.zeros((60, 2), np.float32)
    encode_prompt = encoder()
    prompts = [
        encode_prompt(
            render(Example("classification", history=h, items=(5,)), "hybrid", "{item} for {history}?", world().titles),
            0,
        )
        for h in histories(3)
    ]
    data = EncodedSet(prompts, vectors, vectors)
    batch, mask = data.left_padded([0, 1, 2], 77)
    inputs = batch["encoder_inputs"]
    length = batch["input_ids"].shape[1]
    for row, one in enumerate(prompts):
        pad = length - len(one.ids)
        assert batch["input_ids"][row].tolist() == [77] * pad + one.ids.tolist()
        assert mask[row].tolist() == [0] * pad + [1] * len(one.ids)
        for name in ("item", "user"):
            assert inputs[name]["positions"][row] == row * length + pad + positions(one, name)[0]


LENGTHS = np.random.default_rng(2).integers(3, 90, size=200)


def test_every_batch_is_within_the_budget() -> None:
    for batch in TokenBudget(LENGTHS, 256, 0):
        assert len(batch) * LENGTHS[batch].max() <= 256


def test_batches_are_full_of_examples_of_like_length() -> None:
    batches = list(TokenBudget(LENGTHS, 256, 0))
    padded = sum(len(batch) * int(LENGTHS[batch].max()) for batch in batches)
    assert padded < 1.15 * LENGTHS.sum()
    assert len(batches) < 1.6 * LENGTHS.sum() / 256


def test_every_example_comes_once_an_epoch_and_in_another_order_in_the_next() -> None:
    sampler = TokenBudget(LENGTHS, 256, 0)
    epochs = []
    for epoch in range(4):
        sampler.set_epoch(epoch)
        epochs.append(list(sampler))
        assert sorted(row for batch in epochs[-1] for row in batch) == list(range(200))
        assert len(epochs[-1]) == len(sampler)
    assert all(one != other for one, other in pairwise(epochs))
    sets = [{frozenset(batch) for batch in epoch} for epoch in epochs]
    assert sets[0] != sets[1], "the batches themselves are mixed anew"


def test_the_order_follows_from_seed_and_epoch() -> None:
    one, other, third = TokenBudget(LENGTHS, 256, 3), TokenBudget(LENGTHS, 256, 3), TokenBudget(LENGTHS, 256, 4)
    for sampler in (one, other, third):
        sampler.set_epoch(2)
    assert list(one) == list(other) == list(one)
    assert list(one) != list(third)


def test_short_and_long_batches_are_mixed() -> None:
    longest = [int(LENGTHS[batch].max()) for batch in TokenBudget(LENGTHS, 256, 0)]
    assert longest != sorted(longest)


def test_one_longer_than_the_budget_is_a_batch_of_its_own() -> None:
    batches = TokenBudget(np.array([300, 10, 10]), 100, 0)
    assert sorted(map(sorted, batches)) == [[0], [1, 2]]


def test_no_examples_make_no_batches() -> None:
    sampler = TokenBudget(np.zeros(0, np.int64), 100, 0)
    assert list(sampler) == []
    assert len(sampler) == 0


def test_each_user_has_one_vector() -> None:
    data = encoded_set("intention")
    assert data.user_vectors is not None
    distinct = {(one.user, one.history) for one in alignment().examples if one.history}
    assert len(data.user_vectors) == len(distinct)
    assert data.item_vectors is not None
    np.testing.assert_array_equal(data.item_vectors, sasrec().item_vectors())


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_each_batch_and_none_goes_without(world: int) -> None:
    lengths = np.array([90, 80, 70, *[10] * 30])
    whole = list(TokenBudget(lengths, 100, 5))
    shares = [list(TokenBudget(lengths, 100, 5, rank, world)) for rank in range(world)]
    assert any(len(batch) < world for batch in whole)
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(index for part in parts for index in part if index >= 0) == sorted(batch)
        assert all(part and (part == [~batch[0]] or min(part) >= 0) for part in parts)


def test_the_share_of_one_that_goes_without_has_no_label() -> None:
    data = EncodedSet([Encoded(np.arange(6, dtype=np.int32), 4)], None, None)
    batch = data.collate([data[~0]])
    assert (batch["input_ids"].tolist(), batch["labels"].tolist()) == ([[0, 1, 2, 3]], [])
