"""What a server answers about one run: one method a question, each for several askers together. It knows no HTTP.

All of its methods ask the recommender; they are called by one thread at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recexplainer.errors import DataError, SettingsError
from recexplainer.explanations.checking import TextToCheck, check_texts
from recexplainer.explanations.contrast import contrast
from recexplainer.explanations.writing import Style, Writer
from recexplainer.recommenders.base import User
from recexplainer.server import answers, views
from recexplainer.server.finding import Finder
from recexplainer.server.known_evidence import KnownEvidence
from recexplainer.server.phrases import phrase
from recexplainer.server.ranking import score_users

Pair = tuple[User, int]


@dataclass(frozen=True, slots=True)
class ListAsked:
    """Whose list is asked for, and how long it is to be."""

    user: User
    k: int


@dataclass(frozen=True, slots=True)
class HistoryAsked:
    """Whose history is asked for, and about which item; None: the first of the list."""

    user: User
    item: int | None


@dataclass(frozen=True, slots=True)
class TwoLists:
    """Two users, or one before and after an edit of the history, and how long their lists are to be."""

    first: User
    second: User
    k: int


@dataclass(frozen=True, slots=True)
class TwoItems:
    """A user, without each of two items in the history, and these."""

    item: Pair
    other: Pair


@dataclass(frozen=True, slots=True)
class TextAsked:
    """A text about a user and an item."""

    user: User
    item: int
    text: str


class Service:
    """What can be asked about a run.

    Args:
        name: What the run is called.
        version: Says which data and which models answer.
        explainer: The data, the recommender and maybe a surrogate.
        writers: Who can write, by the names that they are asked for by; the first one does where none is named.
    """

    def __init__(self, name: str, version: str, explainer: KnownEvidence, writers: Mapping[str, Writer]) -> None:
        self.name, self.version, self.explainer, self.writers = name, version, explainer, dict(writers)
        self.dataset, self.find = explainer.dataset, Finder(explainer.dataset)

    def writer(self, name: str | None, style: Style) -> str:
        """The name of who is to write. Raises SettingsError where there is no such writer."""
        chosen = next(iter(self.writers)) if name is None else name
        if chosen not in self.writers:
            known = ", ".join(self.writers)
            raise SettingsError("There is no such writer here.", location="writer", hint=f"Give one of: {known}.")
        style.check(chosen)
        return chosen

    def pair(self, user: User, item: int) -> Pair:
        """A user and an item, which leaves the history. Raises DataError where nothing else is in that."""
        history = tuple(seen for seen in user.history if seen != item)
        if not history:
            what = "There is nothing to explain from: the history has nothing but the item."
            raise DataError(what, location="history", hint="Ask about another item, or give a longer history.")
        return User(history, user.id), item

    def recommend(self, asked: Sequence[ListAsked]) -> list[answers.Recommendations]:
        """The lists of users, each item with a phrase."""
        scores = score_users(self.explainer.recommender, [one.user for one in asked])
        lists = [own.best(one.k) for own, one in zip(scores, asked, strict=True)]
        pairs = [(one.user, place.item) for one, own in zip(asked, lists, strict=True) for place in own]
        evidence = iter(self.explainer.evidence(pairs))
        made: list[answers.Recommendations] = []
        for own in lists:
            items: list[answers.Recommendation] = []
            for place in own:
                words, why = phrase(next(evidence), self.dataset.titles)
                shown = views.ranked(self.dataset, place).model_dump()
                items.append(answers.Recommendation(**shown, phrase=words, no_reason=why))
            made.append(answers.Recommendations(recommendations=items))
        return made

    def history(self, asked: Sequence[HistoryAsked]) -> list[answers.History]:
        """The histories of users, each item with what it does."""
        scores = score_users(self.explainer.recommender, [one.user for one in asked])
        items = [own.best(1)[0].item if one.item is None else one.item for own, one in zip(scores, asked, strict=True)]
        pairs = [self.pair(one.user, item) for one, item in zip(asked, items, strict=True)]
        known = self.explainer.evidence(pairs)
        return [views.whole_history(self.dataset, one.user, own) for one, own in zip(asked, known, strict=True)]

    def explain(self, asked: Sequence[Pair], writer: str, style: Style) -> list[answers.Explanation]:
        """Why items are or are not recommended, in the words of a writer."""
        written = self.explainer.explain(asked, writer=self.writers[writer], style=style)
        evidence = self.explainer.evidence(asked)
        return [views.explanation(self.dataset, one, known) for one, known in zip(written, evidence, strict=True)]

    def check(self, asked: Sequence[TextAsked]) -> list[answers.Checked]:
        """What texts of anybody claim, and whether it holds."""
        texts = [TextToCheck(number, one.user, one.item, one.text) for number, one in enumerate(asked)]
        checked = check_texts(self.explainer, texts)
        evidence = self.explainer.evidence([(one.user, one.item) for one in asked])
        return [views.checked(self.dataset, one, known) for one, known in zip(checked, evidence, strict=True)]

    def what_if(self, asked: Sequence[TwoLists]) -> list[answers.WhatIfAnswer]:
        """The lists of users before and after an edit of their histories."""
        scores = score_users(self.explainer.recommender, [user for one in asked for user in (one.first, one.second)])
        made: list[answers.WhatIfAnswer] = []
        for one, before, after in zip(asked, scores[::2], scores[1::2], strict=True):
            moved = [
                [
                    views.moved(self.dataset, place, before.place(place.item), after.place(place.item))
                    for place in own.best(one.k)
                ]
                for own in (before, after)
            ]
            history = [views.item(self.dataset, index) for index in one.second.history]
            made.append(answers.WhatIfAnswer(before=moved[0], after=moved[1], history=history))
        return made

    def compare(self, asked: Sequence[TwoLists]) -> list[answers.Comparison]:
        """The lists of two users each, and what they share."""
        scores = score_users(self.explainer.recommender, [user for one in asked for user in (one.first, one.second)])
        made: list[answers.Comparison] = []
        for one, first, second in zip(asked, scores[::2], scores[1::2], strict=True):
            lists = [own.best(one.k) for own in (first, second)]
            items = [[place.item for place in own] for own in lists]
            histories = [user.history for user in (one.first, one.second)]
            sides = [
                views.user_list(self.dataset, user, own)
                for user, own in zip((one.first, one.second), lists, strict=True)
            ]
            shared = [
                [views.item(self.dataset, index) for index in dict.fromkeys(both[0]) if index in set(both[1])]
                for both in (items, histories)
            ]
            made.append(answers.Comparison(a=sides[0], b=sides[1], shared=shared[0], shared_history=shared[1]))
        return made

    def contrast(self, asked: Sequence[TwoItems]) -> list[answers.ContrastAnswer]:
        """Why one item and not another, from one question to the recommender about both."""
        evidence = self.explainer.evidence([pair for one in asked for pair in (one.item, one.other)])
        titles, verifier = self.dataset.titles, self.explainer.verifier
        made = [contrast(*both, titles, verifier) for both in zip(evidence[::2], evidence[1::2], strict=True)]
        return [views.contrast(self.dataset, one) for one in made]
