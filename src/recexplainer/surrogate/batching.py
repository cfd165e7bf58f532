"""From prompts to batches: token ids, places and labels, grouped by length under a token budget.

Labels are found by construction: what follows the prompt is the answer. It knows neither the language model nor f.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from recexplainer.errors import SurrogateError
from recexplainer.surrogate.backbone import chat_frame, encode
from recexplainer.surrogate.prompt import ItemPlace, MatchPlace, Part, Prompt, Title, UserPlace

Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One prompt as ids.

    Attributes:
        ids: `Int[length]`, the prompt, then the answer with its stop token (or the prompt alone).
        answer_start: Where the answer begins; equal to the length when there is none.
        item_places: Positions of item vectors in `ids`; `items` are the items, in the same order.
        match_places: Positions of matches of two items in `ids`; `matches` are the two items, in the same order.
        user_places: Positions of the user vector in `ids`.
        user: Row of the user's vector in the table of user vectors.
    """

    ids: Ids
    answer_start: int
    item_places: tuple[int, ...]
    items: tuple[int, ...]
    match_places: tuple[int, ...]
    matches: tuple[tuple[int, int], ...]
    user_places: tuple[int, ...]
    user: int


class PromptEncoder:
    """Turns prompts into ids; each title and each piece of wording is tokenised once.

    Args:
        tokenizer: The backbone's.
        titles: The catalogue's titles, `[items]`.
        context: Most tokens of prompt and answer together.
        room: Tokens of the context that are kept free, for an answer that is not there yet.
    """

    def __init__(self, tokenizer: Any, titles: Sequence[str], context: int, room: int = 0) -> None:
        self.tokenizer, self.context, self.room = tokenizer, context, room
        self.frame = chat_frame(tokenizer)
        self.title_ids = [encode(tokenizer, title) for title in titles]
        self._words: dict[str, list[int]] = {}
        self._placeholder = tokenizer.pad_token_id or 0

    def __call__(self, prompt: Prompt, user: int = -1) -> Encoded:
        """Ids of one prompt; `user` is the row of its user vector.

        Raises:
            SurrogateError: It does not fit the context, even with the oldest history left out.
        """
        ids, item_places, items, user_places = list(self.frame.before), list[int](), list[int](), list[int]()
        match_places, matches = list[int](), list[tuple[int, int]]()
        for part in prompt.parts:
            match part:
                case ItemPlace(item):
                    item_places.append(len(ids))
                    items.append(item)
                    ids.append(self._placeholder)
                case MatchPlace(item, other):
                    match_places.append(len(ids))
                    matches.append((item, other))
                    ids.append(self._placeholder)
                case UserPlace():
                    user_places.append(len(ids))
                    ids.append(self._placeholder)
                case _:
                    ids.extend(self._text(part))
        ids.extend(self.frame.between)
        answer_start = len(ids)
        for part in prompt.answer:
            ids.extend(self._text(part))
        if prompt.answer:
            ids.append(self.frame.stop)
        if len(ids) + self.room > self.context:
            return self(self._without_oldest(prompt, len(ids) + self.room), user)
        return Encoded(
            ids=np.array(ids, np.int32),
            answer_start=answer_start,
            item_places=tuple(item_places),
            items=tuple(items),
            match_places=tuple(match_places),
            matches=tuple(matches),
            user_places=tuple(user_places),
            user=user,
        )

    def _text(self, part: Part) -> list[int]:
        if isinstance(part, Title):
            return self.title_ids[part.item]
        words = str(part)
        ids = self._words.get(words)
        if ids is None:
            ids = encode(self.tokenizer, words)
            if len(self._words) < 50_000:
                self._words[words] = ids
        return ids

    def _without_oldest(self, prompt: Prompt, length: int) -> Prompt:
        """The prompt without its oldest history title; the answer is never cut."""
        history = set(prompt.history)
        shown = [at for at, part in enumerate(prompt.parts) if isinstance(part, Title) and part.item in history]
        if len(shown) < 2:
            raise SurrogateError(
                f"A prompt and its answer take {length} tokens, but the backbone's context is {self.context}.",
                location=f"the prompt that begins: {self._beginning(prompt)}",
                hint="Raise surrogate.nano.max_length or surrogate.pretrained.max_length, or shorten the titles.",
            )
        first = shown[0] - isinstance(prompt.parts[shown[0] - 1], MatchPlace)
        parts = prompt.parts[:first] + prompt.parts[shown[0] + 2 :]
        return Prompt(parts, prompt.answer, prompt.history[1:])

    def _beginning(self, prompt: Prompt) -> str:
        words = [self.tokenizer.decode(self._text(part)) for part in prompt.parts if isinstance(part, str | Title)]
        return f"{' '.join(' '.join(words).split()):.80}…"


class EncodedSet(Dataset[Encoded]):
    """Encoded examples with the vectors of their users and of all items.

    Args:
        encoded: The examples.
        user_vectors: `Float[users, d]`, or None where no form needs them.
        item_vectors: `Float[items, d]`, or None.
    """

    def __init__(
        self, encoded: Sequence[Encoded], user_vectors: NDArray[Any] | None, item_vectors: NDArray[Any] | None
    ) -> None:
        self.encoded = encoded
        self.user_vectors, self.item_vectors = user_vectors, item_vectors
        self.lengths = np.array([len(one.ids) for one in encoded])

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> Encoded:
        """An example; `~index` is the same one without its answer."""
        if index >= 0:
            return self.encoded[index]
        one = self.encoded[~index]
        return replace(one, ids=one.ids[: one.answer_start])

    def subset(self, rows: Sequence[int]) -> EncodedSet:
        """Some of the examples, with the same vectors."""
        return EncodedSet([self.encoded[row] for row in rows], self.user_vectors, self.item_vectors)

    def collate(self, batch: Sequence[Encoded]) -> dict[str, Tensor]:
        """One right-padded batch; with causal attention padding after the end is never seen."""
        length = max(len(one.ids) for one in batch)
        ids = np.zeros((len(batch), length), np.int64)
        for row, one in zip(ids, batch, strict=True):
            row[: len(one.ids)] = one.ids
        labels, label_places = _labels(batch, length)
        tensors = {"input_ids": torch.from_numpy(ids), "labels": labels, "label_places": label_places}
        return tensors | self.vectors_of(batch, np.arange(len(batch)) * length)

    def vectors_of(self, batch: Sequence[Encoded], starts: NDArray[Any]) -> dict[str, Tensor]:
        """Places (in the flattened batch, where each row's ids begin at `starts`) and the vectors for them."""
        tensors: dict[str, Tensor] = {}
        places = [start + at for start, one in zip(starts, batch, strict=True) for at in one.user_places]
        self._add("user", places, [one.user for one in batch for _ in one.user_places], self.user_vectors, tensors)
        places = [start + at for start, one in zip(starts, batch, strict=True) for at in one.item_places]
        self._add("item", places, [item for one in batch for item in one.items], self.item_vectors, tensors)
        places = [start + at for start, one in zip(starts, batch, strict=True) for at in one.match_places]
        if places and self.item_vectors is not None:
            matches = np.concatenate([matched(self.item_vectors, one.matches) for one in batch if one.matches])
            tensors |= {"match_places": torch.tensor(places), "match_vectors": torch.from_numpy(matches)}
        return tensors

    @staticmethod
    def _add(
        kind: str, places: list[int], rows: list[int], table: NDArray[Any] | None, tensors: dict[str, Tensor]
    ) -> None:
        if places and table is not None:
            tensors[f"{kind}_places"] = torch.from_numpy(np.array(places, np.int64))
            tensors[f"{kind}_vectors"] = torch.from_numpy(np.asarray(table[rows], np.float32))

    def left_padded(self, rows: Sequence[int], padding: int) -> dict[str, Tensor]:
        """One left-padded batch of prompts, as generation needs them, with its attention mask."""
        batch = [self.encoded[row] for row in rows]
        length = max(len(one.ids) for one in batch)
        ids = np.full((len(batch), length), padding, np.int64)
        mask = np.zeros((len(batch), length), np.int64)
        for at, one in enumerate(batch):
            ids[at, length - len(one.ids) :], mask[at, length - len(one.ids) :] = one.ids, 1
        starts = np.array([at * length + length - len(one.ids) for at, one in enumerate(batch)])
        tensors = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        return tensors | self.vectors_of(batch, starts)


def matched(item_vectors: NDArray[Any], pairs: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """How pairs of items match: `Float[pairs, 2]`, their inner product, and how far it is above the mean of these."""
    items, others = np.array(pairs).T
    products = np.einsum("nd,nd->n", item_vectors[items], item_vectors[others])
    return np.stack([products, products - products.mean()], axis=1).astype(np.float32)


def _labels(batch: Sequence[Encoded], length: int) -> tuple[Tensor, Tensor]:
    """The answers' ids, and for each the place (in the flattened batch) whose state predicts it."""
    labels = np.concatenate([one.ids[one.answer_start :] for one in batch]).astype(np.int64)
    places = [row * length + np.arange(one.answer_start - 1, len(one.ids) - 1) for row, one in enumerate(batch)]
    return torch.from_numpy(labels), torch.from_numpy(np.concatenate(places))


class TokenBudget(Sampler[list[int]]):
    """Batches of examples of like length, each within a token budget, in a new order each epoch.

    Args:
        lengths: `Int[examples]`.
        budget: Most tokens of a batch, padding included.
        seed: Seed of the order.
        rank: Of several processes that share each batch, which one this is.
        world: How many there are. One that a small batch leaves without an example gets the first, as `~index`: without
            its answer, so that nothing is learned from it twice.
    """

    def __init__(self, lengths: NDArray[Any], budget: int, seed: int, rank: int = 0, world: int = 1) -> None:
        self.lengths, self.budget, self.seed, self.epoch = lengths, budget, seed, 0
        self._rank, self._world = rank, world
        self._count = len(self._batches())

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[int]]:
        batches = self._batches()
        for at in np.random.default_rng((self.seed, self.epoch, 1)).permutation(len(batches)):
            yield batches[at][self._rank :: self._world] or [~batches[at][0]]

    def _batches(self) -> list[list[int]]:
        """Shuffle, then sort by length (stable), and cut where the budget is full; the same number every epoch."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.lengths))
        order = order[np.argsort(self.lengths[order], kind="stable")]
        batches: list[list[int]] = []
        start = 0
        for end, length in enumerate(self.lengths[order]):
            if end > start and (end + 1 - start) * length > self.budget:
                batches.append(order[start:end].tolist())
                start = end
        return [*batches, order[start:].tolist()] if len(order) else []


def to_device(batch: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """The same batch on a device."""
    return {name: tensor.to(device) for name, tensor in batch.items()}
