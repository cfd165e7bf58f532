"""How the report names things."""

import pytest

from recexplainer.explanations.record import Method
from recexplainer.reports.names import display_name, duration, in_order, method_name, series_class


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (3900, "1 h 5 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (Method("hybrid", "grounded"), "Hybrid, grounded"),
        (Method("hybrid", "self_attribution"), "Hybrid, self-attribution"),
        (Method("hybrid", "without_chat"), "Hybrid, without chat"),
        (Method("unaligned", "icl"), "Unaligned, in context"),
        (Method("mean_of_training"), "Mean of training"),
        (Method("gpt-4.1-mini", "icl"), "gpt-4.1-mini, in context"),
        (Method("template_recent"), "Template: three most recent"),
        (Method("template_popular"), "Template: three most popular"),
        (Method("org/a-model", "my way"), "org/a-model, my way"),
        (Method(""), ""),
    ],
)
def test_methods(method: Method, name: str) -> None:
    assert method_name(method) == name


def test_names_that_are_not_in_the_table_are_shown_as_they_are() -> None:
    assert display_name("raters", "org/judge") == "org/judge"
    assert display_name("metrics", "ece") == "ece"
    assert display_name("tasks", "retrieval") == "Next item retrieval"


def test_methods_stand_in_the_papers_order_each_before_its_variants() -> None:
    given = [
        Method("hybrid", "grounded"),
        Method("hybrid"),
        Method("student"),
        Method("gpt"),
        Method("behavior"),
        Method("unaligned", "icl"),
        Method("random"),
        Method("unaligned"),
        Method("gpt"),
    ]
    assert in_order(given) == [
        Method("random"),
        Method("unaligned"),
        Method("unaligned", "icl"),
        Method("gpt"),
        Method("student"),
        Method("behavior"),
        Method("hybrid"),
        Method("hybrid", "grounded"),
    ]


def test_a_class_is_never_made_of_free_text() -> None:
    assert (series_class("hybrid"), series_class('"><x')) == ("series-hybrid", "series-other")
