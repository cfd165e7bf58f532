"""From Examples to batches: encoded in a surrogate's form, with the recommender's vectors, under a token budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from recexplainer.data.dataset import Dataset
from recexplainer.errors import RecommenderError
from recexplainer.recommenders.base import Recommender, User
from recexplainer.surrogate.connector import EncoderInput
from recexplainer.surrogate.encoding import Encoded
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prompt import ENCODERS, Encoder, Form, Prompt, as_text, render, with_shots
from recexplainer.tasks.example import Example
from recexplainer.tasks.wording import load_wording


class EncodedSet(TorchDataset[Encoded]):
    """Encoded examples with `Float[users, d]` and `Float[items, d]`, None where the form or no example reads them."""

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
        return self.encoded[index] if index >= 0 else self.encoded[~index].question()

    def subset(self, rows: Sequence[int]) -> EncodedSet:
        """Some of the examples, with the same vectors."""
        return EncodedSet([self.encoded[row] for row in rows], self.user_vectors, self.item_vectors)

    def begun(self, answers: Sequence[Sequence[int]]) -> EncodedSet:
        """The questions, `[questions]`, each with the ids that its answer begins with."""
        pairs = zip(self.encoded, answers, strict=True)
        longer = [replace(one, ids=np.append(one.ids, np.array(ids, np.int32))) for one, ids in pairs]
        return EncodedSet(longer, self.user_vectors, self.item_vectors)

    def collate(self, batch: Sequence[Encoded]) -> dict[str, Any]:
        """The arguments of `Surrogate.forward`, right-padded: causal attention never sees what follows."""
        ids = pad_sequence([torch.from_numpy(one.ids.astype(np.int64)) for one in batch], batch_first=True)
        length = ids.shape[1]
        learned = [one.learned() for one in batch]
        labels = np.concatenate([one.ids[at] for one, at in zip(batch, learned, strict=True)]).astype(np.int64)
        positions = np.concatenate([row * length + at - 1 for row, at in enumerate(learned)])
        return {
            "input_ids": ids,
            "labels": torch.from_numpy(labels),
            "label_positions": torch.from_numpy(positions),
            "encoder_inputs": self.encoder_inputs(batch, np.arange(len(batch)) * length),
        }

    def left_padded(self, rows: Sequence[int], padding: int) -> tuple[dict[str, Any], Tensor]:
        """The arguments of `Surrogate.embed` for some prompts, left-padded for generation, and the mask."""
        batch = [self.encoded[row] for row in rows]
        each = [torch.from_numpy(one.ids.astype(np.int64)) for one in batch]
        ids = pad_sequence(each, batch_first=True, padding_value=padding, padding_side="left")
        mask = pad_sequence([torch.ones_like(one) for one in each], batch_first=True, padding_side="left")
        ends = (1 + np.arange(len(batch))) * ids.shape[1]
        inputs = self.encoder_inputs(batch, ends - [len(one) for one in each])
        return {"input_ids": ids, "encoder_inputs": inputs}, mask

    def encoder_inputs(self, batch: Sequence[Encoded], starts: NDArray[Any]) -> dict[str, EncoderInput]:
        """For each encoder that a batch has placeholders of: their positions and the vectors that fill them.

        `starts` is `Int[batch]`, where in the flattened batch the ids of each example begin.
        """
        if self.item_vectors is None:
            return {}
        inputs: dict[str, EncoderInput] = {}
        for encoder in ENCODERS:
            positions: list[int] = []
            taken: list[int] = []
            vectors: list[NDArray[np.float32]] = []
            for start, one in zip(starts.tolist(), batch, strict=True):
                held = [each for each in one.placeholders if each[-1].encoder == encoder]
                if held:
                    positions += [start + at for at, _, _ in held]
                    taken += [count for _, count, _ in held]
                    vectors.append(self._vectors(encoder, one.user, [each.items for _, _, each in held]))
            if positions:
                inputs[encoder] = {
                    "positions": torch.from_numpy(np.array(positions, np.int64)),
                    "taken": torch.from_numpy(np.array(taken, np.int64)),
                    "vectors": torch.from_numpy(np.concatenate(vectors)),
                }
        return inputs

    def _vectors(self, encoder: Encoder, user: int, items: Sequence[tuple[int, ...]]) -> NDArray[np.float32]:
        table: Any = self.user_vectors if encoder == "user" else self.item_vectors
        if encoder == "similarity":
            return similarities(table, items)
        return np.asarray(table[[user if encoder == "user" else one[0] for one in items]], np.float32)


def similarities(item_vectors: NDArray[Any], pairs: Sequence[tuple[int, ...]]) -> NDArray[np.float32]:
    """Of each pair of items the inner product, and how far it is above the mean: `Float[pairs, 2]`."""
    items, others = np.array(pairs).T
    products = np.einsum("nd,nd->n", item_vectors[items], item_vectors[others])
    return np.stack([products, products - products.mean()], axis=1).astype(np.float32)


def check_form(form: Form, recommender: Recommender) -> None:
    """Raise RecommenderError for a form that reads vectors, and a recommender that has none."""
    if form != "behavior" and not recommender.has_vectors:
        raise RecommenderError(
            "This recommender has no vectors, and this form reads them.",
            location=f"form {form}",
            hint="Align it in the behavior form: form='behavior', or forms: [behavior] in a recipe.",
        )


def encode_prompts(
    surrogate: Surrogate,
    dataset: Dataset,
    recommender: Recommender,
    prompts: Iterable[tuple[Prompt, str]],
    reserved_tokens: int = 0,
) -> EncodedSet:
    """Prompts, each with the id of its user, as token ids, with the vectors that they need, each user's once.

    A behavior surrogate needs none. `reserved_tokens` is as in `PromptEncoder`.
    """
    check_form(surrogate.form, recommender)
    encode, rows = surrogate.prompt_encoder(dataset.titles), dict[User, int]()
    with_vectors = surrogate.form != "behavior"
    encoded: list[Encoded] = []
    for prompt, user in prompts:
        has_user = with_vectors and prompt.history
        row = rows.setdefault(User(prompt.history, user), len(rows)) if has_user else -1
        encoded.append(encode(prompt, row, reserved_tokens))
    user_vectors = recommender.user_vectors(list(rows)) if rows else None
    return EncodedSet(encoded, user_vectors, recommender.item_vectors() if with_vectors else None)


def token_shares(tasks: Sequence[str], lengths: NDArray[Any]) -> str:
    """What share of the tokens each task takes, the largest first: `ranking 61%, chat 39%`.

    `tasks` and `lengths`, `Int[examples]`, are of the same examples.
    """
    totals = Counter[str]()
    for task, length in zip(tasks, lengths.tolist(), strict=True):
        totals[task] += length
    return ", ".join(f"{task} {tokens / totals.total():.0%}" for task, tokens in totals.most_common())


def encode_questions(
    surrogate: Surrogate,
    dataset: Dataset,
    recommender: Recommender,
    examples: Sequence[Example],
    aspect: str = "",
    shots: Sequence[Example] = (),
) -> EncodedSet:
    """Questions without their answers, in the surrogate's form and each task's first phrasing.

    A quarter of `max_length` is kept free for the answer; a longer question loses its oldest history titles. `aspect`
    is added to each question in words. `shots` are solved questions before each (ICL; behavior only).
    """
    form, titles = surrogate.form, dataset.titles
    solved = [_first_phrasing(shot, form, titles) for shot in shots]
    pairs: list[tuple[Prompt, str]] = []
    for example in examples:
        prompt = _first_phrasing(replace(example, aspect=aspect or example.aspect), form, titles)
        pairs.append((with_shots(replace(prompt, answer=()), solved), example.user))
    return encode_prompts(surrogate, dataset, recommender, pairs, reserved_tokens=surrogate.max_length // 4)


def encode_answers(
    surrogate: Surrogate, dataset: Dataset, recommender: Recommender, examples: Sequence[Example]
) -> EncodedSet:
    """Examples with their answers, phrased as by `encode_questions`, to be learned from."""
    pairs = [(_first_phrasing(example, surrogate.form, dataset.titles), example.user) for example in examples]
    return encode_prompts(surrogate, dataset, recommender, pairs)


def that_fit(surrogate: Surrogate, dataset: Dataset, examples: Sequence[Example]) -> list[Example]:
    """The examples that, phrased as by `encode_questions`, take with their answers at most `max_length` tokens."""
    fits = surrogate.prompt_encoder(dataset.titles).fits
    return [one for one in examples if fits(_first_phrasing(one, surrogate.form, dataset.titles))]


def question_text(example: Example, titles: Sequence[str]) -> str:
    """A question in its task's first phrasing as plain text, for models that read text alone."""
    return as_text(_first_phrasing(example, "behavior", titles).parts, titles)


def _first_phrasing(example: Example, form: Form, titles: Sequence[str]) -> Prompt:
    return render(example, form, load_wording()[example.task, example.subtask][0], titles)


class TokenBudget(Sampler[list[int]]):
    """Batches of examples of like length (`Int[examples]`), each within a token budget, in a new order each epoch.

    The budget includes padding. Of `world` processes that share each batch this is number `rank`. One that a small
    batch leaves without an example gets the first, as `~index`: without its answer, so that it is not learned twice.
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
