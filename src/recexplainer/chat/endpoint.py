"""Any OpenAI-compatible endpoint as a chat model, through the official client; its answers are kept on disk.

It does not know what is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from recexplainer.chat.address import open_connection
from recexplainer.chat.model import Conversation
from recexplainer.chat.responses import Answer, AnswerError, Outcome, log_summary
from recexplainer.chat.sending import Dialect, Sender
from recexplainer.chat.settings import EndpointSettings
from recexplainer.chat.spend import Spend, count_tokens, least_tokens
from recexplainer.chat.thinking import without_thinking
from recexplainer.errors import ChatError
from recexplainer.progress import track
from recexplainer.storage import hash_value, system_errors, write_json

_log = logging.getLogger(__name__)
_SMALLEST_CONTEXT = 500  # tokens; where a server counts fewer, the rest came from its cache


class _Entry(BaseModel):
    """A file of the cache: the request is kept beside its answer, so that a person can read it."""

    request: dict[str, Any]
    answer: Answer
    sent: dict[str, Any] | None = None  # where the endpoint refused the request as it was, and took it so


class Endpoint:
    """An endpoint with OpenAI's interface for chat completions; `name` is the model's.

    Address and key are read from the environment when the first request is sent, and kept nowhere. Answers are kept in
    `cache_folder`, a JSON file each; one folder may serve many models. Why conversations have no whole answer is in
    `failed` after each call of `answer`.
    """

    def __init__(self, settings: EndpointSettings, cache_folder: Path) -> None:
        self.settings, self.name = settings, settings.model
        self.failed: dict[Conversation, AnswerError] = {}
        self._folder = cache_folder
        self._dialect = Dialect()

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """Its answers, `[conversations]`; the expected spend is logged before the first request.

        None is where there is no whole answer: it was cut off, refused or filtered, or all tries failed. That is said,
        counted in one line at the end, and not kept, so that the next call asks again. What a reasoning model thinks is
        no part of its answer. Parameters that the endpoint refuses are left out from then on, which is said.
        Equal conversations are asked once, answered ones not at all. Each answer is on disk when it comes. Others that
        ask with the same cache wait meanwhile, so that no more requests are open than the settings allow.

        Raises:
            ChatError: The environment names no endpoint, the endpoint refuses the request or the key or answers none of
                20 in a row, or an answer on disk is damaged.
            RunError: The operating system refuses to write.
        """
        from filelock import FileLock

        with system_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self._folder / ".lock"):
                answers = self._cached(conversations)
                _log.info(str(self._spend(answers, len(conversations))))
                asked = [one for one, answer in answers.items() if answer is None]
                answers |= self._ask(asked, answered=len(asked) < len(answers))
        self._warn_of_cut_prompts(answers)
        return [None if (answer := answers[one]) is None else answer.text for one in conversations]

    def estimate(self, conversations: Sequence[Conversation]) -> Spend:
        """What `answer` would take now. Raises ChatError where the tokenizer or an answer on disk cannot be read."""
        return self._spend(self._cached(conversations), len(conversations))

    def _spend(self, cached: Mapping[Conversation, Answer | None], conversations: int) -> Spend:
        remaining = [one for one, answer in cached.items() if answer is None]
        lengths = [answer.tokens_out for answer in cached.values() if answer and answer.tokens_out is not None]
        expected = sum(lengths) / len(lengths) if lengths else self.settings.expected_tokens
        tokens_out = round(min(expected, self.settings.max_tokens) * len(remaining))
        tokens_in = count_tokens(remaining, self.settings.tokenizer)
        return Spend(self.settings, conversations, len(remaining), tokens_in, tokens_out)

    def _request(self, conversation: Conversation) -> dict[str, Any]:
        """All that decides the answer, which is kept under its hash: what is sent unless the endpoint refuses it."""
        return Dialect().request(self.settings, conversation)

    def _cached(self, conversations: Sequence[Conversation]) -> dict[Conversation, Answer | None]:
        """For each different conversation the answer on disk; None where there is none yet."""
        return {one: self._read(self._request(one)) for one in dict.fromkeys(conversations)}

    def _read(self, request: dict[str, Any]) -> Answer | None:
        path = self._path(request)
        with system_errors(path):
            if not path.exists():
                return None
            content = path.read_bytes()
        with suppress(ValidationError):
            entry = _Entry.model_validate_json(content)
            if entry.request == request:
                text = without_thinking(entry.answer.text)
                return entry.answer.model_copy(update={"text": text}) if text else None
        what = "A cached answer cannot be read, or is the answer to another request."
        raise ChatError(what, location=str(path), hint="Delete this file; only that request is then sent again.")

    def _path(self, request: dict[str, Any]) -> Path:
        key = hash_value(request)
        return self._folder / key[:2] / f"{key}.json"

    def _ask(self, asked: Sequence[Conversation], *, answered: bool) -> dict[Conversation, Answer | None]:
        """Send some requests at a time; after a refusal or an interrupt, answers that are under way are still kept."""
        self.failed = {}
        if not asked:
            return {}
        ended: dict[Conversation, Answer | AnswerError] = {}
        connection = open_connection(self.settings)
        with connection.client, ThreadPoolExecutor(self.settings.concurrency) as pool:
            sender = Sender(self.settings, connection, self._dialect, len(asked), answered=answered)

            def answer(conversation: Conversation) -> Answer | AnswerError:
                found = sender.send(conversation)
                return found if isinstance(found, AnswerError) else self._keep(conversation, *found)

            futures: dict[Future[Answer | AnswerError], Conversation] = {}
            try:
                for one in asked:
                    if not sender.is_known:
                        sender.is_free.wait()
                        sender.is_free.clear()
                    futures[pool.submit(answer, one)] = one
                for done in track(as_completed(futures), f"{self.name} answers", total=len(futures)):
                    ended[futures[done]] = done.result()
            except BaseException:
                sender.stop.set()
                raise
            self._dialect = sender.dialect
        self.failed = {one: failed for one, failed in ended.items() if isinstance(failed, AnswerError)}
        log_summary(self.name, [getattr(one, "outcome", Outcome.ANSWERED) for one in ended.values()])
        return {one: answer if isinstance(answer, Answer) else None for one, answer in ended.items()}

    def _keep(self, conversation: Conversation, answer: Answer, sent: dict[str, Any]) -> Answer:
        """Write an answer to disk, also under the request as it was sent, should the settings become so."""
        configured = self._request(conversation)
        for request in (sent, configured) if sent != configured else (sent,):
            entry = _Entry(request=request, answer=answer, sent=None if request == sent else sent)
            write_json(self._path(request), entry.model_dump(exclude_none=True))
        return answer

    def _warn_of_cut_prompts(self, answers: Mapping[Conversation, Answer | None]) -> None:
        """Say where the server read fewer tokens than the conversation has at the least."""
        tokenizer = self.settings.tokenizer
        cut = [
            (answer.tokens_in, one)
            for one, answer in answers.items()
            if answer and _SMALLEST_CONTEXT <= (answer.tokens_in or 0) < least_tokens(one, tokenizer)
        ]
        if cut:
            longest, read = max((count_tokens([one], tokenizer), read or 0) for read, one in cut)
            _log.warning(
                f"{self.name} read {read:,} of about {longest:,} tokens of a request, the longest of {len(cut):,} of "
                f"{len(answers):,} that the server cut, unless it counts none that it has cached. Raise its context "
                "(num_ctx of Ollama, --ctx-size of llama.cpp, the context length of LM Studio), delete "
                f"{self._folder}, and ask again."
            )
