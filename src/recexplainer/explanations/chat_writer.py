"""Any chat model as a writer: its words are checked, repaired, or replaced, so that a text shown is never false.

All pairs of a round are asked in one call of the model. What is asked is in `chat_prompt.py`, what of an answer may be
shown in `chat_answers.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from recexplainer.chat.model import ChatModel, Conversation
from recexplainer.chat.responses import AnswerError
from recexplainer.claims.verifier import Verifier
from recexplainer.errors import ChatError, first_line
from recexplainer.evidence.evidence import Evidence
from recexplainer.explanations.chat_answers import AnswerCheck, Checked, clean, restore_titles
from recexplainer.explanations.chat_prompt import ask, ask_again, ask_for_translation, wording
from recexplainer.explanations.writing import Style, Writer, Written

_log = logging.getLogger(__name__)
MAX_TOKENS = 1024
"""Tokens that an answer may need: eight sentences, and some thought before them."""
MAX_REPAIRS = 2
"""How often what is wrong is sent back."""


@dataclass(slots=True)
class _Draft:
    """A pair, and what the model wrote about it so far; `accepted` may be shown."""

    evidence: Evidence
    question: Conversation
    conversation: Conversation
    attempts: int = 0
    tried: tuple[Checked, ...] = ()
    accepted: Checked | None = None
    is_over: bool = False
    reason: str = ""


class ChatWriter:
    """Has a chat model put evidence in words, by the catalogue's `[items]` titles.

    A text is taken whose every claim is supported that the recommender or the catalogue can confirm. What is wrong goes
    back to the model, at most twice; what is wrong then is cut out, or the text of `fallback` stands in
    its place. The model gets titles and what the recommender says of them, and no ids.

    Attributes:
        name: The model's.
        calls: How many conversations the model was given.
        rounds: In how many calls of the model: all pairs of a round go together.
    """

    def __init__(self, model: ChatModel, titles: Sequence[str], verifier: Verifier, fallback: Writer) -> None:
        self.name, self.calls, self.rounds = model.name, 0, 0
        self._model, self._titles, self._fallback = model, titles, fallback
        self._check = AnswerCheck(verifier)

    def write(self, users: Sequence[str], evidence: Sequence[Evidence], style: Style) -> list[Written]:
        """A text for each pair, `[pairs]`; none has a problem. `Written.attempts` counts the texts of the model.

        Raises:
            ChatError: The model cannot be asked, or refuses. Once it has answered, what it still owes is replaced.
        """
        drafts = [_Draft(one, asked, asked) for one in evidence for asked in [ask(one, self._titles, style)]]
        for number in range(1 + MAX_REPAIRS):
            if not self._ask_round([one for one in drafts if not one.is_over], is_first=number == 0):
                break
        written = self._finished(drafts, users, style)
        return written if style.is_english else self._translated(written, evidence, style.language)

    def _ask(self, conversations: Sequence[Conversation]) -> list[str | None]:
        self.calls += len(conversations)
        self.rounds += 1
        answers = cast("Any", self._model.answer(conversations))
        whole = isinstance(answers, list | tuple) and len(cast("list[Any]", answers)) == len(conversations)
        if not whole or not all(isinstance(one, str | None) for one in answers):
            what = f"It gave back no list of {len(conversations)} texts, but {answers!r:.80}."
            raise ChatError(
                what, location=self.name, hint="`answer` gives back a text, or None, for each conversation."
            )
        return list(answers)

    def _ask_round(self, drafts: Sequence[_Draft], *, is_first: bool) -> bool:
        """Ask about all that is not over; False where there is nothing to ask, or the model fails from now on."""
        if not drafts:
            return False
        try:
            answers = self._ask([one.conversation for one in drafts])
        except ChatError as error:
            if is_first:
                raise
            _log.warning(f"{self.name} is not asked again for what is wrong in {len(drafts):,} texts: {error.what}")
            return False
        if is_first and not any(answers):
            self._refuse_silence([one.conversation for one in drafts])
        for draft, answer in zip(drafts, answers, strict=True):
            draft.attempts += 1
            self._take(draft, answer)
        return True

    def _why_none(self, conversation: Conversation) -> AnswerError | None:
        """Why there is no whole answer, where the model says so."""
        failed: Mapping[Conversation, AnswerError] = getattr(self._model, "failed", {})
        return failed.get(conversation)

    def _refuse_silence(self, conversations: Sequence[Conversation]) -> None:
        """Raise ChatError where nothing was answered, and that is not the fault of the questions."""
        failed = [self._why_none(one) for one in conversations]
        if (last := failed[-1]) and all(one is not None and one.is_general for one in failed):
            what = f"The endpoint answered none of {len(failed):,} requests, the last: {last.reason}"
            raise ChatError(what, location=self.name, hint=last.hint or "Start again later, or choose another writer.")

    def _take(self, draft: _Draft, answer: str | None) -> None:
        """Check an answer: it is accepted, or what is wrong with it is asked next, unless it has been asked already."""
        if answer is None:
            draft.is_over = True
            why = self._why_none(draft.conversation)
            draft.reason = why.reason if why else "it was cut off, refused, filtered, or failed"
            draft.reason = f"there is no whole answer: {draft.reason}"
            return
        evidence = draft.evidence
        own = clean(answer)
        text = restore_titles(own, {self._titles[item] for item in (*evidence.history, evidence.item)})
        checked = self._check.check(text, evidence)
        draft.tried = (checked, *draft.tried)
        if not checked.faults:
            draft.accepted = self._check.without_faults(checked, evidence)
        lines = [one.line for one in checked.faults] or [wording()["faults"]["unread"]]
        draft.reason = lines[0]
        asked, draft.conversation = draft.conversation, ask_again(draft.question, own, lines)
        draft.is_over = draft.accepted is not None or draft.conversation == asked

    def _finished(self, drafts: Sequence[_Draft], users: Sequence[str], style: Style) -> list[Written]:
        """The texts that are accepted, what is left of others without their faults, and of the rest the fallback's."""
        taken = [draft.accepted or self._cut(draft) for draft in drafts]
        without = [at for at, one in enumerate(taken) if one is None]
        replaced: dict[int, Written] = {}
        if without:
            evidence, english = [drafts[at].evidence for at in without], replace(style, language="")
            instead = self._fallback.write([users[at] for at in without], evidence, english)
            replaced = dict(zip(without, instead, strict=True))
        return [
            self._shown(draft, one) if one is not None else self._replaced(draft, replaced[at])
            for at, (draft, one) in enumerate(zip(drafts, taken, strict=True))
        ]

    def _cut(self, draft: _Draft) -> Checked | None:
        """What is left of the latest text without its faults, else of one before it."""
        left = (self._check.without_faults(one, draft.evidence) for one in draft.tried)
        return next(filter(None, left), None)

    def _shown(self, draft: _Draft, taken: Checked) -> Written:
        sentences = "1 sentence that does" if taken.left_out == 1 else f"{taken.left_out} sentences that do"
        note = f"{sentences} not hold or cannot be read left out" if taken.left_out else ""
        return Written(taken.text, taken.claims, self.name, attempts=draft.attempts, note=note)

    def _replaced(self, draft: _Draft, instead: Written) -> Written:
        note = f"the text of {self.name} is not shown: {draft.reason}"
        return replace(instead, attempts=draft.attempts, note=note)

    def _translated(self, written: Sequence[Written], evidence: Sequence[Evidence], language: str) -> list[Written]:
        """The texts with translations; one that changes the titles, or is none, is left out."""
        try:
            answers = self._ask([ask_for_translation(one.text, language) for one in written]) if written else []
        except ChatError as error:
            _log.warning(f"{self.name} translates nothing into {language}: {first_line(error)}")
            return list(written)
        done: list[Written] = []
        for one, about, answer in zip(written, evidence, answers, strict=True):
            titles = {self._titles[item] for item in (*about.history, about.item)}
            text = restore_titles(clean(answer or ""), titles)
            if self._check.is_translation(text, one.text, about):
                done.append(replace(one, translation=text))
            else:
                note = (
                    f"the translation into {language} is left out: it is none, or its titles are not those of the text"
                )
                done.append(replace(one, note="; ".join(filter(None, (one.note, note)))))
        return done
