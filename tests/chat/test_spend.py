from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.tiny import fresh

from recexplainer.chat.model import Message
from recexplainer.chat.settings import EndpointSettings
from recexplainer.chat.spend import MESSAGE_TOKENS, REPLY_TOKENS, Spend, count_tokens, estimate_tokens
from recexplainer.errors import ChatError

SETTINGS = EndpointSettings(model="tiny")
SPEND = Spend(SETTINGS, conversations=500, requests=412, tokens_in=300_000, tokens_out=50_000)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("the user bought", 3),
        ("Ash", 1),
        ("PlayStation", 2),  # eleven letters: six beyond five
        ("recommendation", 1),  # no name
        ("score 12", 3),  # a token for the space before digits
        ("1864", 2),
        ("RATING-3", 1 + 1 / 6 + 1 + 1),
        ("“Ash”", 1 + 2 * 4 / 3),
        ("one.\n\ntwo", 3),
        ("é", 2),
    ],
)
def test_tokens_by_hand(text: str, tokens: float) -> None:
    assert estimate_tokens(text) == pytest.approx(tokens)


def test_a_chat_is_more_than_its_words() -> None:
    conversation = (Message("system", "be brief"), Message("user", "why"))
    assert count_tokens([conversation]) == 2 * MESSAGE_TOKENS + REPLY_TOKENS + 3
    assert count_tokens([]) == 0


def test_with_the_tokenizer_of_the_model_the_count_is_exact(tmp_path: Path) -> None:
    tokenizer = fresh("intention").tokenizer
    tokenizer.save_pretrained(tmp_path)
    conversations = [(Message("user", "Alpine Open, or not?"),), (Message("system", "b"), Message("user", "c"))]
    expected = sum(
        len(tokenizer.apply_chat_template([{"role": m.role, "content": m.content} for m in one],
                                          add_generation_prompt=True, return_dict=False))
        for one in conversations
    )  # fmt: skip
    assert count_tokens(conversations, tmp_path) == expected
    assert count_tokens([], tmp_path) == 0


def test_no_tokenizer_there(tmp_path: Path) -> None:
    with pytest.raises(ChatError) as caught:
        count_tokens([(Message("user", "a"),)], tmp_path / "none")
    assert caught.value.location == str(tmp_path / "none")


def test_the_sentence() -> None:
    assert str(SPEND) == (
        "412 requests to tiny (88 of 500 conversations need none): about 300,000 tokens in, "
        "about 50,000 and at most 210,944 out; the price is unknown."
    )
    settings = SETTINGS.model_copy(update={"tokenizer": Path("tiny"), "price_in": 2.5, "price_out": 10.0})
    priced = replace(SPEND, settings=settings, conversations=412)
    assert priced.cost == pytest.approx(0.75 + 0.5)
    assert priced.max_cost == pytest.approx(0.75 + 2.10944)
    assert str(priced) == (
        "412 requests to tiny: 300,000 tokens in, about 50,000 and at most 210,944 out; "
        "about 1.25 and at most 2.86 USD."
    )
    small = replace(
        priced,
        settings=settings.model_copy(update={"max_tokens": 100}),
        requests=1,
        conversations=1,
        tokens_in=100,
        tokens_out=10,
    )
    assert str(small).startswith("1 request to tiny: ")
    assert str(small).endswith("about 0.00035 and at most 0.0013 USD.")


@pytest.mark.parametrize("known", [{"price_in": 2.0}, {"price_out": 2.0}])
def test_one_price_makes_no_cost(known: dict[str, float]) -> None:
    spend = replace(SPEND, settings=SETTINGS.model_copy(update=known))
    assert spend.cost is spend.max_cost is None
