from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from recexplainer.evidence.evidence import Evidence
from recexplainer.surrogate.prompt import (
    FORMS,
    SEPARATOR,
    Form,
    Given,
    Part,
    Placeholder,
    Prompt,
    Title,
    answer_parts,
    applies,
    as_text,
    render,
    with_shots,
)
from recexplainer.tasks.example import Example, Task
from recexplainer.tasks.wording import load_wording

TITLES = [f"Title {item}" for item in range(9)]
EVIDENCE = Evidence((1, 2), 5, True, 1.5, 3, 7, (0.4, -0.2), ((), ()))
HISTORY = "Bought {history}: what next?"


def kinds(prompt: Prompt) -> Counter[str]:
    """How many titles there are as text, and placeholders of each encoder."""
    return Counter(
        part.encoder if isinstance(part, Placeholder) else "text" for part in prompt.parts if not isinstance(part, str)
    )


def one_line(parts: tuple[Part, ...]) -> str:
    """A prompt as one line: <u>, <i3>, <t3> and <s1,3> for vectors, [3] for a title."""
    texts: list[str] = []
    for part in parts:
        match part:
            case Title(item):
                texts.append(f"[{item}]")
            case Placeholder(encoder, items):
                texts.append(f"<{encoder[0]}{','.join(map(str, items))}>")
            case _:
                texts.append(part)
    return "".join(texts)


def shown(example: Example, form: Form, template: str) -> str:
    return one_line(render(example, form, template, TITLES).parts)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("behavior", "Bought [1]; [2]; [3]: what next?"),
        ("intention", "Bought <u>: what next?"),
        ("hybrid", "Bought <u> [1]; [2]; [3]: what next?"),
    ],
)
def test_retrieval(form: Form, expected: str) -> None:
    assert shown(Example("retrieval", history=(1, 2, 3), answer_items=(4,)), form, HISTORY) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("behavior", "([4]:)Yes(; [5]:)No(; [6]:)Yes"),
        ("intention", "(<i4>:)Yes(; <i5>:)No(; <i6>:)Yes"),
        ("hybrid", "(<i4> [4]:)Yes(; <i5> [5]:)No(; <i6> [6]:)Yes"),
    ],
)
def test_verdicts_are_learned_of_items_that_are_given(form: Form, expected: str) -> None:
    judged = Example("verdicts", history=(1,), items=(4, 5, 6), answer_items=(4, 6))
    answer = render(judged, form, HISTORY, TITLES).answer
    pieces = [(isinstance(part, Given), one_line(tuple(answer_parts([part])))) for part in answer]
    text = "".join(f"({piece})" if given else piece for given, piece in pieces)
    assert text.replace(")(", "") == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("behavior", "[1]: sort [4]; [5]; [6]."),
        ("intention", "<u>: sort <i4><t4>; <i5><t5>; <i6><t6>."),
        ("hybrid", "<u> [1]: sort <i4> [4]; <i5> [5]; <i6> [6]."),
    ],
)
def test_ranking(form: Form, expected: str) -> None:
    example = Example("ranking", history=(1,), items=(4, 5, 6), answer_items=(6, 4, 5))
    assert shown(example, form, "{history}: sort {items}.") == expected
    answer = render(example, form, "{history}: sort {items}.", TITLES).answer
    assert answer == (Title(6), SEPARATOR, Title(4), SEPARATOR, Title(5))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("behavior", "Is [5] for [1]; [2]?"),
        ("intention", "Is <i5><t5> for <u>?"),
        ("hybrid", "Is <i5> [5] for <u> [1]; [2]?"),
    ],
)
def test_classification(form: Form, expected: str) -> None:
    example = Example("classification", history=(1, 2), items=(5,), answer_text="Yes")
    prompt = render(example, form, "Is {item} for {history}?", TITLES)
    assert one_line(prompt.parts) == expected
    assert prompt.answer == ("Yes",)
    assert prompt.history == (1, 2)


@pytest.mark.parametrize("form", ["intention", "hybrid"])
@pytest.mark.parametrize("aspect", ["history", "summary"])
def test_reconstruction_never_shows_what_it_asks_for(form: Form, aspect: str) -> None:
    example = Example("reconstruction", aspect, history=(1, 2), answer_items=(1, 2))
    for phrasing in load_wording()["reconstruction", aspect]:
        prompt = render(example, form, phrasing, TITLES)
        assert kinds(prompt)["user"] == 1
        assert not kinds(prompt)["text"] + kinds(prompt)["title"]


@pytest.mark.parametrize("form", ["intention", "hybrid"])
def test_naming_an_item_never_shows_its_title(form: Form) -> None:
    example = Example("discrimination", "title", items=(5,), answer_items=(5,))
    assert shown(example, form, "Name {item}.") == "Name <i5><t5>."


@pytest.mark.parametrize(
    ("form", "expected"),
    [("behavior", "Tell of [5]."), ("intention", "Tell of <i5><t5>."), ("hybrid", "Tell of <i5> [5].")],
)
def test_describing_an_item_may_show_its_title(form: Form, expected: str) -> None:
    example = Example("discrimination", "description", items=(5,), answer_text="A game.")
    assert shown(example, form, "Tell of {item}.") == expected


@pytest.mark.parametrize("form", FORMS)
def test_questions_in_words_are_the_same_in_every_form(form: Form) -> None:
    example = Example("chat", question="Is it {late}; or early?", answer_text="Late.")
    prompt = render(example, form, "{question}", TITLES)
    assert prompt.parts == ("Is it {late}; or early?",), "the words of a user are never taken for a template"
    assert prompt.answer == ("Late.",)


@pytest.mark.parametrize("form", FORMS)
def test_evidence_is_put_in_words_with_the_titles_quoted(form: Form) -> None:
    example = Example("rationale", "evidence", history=(1, 2), items=(5,), answer_text="Because.", evidence=EVIDENCE)
    text = shown(example, form, "{history} {item} {evidence}")
    assert "rank 3 of 7, recommended, among the first ten." in text
    assert "“Title 1” +0.4" in text
    assert ("[1]; [2]" in text) == (form == "behavior"), (
        "hybrid has the history's vector; the evidence names its titles"
    )


def test_hybrid_has_the_similarity_of_each_history_item_where_reasons_are_asked() -> None:
    example = Example("rationale", "surrogate", history=(1, 2), items=(5,))
    assert shown(example, "hybrid", "{history}?") == "<u> <s1,5>[1]; <s2,5>[2]?"
    assert shown(example, "behavior", "{history}?") == "[1]; [2]?"
    assert shown(Example("retrieval", history=(1, 2)), "hybrid", "{history}?") == "<u> [1]; [2]?"


@pytest.mark.parametrize("form", FORMS)
def test_a_template_without_words_around_its_slots(form: Form) -> None:
    prompt = render(Example("retrieval", history=(1,)), form, "{history}", TITLES)
    assert "" not in prompt.parts
    assert prompt.answer == ()


def applying(task: Task, aspect: str) -> set[Form]:
    return {form for form in FORMS if applies(Example(task, aspect), form)}


def test_which_tasks_make_sense_in_which_form() -> None:
    assert applying("reconstruction", "history") == {"intention", "hybrid"}
    assert applying("discrimination", "title") == {"intention", "hybrid"}
    assert applying("discrimination", "title-of") == {"behavior", "hybrid"}
    for task in ("retrieval", "ranking", "classification", "chat"):
        assert applying(task, "") == set(FORMS)
    assert applying("rationale", "evidence") == set(FORMS)
    assert {task for task, _ in load_wording()} == set(get_args(Task))


@pytest.mark.parametrize("form", FORMS)
def test_every_phrasing_of_every_task_puts_titles_and_vectors_as_its_form_says(form: Form) -> None:
    for (task, aspect), phrasings in load_wording().items():
        example = Example(
            task,
            aspect,
            history=(1, 2),
            items=(5,),
            question="Q",
            answer_text="A",
            evidence=EVIDENCE,  # type: ignore[arg-type]
        )
        for phrasing in phrasings if applies(example, form) else ():
            count = kinds(render(example, form, phrasing, TITLES))
            if form == "behavior":
                assert not count["user"] + count["item"], phrasing
            else:
                assert count["user"] == ("{history}" in phrasing), phrasing
                assert count["item"] == ("{item}" in phrasing) + ("{items}" in phrasing), phrasing
            if form == "intention":
                assert not count["text"], phrasing
            named = (task, aspect) in {("discrimination", "title"), ("discrimination", "titles")}
            assert count["title"] == (count["item"] if form == "intention" or named else 0), "where it is not text"


def test_solved_questions_stand_before_the_question() -> None:
    solved = Prompt(("Which? ", Title(0)), (Title(1),), (0,))
    prompt = with_shots(Prompt(("And ", Title(2), "?"), (), (2,)), [solved])
    words = "Question: Which? a\nAnswer: b\n\nQuestion: And c?\nAnswer:"
    assert as_text(prompt.parts, ["a", "b", "c"]) == words
    assert prompt.history == (2,) and prompt.answer == ()
    assert with_shots(solved, []) == solved


def test_vectors_cannot_be_put_as_text() -> None:
    with pytest.raises(ValueError, match="behavior form"):
        as_text(["a ", Placeholder("item", (1,))], ["x", "y"])


@pytest.mark.parametrize("aspect", ["from the view of {history}", "for under {5", "by {} or }"])
def test_an_aspect_is_put_as_it_is_whatever_its_marks(aspect: str) -> None:
    example = Example("classification", "", history=(1, 2), items=(3,), aspect=aspect)
    prompt = render(example, "behavior", "Does {item} suit {history}?", TITLES)
    assert as_text(prompt.parts, TITLES).endswith(f"? {aspect}")
