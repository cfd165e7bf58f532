"""From prompts to token ids: positions of placeholders, and where the answer begins, which follows the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.frame import ChatFrame, chat_frame, encode
from recexplainer.surrogate.prompt import Given, Part, Placeholder, Prompt, Title, split_at_quotes

_MAX_CACHED_WORDS = 50_000


@dataclass(frozen=True, slots=True)
class Encoded:
    """One prompt as ids."""

    ids: NDArray[np.int32]
    """`Int[length]`, the prompt, then the answer with its stop token (or the prompt alone)."""
    answer_start: int
    """Where the answer begins; equal to the length when there is none."""
    placeholders: tuple[tuple[int, int, Placeholder], ...] = ()
    """Each placeholder in order: where in `ids` it begins, and how many positions it takes."""
    user: int = -1
    """Row of the user's vector in the table of user vectors; -1 without one."""
    given: frozenset[int] = frozenset()
    """Where in `ids` the answer is given, not learned."""

    def learned(self) -> NDArray[np.int64]:
        """Where in `ids` the answer is learned."""
        answer = np.arange(self.answer_start, len(self.ids))
        return answer[[at not in self.given for at in answer.tolist()]] if self.given else answer

    def question(self) -> Encoded:
        """Without its answer."""
        asked = tuple(each for each in self.placeholders if each[0] < self.answer_start)
        return replace(self, ids=self.ids[: self.answer_start], placeholders=asked, given=frozenset())


class PromptEncoder:
    """Turns prompts about a catalogue into ids; each title and each piece of wording is tokenised once.

    A placeholder takes one position. That of a title takes as many as the title has tokens, at most `title_positions`;
    if these are none, it is left out.
    """

    def __init__(
        self,
        tokenizer: Any,
        titles: Sequence[str],
        max_length: int,
        frame: ChatFrame | None = None,
        title_positions: int = 0,
    ) -> None:
        self._title_positions = title_positions
        self.tokenizer, self.titles, self.max_length = tokenizer, titles, max_length
        self.frame = frame or chat_frame(tokenizer)
        self.title_ids = [encode(tokenizer, title, literal=True) for title in titles]
        self._words = lru_cache(_MAX_CACHED_WORDS)(partial(encode, tokenizer, literal=True))
        self._endings = lru_cache(_MAX_CACHED_WORDS)(self._find_endings)

    def __call__(self, prompt: Prompt, user: int = -1, reserved_tokens: int = 0) -> Encoded:
        """Ids of one prompt, whose user vector is this row. One that is too long loses its oldest history titles.

        `reserved_tokens` of `max_length` are kept free, for an answer that is to be generated. Raises SurrogateError if
        a prompt is too long even with one history title.
        """
        encoded = self._whole(prompt, user)
        length = len(encoded.ids) + reserved_tokens
        if length > self.max_length:
            return self(self._without_oldest(prompt, length), user, reserved_tokens)
        return encoded

    def fits(self, prompt: Prompt) -> bool:
        """Whether a prompt and its answer, as they are, take no more than `max_length` tokens."""
        return len(self._whole(prompt, -1).ids) <= self.max_length

    def _whole(self, prompt: Prompt, user: int) -> Encoded:
        ids, placeholders, given = list(self.frame.before), list[tuple[int, int, Placeholder]](), set[int]()

        def add(part: Part) -> None:
            if not isinstance(part, Placeholder):
                ids.extend(self._text(part))
            elif taken := self._taken(part):
                placeholders.append((len(ids), taken, part))
                ids.extend([self.tokenizer.pad_token_id or 0] * taken)

        for part in prompt.parts:
            add(part)
        ids.extend(self.frame.between)
        answer_start = len(ids)
        for part in prompt.answer:
            start = len(ids)
            add(part.part if isinstance(part, Given) else part)
            given.update(range(start, len(ids)) if isinstance(part, Given) else ())
        if prompt.answer:
            ids.append(self.frame.stop)
        return Encoded(np.array(ids, np.int32), answer_start, tuple(placeholders), user, frozenset(given))

    def answer_starts(self, text: str, followers: tuple[str, ...]) -> list[list[int]]:
        """The sequences of ids, as in training, that an answer with these first words and then a follower may begin.

        A token may span the end of the words, so how these end in tokens depends on what follows.
        """
        *pieces, last = split_at_quotes(text)
        ids = [token for piece in pieces for token in self._words(piece)]
        return [[*ids, *ending] for ending in self._endings(last, followers)]

    def _find_endings(self, words: str, followers: tuple[str, ...]) -> list[tuple[int, ...]]:
        """The tokens of words up to the one with their end, before each follower."""
        found: dict[tuple[int, ...], None] = {}
        for follower in followers:
            ids = self._words(f"{words} {follower}")
            counts = range(1, len(ids))
            ends = (count for count in counts if len(self.tokenizer.decode(ids[:count])) >= len(words))
            found[tuple(ids[: next(ends, len(ids))])] = None
        return list(found)

    def _text(self, part: str | Title) -> list[int]:
        if isinstance(part, Title):
            return self.title_ids[part.item]
        return self._words(part)

    def _taken(self, placeholder: Placeholder) -> int:
        if placeholder.encoder != "title":
            return 1
        return min(self._title_positions, len(self.title_ids[placeholder.items[0]]))

    def _without_oldest(self, prompt: Prompt, length: int) -> Prompt:
        """The prompt without its oldest history title; the answer is never cut."""
        history = set(prompt.history)
        shown = [at for at, part in enumerate(prompt.parts) if isinstance(part, Title) and part.item in history]
        if len(shown) < 2:
            texts = [self.titles[part.item] if isinstance(part, Title) else part for part in prompt.parts]
            words = " ".join(" ".join(text for text in texts if isinstance(text, str)).split())
            raise SurrogateError(
                f"A prompt and its answer take {length} tokens, but the backbone's max_length is {self.max_length}.",
                location=f"the prompt that begins: {words:.80}…",
                hint="Raise surrogate.nano.max_length or surrogate.pretrained.max_length, or shorten the titles.",
            )
        first = shown[0] - isinstance(prompt.parts[shown[0] - 1], Placeholder)
        parts = prompt.parts[:first] + prompt.parts[shown[0] + 2 :]
        return Prompt(parts, prompt.answer, prompt.history[1:])
