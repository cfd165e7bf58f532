"""What the machine can do."""

import os
from collections.abc import Generator
from timeit import repeat

import pytest
import torch
from tests.conftest import forget_measured

from recexplainer import hardware
from recexplainer.hardware import free_cores, has_fast_bfloat16, has_fast_int8

_MEASURE = hardware._product_seconds  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(autouse=True)
def as_measured(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """This machine as it is; other tests take it as one that is fast in float32 alone."""
    monkeypatch.setattr(hardware, "_product_seconds", _MEASURE)
    forget_measured()
    yield
    forget_measured()


def test_a_wished_number_of_threads_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert free_cores() == 3


@pytest.mark.parametrize("wish", ["", "0", "many"])
def test_without_a_usable_wish_there_is_at_least_one_and_at_most_all(
    wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wish)
    assert 1 <= free_cores() <= (os.cpu_count() or 1)


def test_bfloat16_is_fast_where_its_products_take_less_time() -> None:
    """Asked again it says the same; of products large enough that noise does not decide."""
    matrices = {dtype: torch.full((1024, 1024), 0.5, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    seconds = {dtype: min(repeat(lambda one=one: one @ one, number=1, repeat=5)) for dtype, one in matrices.items()}
    ratio = seconds[torch.float32] / seconds[torch.bfloat16]
    assert has_fast_bfloat16() == has_fast_bfloat16()
    if torch.cuda.is_available() or 0.8 < ratio < 1.8:
        pytest.skip(f"too close to tell apart on a busy machine: {ratio:.2f}, or a GPU decides")
    assert has_fast_bfloat16() == (ratio > 1)


def test_integers_are_fast_where_their_products_take_much_less_time() -> None:
    floats, integers = torch.full((1024, 1024), 0.5), torch.ones(1024, 1024, dtype=torch.int8)
    halves = floats.bfloat16()
    products = (lambda: floats @ floats), (lambda: halves @ halves)
    others = min(min(repeat(product, number=1, repeat=20)) for product in products)
    ratio = others / min(repeat(lambda: torch.ops.aten._int_mm(integers, integers), number=1, repeat=20))
    if torch.cuda.is_available() or 1.5 < ratio < 2.2:
        pytest.skip(f"too close to tell apart on a busy machine: {ratio:.2f}, or a GPU is there")
    assert has_fast_int8() == (ratio > 1.75)


def test_free_memory_is_given_back_once_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    now, given = [0.0], list[int]()
    monkeypatch.setattr(hardware, "monotonic", lambda: now[0])
    memory = hardware.FreeMemory()
    monkeypatch.setattr(memory, "_trim", given.append)
    for now[0] in (0.5, 1.2, 1.9, 2.3):
        memory.give_back()
    assert given == [0, 0]
    monkeypatch.setattr(memory, "_trim", None)  # another C library
    memory.give_back()
    hardware.FreeMemory().give_back()
