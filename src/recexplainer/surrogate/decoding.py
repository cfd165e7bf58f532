"""Decoding: greedy, sampled, beams, also constrained; yes or no by next-token logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle
from typing import Any
from zlib import crc32

import numpy as np
import torch
from accelerate.utils import send_to_device
from numpy.typing import NDArray
from torch import Tensor

from recexplainer.surrogate.attention import attend_for_decoding
from recexplainer.surrogate.batching import EncodedSet
from recexplainer.surrogate.beams import BeamSearch
from recexplainer.surrogate.constraints import (
    RATIONALE,
    CitingText,
    Drawing,
    Judge,
    Trie,
    TrieConstraint,
    common_start,
    may_follow,
)
from recexplainer.surrogate.frame import encode, tokens_that_begin
from recexplainer.surrogate.model import Surrogate
from recexplainer.surrogate.prefill import Prefill
from recexplainer.surrogate.prompt import CLOSING, OPENING, SEPARATOR

_BATCH_BYTES = 2**31  # of keys and values in a batch, within these limits in tokens; larger ones are faster
_FEWEST_TOKENS, _MOST_TOKENS = 2**14, 2**16
_MAX_BATCH = 256
_WORTH_DROPPING = 0.75  # of a batch still going on
_ANSWER_TOKENS = 1024  # in one batch, each with logits over the whole vocabulary
_MIN_P = 0.05
_ENDS_SENTENCES = frozenset(".!?")
_JUDGED_EVERY = 8  # tokens after which it is asked anew whether a text is still of use

_Key = tuple[int, int]  # the row of a question, and the number of a text
_Choice = Callable[[int, NDArray[np.float32], Sequence[int]], int]  # a token: of a row, by logits, after others


@dataclass(frozen=True)
class CitingTexts:
    """Texts for several questions, `[prompts][attempts]`, and the probability of "Yes", `Float[prompts]`."""

    texts: list[list[str]]
    probabilities: NDArray[np.float64]


class Decoder:
    """Generates answers with a surrogate, in evaluation mode, about a catalogue with these titles, `[items]`.

    All of its methods take questions without answers (`encode_questions`).
    """

    def __init__(self, surrogate: Surrogate, titles: Sequence[str]) -> None:
        self.surrogate, self.tokenizer, self._titles = surrogate.eval(), surrogate.tokenizer, titles
        attend_for_decoding(surrogate.backbone, surrogate.device.type == "cpu")
        encoder = surrogate.prompt_encoder(titles)
        self.stop, self.title_ids = encoder.frame.stop, encoder.title_ids
        self.stops = self.surrogate.stops
        self.separator = encode(self.tokenizer, SEPARATOR)

    @cached_property
    def catalogue(self) -> Trie:
        """All titles, each with its stop token."""
        return Trie([[*ids, self.stop] for ids in self.title_ids])

    @torch.inference_mode()
    def titles(self, prompts: EncodedSet, count: int, *, constrained: bool) -> list[list[str]]:
        """The `count` best answers by beam search of that width (paper: five), best first.

        Beams that are constrained to the catalogue are ordered by the probability of the whole title, free ones by the
        mean over their tokens, as is usual.
        """
        limit = max(len(ids) for ids in self.title_ids) + 1
        how = (0.0, TrieConstraint(self.catalogue)) if constrained else (1.0, None)
        search = BeamSearch(count, limit, self.stops, *how)
        answers: list[list[str]] = [[] for _ in range(len(prompts))]
        for rows in self.batches(prompts, count):
            for row, found in zip(rows, search(self._prefilled(prompts, rows)), strict=True):
                answers[row] = [self._text(ids) for ids in found]
        return answers

    def greedy(self, prompts: EncodedSet, limit: int) -> list[str]:
        """The greedy answer to each question, at most `limit` tokens long."""
        return [texts[0] for texts in self._greedy(prompts, limit, [_likeliest])]

    @torch.inference_mode()
    def sampled(
        self, prompts: EncodedSet, limit: int, count: int, *, temperature: float = 1.0, seed: int = 0
    ) -> list[list[str]]:
        """Several sampled answers to each question, `[prompts][count]`, of at most `limit` tokens.

        Tokens less than a twentieth as likely as the likeliest are never drawn (min-p sampling, Nguyen et al. 2024).
        """
        how: dict[str, Any] = {"temperature": temperature, "min_p": _MIN_P, "top_k": 0, "top_p": 1.0}
        answers: list[list[str]] = [[] for _ in range(len(prompts))]
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            for rows in self.batches(prompts, count):
                inputs, mask = send_to_device(
                    prompts.left_padded(rows, self.tokenizer.pad_token_id), self.surrogate.device
                )
                embeddings = self.surrogate.embed(**inputs)
                read = Prefill(self.surrogate.backbone, embeddings[:, :-1], mask[:, :-1], [])
                read.continued(count)  # the prompt is read once, for all of its answers
                output = self.surrogate.backbone.generate(
                    inputs_embeds=embeddings,
                    attention_mask=mask,
                    max_new_tokens=limit,
                    pad_token_id=self.tokenizer.pad_token_id,
                    eos_token_id=self.stops,
                    past_key_values=read.cache,
                    do_sample=True,
                    num_return_sequences=count,
                    **how,
                )
                for at, ids in enumerate(output.tolist()):
                    answers[rows[at // count]].append(self._text(ids))
        return answers

    @torch.inference_mode()
    def citing(
        self,
        prompts: EncodedSet,
        limit: int,
        citable: Sequence[Sequence[Sequence[int]]],
        attempts: Sequence[int] = (0,),
        openings: Sequence[tuple[str, tuple[str, ...]]] = (),
        judge: Judge | None = None,
        drawing: Drawing = RATIONALE,
    ) -> CitingTexts:
        """Several texts for each question that quote only the titles of their own `citable` items, none of them twice.

        A question is read once for all its texts, and all are written in one batch. Words are drawn among the likely
        ones, seeded by the question and the attempt's number. Attempt 0 cites the likeliest titles, others draw them.

        Args:
            prompts: `[prompts]`, questions without answers.
            limit: Most tokens of a text.
            citable: `[prompts][attempts][items]`.
            attempts: The numbers of the texts that each question gets.
            openings: `[prompts]`, the sentence that the texts begin with, and words that may follow it; () lets them
                begin by themselves, with Yes or No.
            judge: Who says which texts need not be finished, and when a question needs no more; None: all are.
            drawing: How words are drawn.
        """
        encoder = self.surrogate.prompt_encoder(self._titles)
        starts = [encoder.answer_starts(*opening) for opening in openings] or [list[list[int]]()] * len(prompts)
        begun = [common_start(each) for each in starts]
        verdicts = self._verdicts if drawing.verdict_first else ()
        asked, marks = prompts.begun(begun), (encode(self.tokenizer, OPENING), encode(self.tokenizer, CLOSING))
        texts: list[list[str]] = [[] for _ in begun]
        probabilities = np.empty(len(prompts))
        for rows in self.batches(asked, len(attempts)):
            written: dict[_Key, CitingText] = {}
            for row in rows:
                for number, items in zip(attempts, citable[row], strict=True):
                    titles = [self.title_ids[item] for item in items]
                    random = np.random.default_rng(crc32(prompts.encoded[row].ids.tobytes(), number))
                    own: dict[str, Any] = {"starts": starts[row], "begun": begun[row], "verdicts": verdicts}
                    drawn = replace(drawing, titles=drawing.titles and number > 0)
                    written[row, number] = CitingText(titles, *marks, random, drawing=drawn, **own)
            ends = [1 + len(begun[row]) for row in rows]
            first = self._write(asked, rows, ends, written, limit, judge, branches=drawing.branches)
            probabilities[rows] = self._yes(torch.from_numpy(first))
            for (row, _), text in written.items():
                texts[row].append(self._text(text.ids))
        return CitingTexts(texts, probabilities)

    def _write(
        self,
        prompts: EncodedSet,
        rows: Sequence[int],
        back: Sequence[int],
        texts: dict[_Key, CitingText],
        limit: int,
        judge: Judge | None,
        *,
        branches: bool,
    ) -> NDArray[np.float32]:
        """Write the texts of some prompts, as many of each, to their ends; the keys are the row and a number.

        With branches, a text that is given up or has ended becomes a branch of another of its question. Returns the
        logits, `Float[rows, vocabulary]`, at so many tokens back from the end of each prompt.
        """
        inputs, mask = send_to_device(prompts.left_padded(rows, self.tokenizer.pad_token_id), self.surrogate.device)
        ends = np.arange(1, len(rows) + 1) * mask.shape[1]
        at_ends = [*(ends - 1).tolist(), *(ends - np.array(back)).tolist()]
        read = Prefill(self.surrogate.backbone, self.surrogate.embed(**inputs), mask, at_ends)
        count = len(texts) // len(rows)
        read.continued(count)
        logits, open_texts = np.repeat(read.logits[: len(rows)], count, 0), texts
        while open_texts:
            for text, scores in zip(open_texts.values(), logits, strict=True):
                text.add(text.choose(scores))
            going = self._going(open_texts, limit, judge, at_sentences=branches)
            origins = _origins(open_texts, going) if branches else {key: key for key in going}
            if origins and list(origins.values()) != list(open_texts):
                places = {key: at for at, key in enumerate(open_texts)}
                read.keep([places[origin] for origin in origins.values()])
            going = {key: going[key] if key in going else going[origin].branch() for key, origin in origins.items()}
            texts.update(going)
            open_texts = going
            logits = read.step([text.ids[-1] for text in going.values()]) if going else logits
        return read.logits[len(rows) :]

    def _going(
        self, texts: dict[_Key, CitingText], limit: int, judge: Judge | None, *, at_sentences: bool
    ) -> dict[_Key, CitingText]:
        """The texts that go on: those that have not ended, and that nobody has no more use for."""
        ended = {key for key, text in texts.items() if text.ids[-1] in self.stops or len(text.ids) >= limit}
        settled: set[int] = set()
        for row, number in sorted(ended):
            text = self._text(texts[row, number].ids)
            if judge and row not in settled and judge.settles(row, number, text):
                settled.add(row)
        return {
            key: text
            for key, text in texts.items()
            if key not in ended
            and key[0] not in settled
            and (judge is None or not self._is_due(text, at_sentences) or judge.may_go_on(key[0], self._text(text.ids)))
        }

    def _is_due(self, text: CitingText, at_sentences: bool) -> bool:
        """Whether it is time to ask if a text is still of use."""
        return len(text.ids) % _JUDGED_EVERY == 0 or (at_sentences and text.ids[-1] in self._sentence_ends)

    @cached_property
    def _sentence_ends(self) -> frozenset[int]:
        """The tokens with which a sentence may end."""
        texts = self.tokenizer.batch_decode([[token] for token in range(len(self.tokenizer))])
        return frozenset(token for token, text in enumerate(texts) if not _ENDS_SENTENCES.isdisjoint(text))

    def orders(self, prompts: EncodedSet, candidates: Sequence[Sequence[int]]) -> list[str]:
        """Greedy lists of the titles of `candidates`, `[prompts][items]`, each exactly once."""
        return [texts[0] for texts in self._greedy(prompts, self._longest(candidates), [self._held_to(candidates)])]

    def lists(
        self, prompts: EncodedSet, candidates: Sequence[Sequence[int]], limit: int
    ) -> tuple[list[str], list[str]]:
        """The answers of `greedy` and those of `orders`, for which each prompt is read once."""
        limit = max(limit, self._longest(candidates))
        both = self._greedy(prompts, limit, [_likeliest, self._held_to(candidates)])
        return [texts[0] for texts in both], [texts[1] for texts in both]

    def _longest(self, candidates: Sequence[Sequence[int]]) -> int:
        """The most tokens that a list of candidates takes."""
        return 1 + max(sum(len(self.title_ids[item]) + len(self.separator) for item in row) for row in candidates)

    def _held_to(self, candidates: Sequence[Sequence[int]]) -> _Choice:
        titles = [[self.title_ids[item] for item in row] for row in candidates]

        def choose(row: int, logits: NDArray[np.float32], begun: Sequence[int]) -> int:
            return max(sorted(may_follow(begun, titles[row], self.separator, self.stop)), key=logits.__getitem__)

        return choose

    @torch.inference_mode()
    def _greedy(self, prompts: EncodedSet, limit: int, choices: Sequence[_Choice]) -> list[list[str]]:
        """An answer by each way to choose the next token, `[prompts][ways]`.

        What has ended is dropped when it is a quarter of a batch: each time all keys and values are copied.
        """
        answers: dict[_Key, list[int]] = {(row, way): [] for row in range(len(prompts)) for way in range(len(choices))}
        for rows in self.batches(prompts, len(choices)) if limit else ():
            read = self._prefilled(prompts, rows)
            read.continued(len(choices))
            logits = read.logits.repeat(len(choices), 0)
            written = [(row, way) for row in rows for way in range(len(choices))]
            while True:
                for key, scores in zip(written, logits, strict=True):
                    if not self._has_ended(answers[key], limit):
                        answers[key].append(choices[key[1]](key[0], scores, answers[key]))
                going = [at for at, key in enumerate(written) if not self._has_ended(answers[key], limit)]
                if not going:
                    break
                if len(going) <= _WORTH_DROPPING * len(written):
                    read.keep(going)
                    written = [written[at] for at in going]
                logits = read.step([answers[key][-1] for key in written])
        return [[self._text(answers[row, way]) for way in range(len(choices))] for row in range(len(prompts))]

    def _prefilled(self, prompts: EncodedSet, rows: Sequence[int]) -> Prefill:
        """Some prompts, read; the logits are those after each of them."""
        inputs, mask = send_to_device(prompts.left_padded(rows, self.tokenizer.pad_token_id), self.surrogate.device)
        ends = np.arange(1, len(rows) + 1) * mask.shape[1] - 1
        return Prefill(self.surrogate.backbone, self.surrogate.embed(**inputs), mask, ends.tolist())

    def _has_ended(self, answer: Sequence[int], limit: int) -> bool:
        return len(answer) >= limit or (bool(answer) and answer[-1] in self.stops)

    @torch.inference_mode()
    def yes_probabilities(self, prompts: EncodedSet) -> NDArray[np.float64]:
        """The probability of "Yes", against "No", as the first word, `Float[prompts]`, by next-token logits (task 3).

        A token may hold more than the word ("Yes, it suits"), or less: all tokens that begin it are added up.
        """
        probabilities = np.empty(len(prompts))
        for rows in self.batches(prompts, 1):
            probabilities[rows] = self._yes(torch.from_numpy(self._prefilled(prompts, rows).logits))
        return probabilities

    def _yes(self, logits: Tensor) -> NDArray[np.float64]:
        """The probability of "Yes" against "No" by logits of the first token, `Float[rows, vocabulary]`."""
        yes, no = map(torch.tensor, self._verdicts)
        logits = logits.double()
        return torch.sigmoid(logits[:, yes].logsumexp(-1) - logits[:, no].logsumexp(-1)).numpy()

    @cached_property
    def _verdicts(self) -> tuple[list[int], list[int]]:
        """The tokens with which "Yes" and "No" may begin."""
        texts = self.tokenizer.batch_decode([[token] for token in range(len(self.tokenizer))])
        return tokens_that_begin("Yes", texts), tokens_that_begin("No", texts)

    @torch.inference_mode()
    def choose(self, prompts: EncodedSet, candidates: Sequence[Sequence[int]]) -> list[NDArray[np.float64]]:
        """The probability of each candidate's title as the answer among its question's candidates, `[prompts][items]`.

        Each `Float[items]` sums to 1.
        """
        chosen = [np.empty(0)] * len(prompts)
        most = max(map(len, candidates), default=1)
        longest = most * (1 + max(map(len, self.title_ids)))  # tokens of the answers to a question
        for rows in self.batches(prompts, most, max(1, _ANSWER_TOKENS // longest)):
            answers = [[[*self.title_ids[item], self.stop] for item in candidates[row]] for row in rows]
            read = self._prefilled(prompts, rows)
            owners = np.repeat(np.arange(len(rows)), [len(each) for each in answers])
            read.keep(owners.tolist())
            every = [answer for each in answers for answer in each]
            first = torch.from_numpy(read.logits).double().log_softmax(-1).numpy()
            scores = first[owners, [answer[0] for answer in every]] + read.log_likelihoods(every)
            for at, row in enumerate(rows):
                own = scores[owners == at]
                likely = np.exp(own - own.max())
                chosen[row] = likely / likely.sum()
        return chosen

    def batches(self, prompts: EncodedSet, each: int, most: int = _MAX_BATCH) -> Iterator[list[int]]:
        """Rows of like length, longest first, at most so many, under a budget of tokens over all answers to each."""
        order = np.argsort(-prompts.lengths, kind="stable")
        start = 0
        while start < len(order):
            size = min(max(1, self.batch_tokens // int(prompts.lengths[order[start]] * each)), most)
            yield order[start : start + size].tolist()
            start += size

    @cached_property
    def batch_tokens(self) -> int:
        """Tokens of a batch, by the keys and values that the backbone keeps of each, if it says how many these are."""
        config = self.surrogate.backbone.config.get_text_config()
        layers, width = (getattr(config, name, None) or 1 for name in ("num_hidden_layers", "hidden_size"))
        heads = getattr(config, "num_attention_heads", None) or 1
        shared = heads / (getattr(config, "num_key_value_heads", None) or heads)
        taken = 2 * layers * width / shared * self.surrogate.embeddings.weight.element_size()
        return int(min(max(_BATCH_BYTES / taken, _FEWEST_TOKENS), _MOST_TOKENS))

    def _text(self, ids: list[int]) -> str:
        """What an answer says up to where it ends: blanks before punctuation are a title's own."""
        whole = ids[: next((place for place, token in enumerate(ids) if token in self.stops), len(ids))]
        return self.tokenizer.decode(whole, skip_special_tokens=True, clean_up_tokenization_spaces=False).strip()


def _origins(before: Mapping[_Key, CitingText], going: Mapping[_Key, CitingText]) -> dict[_Key, _Key]:
    """Of which text each goes on: those that do not go on by themselves take turns with those of their question."""
    rows: dict[int, list[_Key]] = {}
    for key in going:
        rows.setdefault(key[0], []).append(key)
    turns = {row: cycle(keys) for row, keys in rows.items()}
    return {key: key if key in going else next(turns[key[0]]) for key in before if key[0] in turns}


def _likeliest(row: int, logits: NDArray[np.float32], begun: Sequence[int]) -> int:
    return int(logits.argmax())
