"""What waits for the same thing is asked together, in order, and never too much of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Hashable, Sequence
from typing import Any

import pytest

from recexplainer.errors import DataError
from recexplainer.server.queue import BusyError, ModelQueue


class Model:
    """Answers with the questions themselves, once it is let go; notes what is asked together."""

    def __init__(self) -> None:
        self.asked: list[tuple[Hashable, list[Any]]] = []
        self.go = threading.Event()

    def __call__(self, kind: Hashable, questions: Sequence[Any]) -> Sequence[Any]:
        self.go.wait(10)
        self.asked.append((kind, list(questions)))
        if "wrong" in questions:
            raise DataError("this one is wrong")
        return [(kind, one) for one in questions]


def with_queue(test: Any, **options: Any) -> Model:
    """Run a test with a model and its queue."""
    model = Model()

    async def run() -> None:
        limits: dict[str, Any] = {"waiting": 100, "seconds": 60.0, "together": 4} | options
        queue = ModelQueue(model, **limits, asked=lambda _, __: None)
        try:
            await test(model, queue)
        finally:
            model.go.set()
            queue.close()

    asyncio.run(run())
    return model


async def begun(*asked: Coroutine[Any, Any, Any]) -> list[asyncio.Task[Any]]:
    """Questions that wait now, in this order."""
    tasks = [asyncio.create_task(one) for one in asked]
    await asyncio.sleep(0.05)
    return tasks


def test_questions_of_a_kind_are_asked_together_up_to_a_size() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        first = await begun(queue.ask("a", 0))
        rest = await begun(*(queue.ask("ab"[number % 2], number) for number in range(1, 12)))
        model.go.set()
        answers = await asyncio.gather(*first, *rest)
        assert answers == [("a", 0), *(("ab"[number % 2], number) for number in range(1, 12))]
        assert queue.waiting == 0

    model = with_queue(test)
    assert model.asked == [("a", [0]), ("b", [1, 3, 5, 7]), ("a", [2, 4, 6, 8]), ("b", [9, 11]), ("a", [10])]


def test_a_heavy_question_counts_by_its_weight() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        tasks = await begun(queue.ask("a", 0))
        tasks += await begun(queue.ask("a", 1, 3), queue.ask("a", 2, 9), queue.ask("a", 3))
        model.go.set()
        await asyncio.gather(*tasks)

    assert [questions for _, questions in with_queue(test).asked] == [[0], [1, 3], [2]]


def test_more_than_may_wait_is_refused_with_a_time() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        tasks = await begun(*(queue.ask("a", number) for number in range(3)))
        with pytest.raises(BusyError) as caught:
            await queue.ask("a", 3)
        assert caught.value.seconds >= 1
        model.go.set()
        await asyncio.gather(*tasks)
        assert await queue.ask("a", 3) == ("a", 3)

    with_queue(test, waiting=3)


def test_what_would_wait_too_long_at_the_pace_of_late_is_refused() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        (first,) = await begun(queue.ask("a", 0))
        await asyncio.sleep(0.5)
        model.go.set()
        await first
        model.go.clear()
        tasks = await begun(queue.ask("a", 1))
        with pytest.raises(BusyError):
            for number in range(10):
                tasks += await begun(queue.ask("a", number))
                if tasks[-1].done():
                    tasks.pop().result()
        assert 1 < len(tasks) < 10
        model.go.set()
        await asyncio.gather(*tasks)

    with_queue(test, seconds=0.5)


def test_one_that_is_larger_than_all_that_may_wait_is_asked_alone() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        model.go.set()
        assert await queue.ask("a", 0, 50) == ("a", 0)

    with_queue(test, waiting=3)


def test_a_question_that_is_at_fault_does_not_spoil_those_with_it() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        tasks = await begun(queue.ask("a", 0), queue.ask("a", 1), queue.ask("a", "wrong"), queue.ask("a", 2))
        model.go.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [*answers[:2], answers[3]] == [("a", 0), ("a", 1), ("a", 2)]
        assert isinstance(answers[2], DataError)
        assert await queue.ask("a", 4) == ("a", 4)

    with_queue(test)


def test_what_nobody_waits_for_is_not_asked() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        tasks = await begun(queue.ask("a", 0))
        tasks += await begun(queue.ask("b", 1), queue.ask("b", 2), queue.ask("c", 3))
        tasks[1].cancel()
        tasks[3].cancel()
        await asyncio.sleep(0.05)
        model.go.set()
        assert await asyncio.gather(tasks[0], tasks[2]) == [("a", 0), ("b", 2)]
        assert await queue.ask("d", 4) == ("d", 4)
        assert queue.waiting == 0

    assert [questions for _, questions in with_queue(test).asked] == [[0], [2], [4]]


def test_quick_questions_take_turns_with_the_others() -> None:
    async def test(model: Model, queue: ModelQueue) -> None:
        slow = await begun(queue.ask("a", 0))
        slow += await begun(*(queue.ask(kind, 0) for kind in "bc"))
        quick = await begun(*(queue.ask(kind, 1, quick=True) for kind in "xy"))
        model.go.set()
        await asyncio.gather(*slow, *quick)

    assert [kind for kind, _ in with_queue(test).asked] == ["a", "x", "b", "y", "c"]
