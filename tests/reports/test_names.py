"""How the report names things."""

import pytest

from recexplainer.reports.names import duration, in_order, method_name, series_class


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (3900, "1 h 5 min")],
)
def test_durations(seconds: float, words: str):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("hybrid+evidence", "Hybrid, with evidence"),
        ("hybrid without chat", "Hybrid without chat"),
        ("unaligned-icl", "Unaligned, in context"),
        ("mean-of-training", "Mean of training"),
        ("gpt-4.1-mini-icl", "gpt-4.1-mini, in context"),
        ("template-recent", "Template: three most recent"),
        ("template-popular", "Template: three most popular"),
        ("org/a-model", "org/a-model"),
        ("", ""),
    ],
)
def test_methods(method: str, name: str):
    assert method_name(method) == name


def test_methods_stand_in_the_papers_order_each_before_its_kinds():
    given = ["hybrid+evidence", "hybrid", "student", "gpt", "behavior", "unaligned-icl", "random", "unaligned", "gpt"]
    assert in_order(given) == [
        "random", "unaligned", "unaligned-icl", "gpt", "student", "behavior", "hybrid", "hybrid+evidence",
    ]  # fmt: skip


def test_a_class_is_never_made_of_free_text():
    assert (series_class("hybrid without chat"), series_class('"><x')) == ("series-hybrid", "series-other")
