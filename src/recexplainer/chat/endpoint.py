"""Any OpenAI-compatible endpoint as a chat model: asked once for each answer, which is then on disk.

It knows what is asked of whom, and what that takes; how a request is sent is in `sending.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from recexplainer.chat.cache import Answer, AnswerCache
from recexplainer.chat.model import Conversation
from recexplainer.chat.sending import Request, Sender, open_client
from recexplainer.chat.settings import EndpointSettings
from recexplainer.chat.spend import Spend, count_tokens
from recexplainer.progress import track

_log = logging.getLogger(__name__)


class Endpoint:
    """An endpoint that speaks the OpenAI protocol of chat completions.

    Address and key are read from the environment when the first request is sent, and kept nowhere.

    Args:
        settings: Which model, how, and at what price.
        cache_folder: Where answers are kept; one folder may serve many models.
    """

    def __init__(self, settings: EndpointSettings, cache_folder: Path) -> None:
        self.settings = settings
        self._cache = AnswerCache(cache_folder)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.settings.model

    def answer(self, conversations: Sequence[Conversation]) -> list[str | None]:
        """What it says to each, `[conversations]`; what that takes is said before the first request.

        Equal conversations are asked once, answered ones not at all. Each answer is on disk the moment it is there; a
        run that was stopped goes on with the remaining ones. Whoever else asks with the same cache waits meanwhile, so
        that no more requests are open than the settings allow.

        Returns:
            The answers; None where all tries failed or the model said nothing. That is kept nowhere, so that the next
            call asks again.

        Raises:
            ChatError: The environment names no endpoint, the endpoint refuses the request or the key, or an answer on
                disk is damaged.
            RunError: The operating system refuses to write.
        """
        with self._cache.alone():
            answers = self._known(conversations)
            _log.info(str(self._spend(answers, len(conversations))))
            answers |= self._ask_all([one for one, answer in answers.items() if answer is None])
        return [None if (answer := answers[one]) is None else answer.text for one in conversations]

    def estimate(self, conversations: Sequence[Conversation]) -> Spend:
        """What `answer` would take now; nobody is asked.

        Raises:
            ChatError: The tokenizer cannot be read, or an answer on disk is damaged.
        """
        return self._spend(self._known(conversations), len(conversations))

    def _known(self, conversations: Sequence[Conversation]) -> dict[Conversation, Answer | None]:
        """For each conversation, once, the answer on disk; None where there is none yet."""
        return {one: self._cache.read(self._request(one)) for one in dict.fromkeys(conversations)}

    def _spend(self, known: Mapping[Conversation, Answer | None], conversations: int) -> Spend:
        settings = self.settings
        remaining = [one for one, answer in known.items() if answer is None]
        lengths = [answer.tokens_out for answer in known.values() if answer and answer.tokens_out is not None]
        usual = sum(lengths) / len(lengths) if lengths else settings.usual_answer
        return Spend(
            model=self.name,
            conversations=conversations,
            requests=len(remaining),
            tokens_in=count_tokens(remaining, settings.tokenizer),
            tokens_out=round(min(usual, settings.longest_answer) * len(remaining)),
            most_tokens_out=settings.longest_answer * len(remaining),
            exact=settings.tokenizer is not None,
            price_in=settings.price_in,
            price_out=settings.price_out,
            currency=settings.currency,
        )

    def _request(self, conversation: Conversation) -> Request:
        """All that decides the answer: what is sent, and what it is kept under."""
        request: Request = {
            "model": self.settings.model,
            "messages": [asdict(message) for message in conversation],
            self.settings.limit_name: self.settings.longest_answer,
        }
        return request if self.settings.temperature is None else request | {"temperature": self.settings.temperature}

    def _ask_all(self, asked: Sequence[Conversation]) -> dict[Conversation, Answer | None]:
        """Ask for each, some at a time; when one is refused or the user stops it, what is under way is still kept."""
        if not asked:
            return {}
        answers: dict[Conversation, Answer | None] = {}
        with open_client(self.settings) as client, ThreadPoolExecutor(self.settings.concurrency) as pool:
            sender = Sender(self.settings, client, self._cache)
            futures: dict[Future[Answer | None], Conversation] = {
                pool.submit(sender.ask, self._request(one)): one for one in asked
            }
            try:
                for done in track(as_completed(futures), f"{self.name} answers", total=len(futures)):
                    answers[futures[done]] = done.result()
            except BaseException:
                sender.stop.set()  # those not yet begun then end at once
                raise
        if lacking := sum(answer is None for answer in answers.values()):
            _log.warning(
                f"{lacking:,} of {len(asked):,} requests to {self.name} were not answered; the last: {sender.failure}"
            )
        return answers
