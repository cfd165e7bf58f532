"""From prompts to token ids: positions of placeholders, and where the answer begins.

The answer is found by construction: it is what follows the prompt. It knows neither the model nor the recommender.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.backbone import chat_frame, encode
from recexplainer.surrogate.prompt import Part, Placeholder, Prompt, Title

_MAX_CACHED_WORDS = 50_000


@dataclass(frozen=True, slots=True)
class Encoded:
    """One prompt as ids.

    Attributes:
        ids: `Int[length]`, the prompt, then the answer with its stop token (or the prompt alone).
        answer_start: Where the answer begins; equal to the length when there is none.
        placeholders: Positions in `ids` and the placeholder at each, in order.
        user: Row of the user's vector in the table of user vectors; -1 without one.
    """

    ids: NDArray[np.int32]
    answer_start: int
    placeholders: tuple[tuple[int, Placeholder], ...] = ()
    user: int = -1


class PromptEncoder:
    """Turns prompts into ids; each title and each piece of wording is tokenised once.

    Args:
        tokenizer: The backbone's.
        titles: The catalogue's titles, `[items]`.
        max_length: Most tokens of prompt and answer together.
    """

    def __init__(self, tokenizer: Any, titles: Sequence[str], max_length: int) -> None:
        self.tokenizer, self.titles, self.max_length = tokenizer, titles, max_length
        self.frame = chat_frame(tokenizer)
        self.title_ids = [encode(tokenizer, title) for title in titles]
        self._words: dict[str, list[int]] = {}

    def __call__(self, prompt: Prompt, user: int = -1, reserved_tokens: int = 0) -> Encoded:
        """Ids of one prompt. One that is too long loses its oldest history titles, never its answer.

        Args:
            prompt: The prompt.
            user: Row of its user vector.
            reserved_tokens: Tokens of `max_length` that are kept free, for an answer that is not there yet.

        Raises:
            SurrogateError: It does not fit, even with the oldest history left out.
        """
        ids, placeholders = list(self.frame.before), list[tuple[int, Placeholder]]()
        for part in prompt.parts:
            if isinstance(part, Placeholder):
                placeholders.append((len(ids), part))
                ids.append(self.tokenizer.pad_token_id or 0)
            else:
                ids.extend(self._text(part))
        ids.extend(self.frame.between)
        answer_start = len(ids)
        for part in prompt.answer:
            ids.extend(self._text(part))
        if prompt.answer:
            ids.append(self.frame.stop)
        if len(ids) + reserved_tokens > self.max_length:
            return self(self._without_oldest(prompt, len(ids) + reserved_tokens), user, reserved_tokens)
        return Encoded(np.array(ids, np.int32), answer_start, tuple(placeholders), user)

    def _text(self, part: str | Title) -> list[int]:
        if isinstance(part, Title):
            return self.title_ids[part.item]
        ids = self._words.get(part)
        if ids is None:
            ids = encode(self.tokenizer, part)
            if len(self._words) < _MAX_CACHED_WORDS:
                self._words[part] = ids
        return ids

    def _without_oldest(self, prompt: Prompt, length: int) -> Prompt:
        """The prompt without its oldest history title; the answer is never cut."""
        history = set(prompt.history)
        shown = [at for at, part in enumerate(prompt.parts) if isinstance(part, Title) and part.item in history]
        if len(shown) < 2:
            raise SurrogateError(
                f"A prompt and its answer take {length} tokens, but the backbone's max_length is {self.max_length}.",
                location=f"the prompt that begins: {self._beginning(prompt.parts)}",
                hint="Raise surrogate.nano.max_length or surrogate.pretrained.max_length, or shorten the titles.",
            )
        first = shown[0] - isinstance(prompt.parts[shown[0] - 1], Placeholder)
        parts = prompt.parts[:first] + prompt.parts[shown[0] + 2 :]
        return Prompt(parts, prompt.answer, prompt.history[1:])

    def _beginning(self, parts: Sequence[Part]) -> str:
        words = [self.tokenizer.decode(self._text(part)) for part in parts if not isinstance(part, Placeholder)]
        return f"{' '.join(' '.join(words).split()):.80}…"
