"""Discrimination, reconstruction, chat and the attributes that they rest on."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from recexplainer.data.attributes import Attributes, join_words, platforms_in_titles, shorten, telling_words
from recexplainer.errors import DataError
from recexplainer.recommenders.base import User
from recexplainer.tasks.chat import chat_examples
from recexplainer.tasks.discrimination import discrimination_examples
from recexplainer.tasks.reconstruction import history_examples, read_summaries, summarise, summary_examples


def test_discrimination_skips_what_an_item_lacks(dataset, recommender):
    examples = discrimination_examples(dataset, recommender)
    about = {item: [one for one in examples if one.items == (item,)] for item in (0, 1, 2)}
    assert [one.aspect for one in about[0]] == ["title", "genres", "brand", "features", "title-of", "similar"]
    assert [one.aspect for one in about[2]] == ["title", "similar"]
    texts = {one.aspect: one.answer_text for one in about[1]}
    assert texts["genres"] == "racing, puzzle"
    assert texts["description"].endswith("Quiet Harbor.")
    assert 100 < len(texts["description"]) <= 200
    title_of = next(one for one in about[1] if one.aspect == "title-of")
    assert title_of.question == texts["description"]
    assert title_of.answer_items == (1,)


def test_similar_is_the_largest_dot_product_but_itself(dataset, recommender):
    products = recommender.table @ recommender.table.T
    np.fill_diagonal(products, -np.inf)
    similar = [one.answer_items[0] for one in discrimination_examples(dataset, recommender) if one.aspect == "similar"]
    assert similar == products.argmax(1).tolist()


def test_no_similar_item_without_vectors(dataset, recommender):
    recommender.has_vectors = False
    assert not [one for one in discrimination_examples(dataset, recommender) if one.aspect == "similar"]


@pytest.mark.parametrize(
    ("text", "room", "expected"),
    [
        ("short", 10, "short"),
        ("One two.  Three four five.", 12, "One two."),
        ("alpha beta gamma", 11, "alpha beta…"),
        ("alpha beta gamma", 12, "alpha beta…"),
        ("Oh. alphabetical order", 16, "Oh.…"),
        ("unbreakable", 5, "unbr…"),
    ],
)
def test_shorten(text, room, expected):
    assert shorten(text, room) == expected
    assert len(shorten(text, room)) <= room


def test_join_words():
    assert [join_words(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_platforms_are_read_off_titles():
    titles = [
        "Kart - Xbox 360",
        "Golf - Xbox 360",
        "Ski - XBOX 360",
        "Xbox 360 Cable",
        "Xbox 3600",
        "Chess - Gold Edition",
    ]
    assert platforms_in_titles(titles) == [("Xbox 360",)] * 4 + [(), ()]
    assert platforms_in_titles(["Chess", "Golf - PC"]) == [(), ()]


def test_telling_words_are_rare_but_shared():
    titles = ["Zelda Quest", "The Zelda Game", "Mario Game", "Mario Land"] + ["Quest Land"] * 10
    words = telling_words(titles, [()] * 4 + [("Quest",)] * 10)
    assert words[:4] == [{"zelda": "Zelda"}, {"zelda": "Zelda"}, {"mario": "Mario"}, {"mario": "Mario"}]
    assert telling_words(["Zelda", "Zelda"], [("Zelda",), ()]) == [{}, {}]


def test_shared_phrases(dataset):
    attributes = Attributes.of(dataset)
    assert attributes.shared(1, 5) == ("brand Orrery", "genre racing", "genre puzzle")
    assert attributes.shared(0, 1) == ("genre puzzle",)
    assert attributes.shared(2, 10) == ("platform Orbit",)
    assert attributes.shared(2, 3) == ()


def test_summary_names_only_what_recurs(dataset):
    attributes = Attributes.of(dataset)
    for seed in range(40):
        text = summarise((1, 5, 3), attributes, np.random.default_rng(seed))
        assert "puzzle" in text
        assert "Orrery" in text
        assert "strategy" not in text
        assert text.endswith(".")
        assert "  " not in text
        assert "{" not in text
        assert len(text.split()) < 100
    nothing = summarise((3,), attributes, np.random.default_rng(0))
    assert "strategy" not in nothing


def test_given_summaries_come_first(dataset):
    users = [User((1, 5), "u0"), User((2, 6), "u1")]
    examples, given = summary_examples(
        users, Attributes.of(dataset), np.random.default_rng(0), {"u0": "The user likes races."}
    )
    assert given == 1
    assert examples[0].answer_text == "The user likes races."
    assert examples[1].aspect == "summary"
    assert history_examples(users)[1].answer_items == (2, 6)


@pytest.mark.parametrize("content", ["not json", "[1]", '{"u": 3}', '{"u": ""}', json.dumps({"u": "word " * 100})])
def test_bad_summaries_are_refused(tmp_path, content):
    path = tmp_path / "summaries.json"
    path.write_text(content)
    with pytest.raises(DataError):
        read_summaries(path)


def test_chat_parts_do_not_overlap():
    rng = np.random.default_rng(0)
    train, test, too_long = chat_examples(None, train=30, test=1000, longest=120, rng=rng)
    assert len(train) == 30
    assert test
    assert too_long > 0
    assert not {one.question for one in train} & {one.question for one in test}
    assert all(len(one.question) + len(one.answer_text) <= 120 for one in train + test)


@pytest.mark.real
def test_platforms_in_real_titles(real_data):
    with gzip.open(real_data("amazon-video-games") / "amazon-video-games.item.gz", "rt", encoding="utf-8") as file:
        titles = [line.rstrip("\n").split("\t")[1] for line in file][1:]
    platforms = platforms_in_titles(titles)
    found = {name for names in platforms for name in names}
    assert {"Xbox 360", "PlayStation 4", "Nintendo 3DS"} <= found
    assert not {"Black", "White", "Standard Edition"} & found
    assert sum(map(bool, platforms)) > len(titles) / 3
