"""Puts evidence into words without a language model: the text of a rationale. `sentences.py` reads it back.

The wording is put together from the parts in `wording/sentences.yaml`; the facts come from the evidence alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from recexplainer.data.attributes import Attributes, join_words
from recexplainer.evidence.evidence import CLOSE, Evidence
from recexplainer.evidence.sentences import NAMED, POPULAR, answer_parts
from recexplainer.storage import packaged_yaml

KINDS = ("genre", "brand", "platform", "word")
"""What items may share, and what an aspect may be of."""
OUTWEIGHS = 1.5
"""So many times what another does is clearly more."""
# A history item is cited beside a stronger one only if it does at least this share of what that one does.
_WORTH_NAMING = 0.25
_NAMES = {"genre": "genre", "brand": "brand", "platform": "platform", "word": "word in the title"}


def verdict_kind(evidence: Evidence) -> str:
    """`yes`, `no`, or `between`: not recommended, but in the upper half."""
    if evidence.recommended:
        return "yes"
    return "between" if evidence.upper_half else "no"


def write_rationale(evidence: Evidence, titles: Sequence[str], rng: np.random.Generator, aspect: str = "") -> str:
    """Two to four sentences: "Yes" or "No", the reasons, what pulls the other way, by the catalogue's `[items]` titles.

    Titles stand in curly quotes, none of them twice, and besides the item asked about all are in the history. The
    phrasing is drawn. The aspect is one of `KINDS`: of what items share only that; `short`: the verdict and one reason;
    "": all.
    """
    return _Writer(evidence, titles, rng, aspect).write()


def opening(evidence: Evidence, titles: Sequence[str], rng: np.random.Generator) -> str:
    """The first sentence, the verdict; a word such as "near" or "top" only where its rank is so."""
    verdict = verdict_kind(evidence)
    parts = list(answer_parts()[f"{verdict}.opening"])
    if verdict == "yes" and evidence.at_top and rng.random() < 0.5:
        parts = answer_parts()["yes.opening.top"]
    if verdict == "between" and evidence.near:
        parts = answer_parts()["between.opening.near"]
    if evidence.item in evidence.history:
        parts = [part for part in parts if "{item}" not in part]
    return one_of(parts, rng).format(item=f"“{titles[evidence.item]}”")


class _Writer:
    """Puts one Evidence in words.

    `supporters`, `opponents`, and what `depends` on the rest of the history are places in it, the strongest first.
    """

    def __init__(self, evidence: Evidence, titles: Sequence[str], rng: np.random.Generator, aspect: str) -> None:
        self.evidence, self.titles, self.rng = evidence, titles, rng
        self.short, self.aspect = aspect == "short", aspect if aspect in KINDS else ""
        self.named: list[int] = []
        self.supporters, self.opponents, self.depends, _ = evidence.by_effect.values()

    def write(self) -> str:
        kind = verdict_kind(self.evidence)
        body = {"yes": self._yes, "between": self._between, "no": self._no}[kind]
        sentences = [opening(self.evidence, self.titles, self.rng), *body()]
        if self.short:
            return " ".join(sentences[:2])
        if self.aspect and self.named and not any(map(self._facts, self.named)):
            sentences.append(one_of(answer_parts()[f"{kind}.aspect"], self.rng).format(kind=_NAMES[self.aspect]))
        return " ".join(sentences)

    def _yes(self) -> list[str]:
        cited = self._worth_naming(self.supporters)
        rival = self._rival(self.opponents, cited)
        if not cited:
            return self._nothing_for("yes", "yes.despite", rival)
        if rival is not None and self._outweighs(rival, cited[0]):
            return [self._say("yes.outweighed", against=rival, **{"for": cited[0]})]
        sentences = [self._reason("yes", cited)]
        if rival is not None:
            sentences.append(self._say("yes.counter", against=rival))
        elif not self.opponents and not self.depends and self.rng.random() < 0.4:
            sentences.append(self._say("yes.agreed"))
        return sentences

    def _no(self) -> list[str]:
        cited = self._worth_naming(self.opponents)
        helping = self._worth_naming(self.supporters)[:2]
        if not cited and not helping:
            return self._nothing_for("no", "", None)
        if not cited or (helping and self._outweighs(helping[0], cited[0])):
            rival = self._rival(self.opponents, helping)
            support = self._support("no.support", helping)
            return [support] if rival is None else [support, self._say("no.held", against=rival)]
        sentences = [self._reason("no", cited)]
        rival = self._rival(self.supporters, cited)
        if rival is not None:
            sentences.append(self._say("no.counter", **{"for": rival}))
        elif not self.supporters and not self.depends and self.rng.random() < 0.4:
            sentences.append(self._say("no.agreed"))
        return sentences

    def _between(self) -> list[str]:
        cited = self._worth_naming(self.supporters)
        rival = self._rival(self.opponents, cited)
        if not cited:
            return self._nothing_for("between", "between.held", rival)
        if rival is not None and self._outweighs(rival, cited[0]):
            return [self._say("between.held.counter", against=rival, **{"for": cited[0]})]
        sentences = [self._support("between.reason", cited)]
        if rival is not None:
            sentences.append(self._say("between.counter", against=rival))
        return sentences

    def _nothing_for(self, verdict: str, denying: str, rival: int | None) -> list[str]:
        """Where no history item is sure to count for it; that none does is said only if none depends on the others.

        `denying` is the group that says so and names what counts against it.
        """
        if not self.depends:
            return [self._say(f"{verdict}.nothing") if rival is None else self._say(denying, against=rival)]
        if rival is None:
            return [self._say(f"{verdict}.depends", depends=self.depends[0])]
        return [self._say(f"{verdict}.depends.against", against=rival, depends=self.depends[0])]

    def _outweighs(self, place: int, other: int) -> bool:
        """Whether one history item does clearly more than another, in whichever direction."""
        return self.evidence.does_more(place, other, OUTWEIGHS)

    def _worth_naming(self, places: list[int]) -> list[int]:
        """The two or three that do most, fewer where others do little beside the first, or no more than any other.

        The first is named even so, as where all do the same: that none does anything would be untrue.
        """
        if not places:
            return []
        strongest, *others = places
        least = _WORTH_NAMING * abs(self.evidence.weights[strongest])
        most = 2 if self.rng.random() < 0.65 else 3
        enough = (one for one in others if abs(self.evidence.weights[one]) >= least)
        return [strongest, *filter(self.evidence.stands_out, enough)][:most]

    def _rival(self, places: list[int], cited: list[int]) -> int | None:
        """The strongest on the other side, where it is worth naming beside the strongest cited."""
        if not places:
            return None
        against = abs(self.evidence.weights[places[0]])
        most = abs(self.evidence.weights[cited[0]]) if cited else 0.0
        return places[0] if against >= _WORTH_NAMING * most else None

    def _reason(self, verdict: str, cited: list[int]) -> str:
        """What does most; where one cannot say that it does more than another, the two are named."""
        if rivals := self.evidence.rivals(cited[0]):
            side = "against" if verdict == "no" else "for"
            if rivals[0] in self.depends:
                return self._say(f"{verdict}.depends.{side}", **{side: cited[0]}, depends=rivals[0])
            return self._say(f"{verdict}.several", first=cited[0], second=rivals[0])
        common = self._common(cited) if verdict == "yes" and len(cited) > 1 else ""
        if common and self.rng.random() < 0.5:
            every = join_words([self._title(place) for place in cited])
            return one_of(answer_parts()[f"yes.common.{len(cited)}"], self.rng).format(all=every, common=common)
        return self._say(f"{verdict}.reason.{len(cited)}", **dict(zip(NAMED, cited, strict=False)))

    def _support(self, group: str, cited: list[int]) -> str:
        names = {"for": cited[0]} if len(cited) == 1 else dict(zip(NAMED, cited, strict=False))
        return self._say(f"{group}.{len(cited)}", **names)

    def _say(self, group: str, **places: int) -> str:
        """One part of the group, its names replaced by titles and by what those items share with the item."""
        leader = places.get("first", places.get("for"))
        why = self._why(leader) if leader is not None else ""
        also = self._why(places["second"]) if "second" in places and not why else ""
        group += POPULAR if self.evidence.popular and group + POPULAR in answer_parts() else ""
        texts = {name: self._title(place) for name, place in places.items()}
        self.named += places.values()
        return one_of(answer_parts()[group], self.rng).format(**texts, why=why, also=also)

    def _why(self, place: int) -> str:
        if facts := self._facts(place):
            return one_of(answer_parts()["why.one"], self.rng).format(what=join_facts(facts[:2]))
        close = CLOSE in self.evidence.shared[place] and not self.aspect
        return one_of(answer_parts()["why.close"], self.rng) if close else ""

    def _facts(self, place: int) -> list[str]:
        """What a history item shares with the item, as far as the aspect goes."""
        facts = (phrase for phrase in self.evidence.shared[place] if phrase != CLOSE)
        return [phrase for phrase in facts if self.aspect in ("", fact_kind(phrase))]

    def _common(self, cited: list[int]) -> str:
        shared = [self._facts(place) for place in cited]
        return join_facts([phrase for phrase in shared[0] if all(phrase in others for others in shared)][:2])

    def _title(self, place: int) -> str:
        return f"“{self.titles[self.evidence.history[place]]}”"


def one_of(parts: Sequence[str], rng: np.random.Generator) -> str:
    """One of several ways to say it, drawn at random."""
    return parts[int(rng.integers(len(parts)))]


def fact_kind(phrase: str) -> str:
    """The kind of a shared attribute: `genre`, `brand`, `platform`, `word`."""
    return phrase.removeprefix("the ").split(" ", 1)[0]


def join_facts(phrases: Sequence[str]) -> str:
    """Shared phrases as part of a sentence: "the brand X and the genre Y"."""
    return join_words([phrase if phrase.startswith("the ") else f"the {phrase}" for phrase in phrases])


@cache
def aspect_wording() -> dict[str, list[str]]:
    """The ways to ask for each aspect: for each of `KINDS`, and for `short`."""
    return packaged_yaml("recexplainer.evidence", "wording/aspects.yaml")


def taught_aspects(attributes: Attributes) -> dict[str, list[str]]:
    """The ways to ask for each aspect that a catalogue allows: kinds of attributes that it has, then `short`."""
    known = {"genre": attributes.genres, "brand": attributes.brands, "platform": attributes.platforms}
    kinds = [kind for kind in KINDS if any(known.get(kind, attributes.words))]
    return {aspect: aspect_wording()[aspect] for aspect in (*kinds, "short")}
