"""What a chat model is asked that puts evidence into words: the evidence as data, the style in words, what was wrong.

The wording is data, `chat_writer.yaml`. Titles and whatever else is not ours is shown so that it cannot pass for a turn
of the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from recexplainer.chat.model import Conversation, Message
from recexplainer.data.titles import MAX_TITLE, normalise_title, shorten_title
from recexplainer.evidence.evidence import CLOSE, MOST_SHOWN, Evidence
from recexplainer.explanations.writing import Style
from recexplainer.storage import packaged_yaml

_LONGEST_REQUEST = 200  # characters of what a reader wants to hear of
_LONGEST_LANGUAGE = 40
_LONGEST_ANSWER = 2000  # characters of an answer that are sent back
_ROLE = re.compile(r"\[(/?[A-Z_]{2,})\]")
_MARKS = str.maketrans({"<": "‹", ">": "›"})
_GROUPS = ("for", "against", "weak", "depends", "none")


@cache
def wording() -> dict[str, Any]:
    """The packaged wording."""
    return packaged_yaml("recexplainer.explanations", "chat_writer.yaml")


def harmless(text: str) -> str:
    """A text without what a model could take for a mark of its conversation: `<…>` and `[INST]` in other brackets."""
    return _ROLE.sub(r"(\1)", text).translate(_MARKS)


def shown_title(title: str, limit: int = MAX_TITLE) -> str:
    """A title, or other words, as a model is shown it: one line without marks of conversations, so long at most."""
    return shorten_title(harmless(normalise_title(title)), limit)


def ask(evidence: Evidence, titles: Sequence[str], style: Style) -> Conversation:
    """The question for a text in English, by the catalogue's `[items]` titles; no ids of users or items are in it."""
    rules = [*_style(style), *wording()["rules"]]
    lines = "\n".join(f"- {rule}" for rule in rules)
    facts = "\n".join(_facts(evidence, titles, style))
    return (Message("user", wording()["prompt"].format(facts=facts, rules=lines)),)


def ask_again(question: Conversation, answer: str, faults: Sequence[str]) -> Conversation:
    """The question with an answer that does not hold, and what is wrong with it, a line for each fault."""
    lines = "\n".join(f"- {harmless(fault)}" for fault in faults)
    said = harmless(answer)[:_LONGEST_ANSWER] or "…"
    return (question[0], Message("assistant", said), Message("user", wording()["repair"].format(faults=lines)))


def ask_for_translation(text: str, language: str) -> Conversation:
    """The question for a translation of a text; quoted titles are to stay."""
    language = shown_title(language, _LONGEST_LANGUAGE)
    return (Message("user", wording()["translate"].format(text=harmless(text), language=language)),)


def places_by_effect(evidence: Evidence) -> dict[str, list[int]]:
    """Places in the history by what they do, the strongest first: `for`, `against`, `weak`, `depends`, `none`.

    Only what is `for` or `against` is a reason: it counts however one asks. Where effects were not asked in several
    ways, what does no more than a random other item is `weak`.
    """
    groups = evidence.by_effect
    reasons = {*groups["for"], *groups["against"]}
    weak = [place for place in evidence.strongest_first if place in reasons and not evidence.stands_out(place)]
    groups["weak"] = [] if evidence.effects else weak
    return {
        name: [place for place in groups[name] if name == "weak" or place not in groups["weak"]] for name in _GROUPS
    }


def _style(style: Style) -> Iterator[str]:
    yield wording()["length"][style.length]
    if style.audience:
        yield wording()["audience"][style.audience]
    if aspect := shown_title(style.aspect, _LONGEST_REQUEST):
        yield wording()["aspect"].format(aspect=aspect)


def _facts(evidence: Evidence, titles: Sequence[str], style: Style) -> Iterator[str]:
    """The lines of the data: what is asked about, the recommender's answer, and what history items do."""
    words = wording()
    yield words["item"].format(title=shown_title(titles[evidence.item]))
    yield words["verdict"]["yes" if evidence.recommended else "no"]
    yield words["rank"].format(rank=f"{evidence.rank:,}", n_ranked=f"{evidence.n_ranked:,}")
    if evidence.popular:
        yield words["popular"]
    if evidence.attributions:
        yield from _effects(evidence, titles, style)
        if line := _caution(evidence):
            yield words[line]
    else:
        yield words["unasked"]


def _effects(evidence: Evidence, titles: Sequence[str], style: Style) -> Iterator[str]:
    """The lines of the history items, numbered, under what they do; of a long history the strongest sixteen."""
    words, number = wording(), 0
    groups = places_by_effect(evidence)
    listed = frozenset(evidence.strongest_first[:MOST_SHOWN])
    of_none = _of_none(groups)
    for name, places in groups.items():
        is_reason = name in words["nothing"]
        if not places and name in of_none:
            yield of_none[name]
        if shown := [place for place in places if place in listed]:
            yield words["groups"][name]
        for place in shown:
            number += 1
            yield f"{number}. {_history_item(evidence, titles, place, style, is_reason=is_reason)}"
    if left_out := len(evidence.history) - number:
        yield words["left_out"].format(count=left_out)


def _of_none(groups: Mapping[str, Sequence[int]]) -> Mapping[str, str]:
    """What is said of each direction in which no history item counts; of none where that is unclear of both."""
    words = wording()
    if groups["weak"] or groups["depends"]:
        return words["unclear"] if groups["for"] or groups["against"] else {}
    return words["nothing"]


def _caution(evidence: Evidence) -> str:
    """What is to be said of the reasons as a whole, by its name in the wording; "" for nothing."""
    groups = places_by_effect(evidence)
    if not groups["for"] and not groups["against"]:
        return "no_reason"
    most = [places[0] for places in (groups["for"], groups["against"]) if places]
    return "unranked" if any(map(evidence.rivals, most)) else ""


def _history_item(evidence: Evidence, titles: Sequence[str], place: int, style: Style, *, is_reason: bool) -> str:
    """The line of a history item; what it weighs, shares and changes only where it is a reason."""
    title = f"“{shown_title(titles[evidence.history[place]])}”"
    if not is_reason:
        return title
    words, facts = wording(), list[str]()
    for phrase in evidence.shared[place]:
        what = shown_title(phrase).removeprefix("the ")
        facts.append(words["close"] if phrase == CLOSE else words["shares"].format(what=what))
    if style.audience in ("analyst", "regulator") and evidence.ablated_ranks:
        facts.append(words["without"].format(rank=f"{evidence.ablated_ranks[place]:,}"))
    return f"{title} ({evidence.weights[place]:+.1f}){': ' if facts else ''}{', '.join(facts)}"
