"""What the machine can do."""

import os

import pytest

from recexplainer.hardware import free_cores


def test_a_wished_number_of_threads_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert free_cores() == 3


@pytest.mark.parametrize("wish", ["", "0", "many"])
def test_without_a_usable_wish_there_is_at_least_one_and_at_most_all(
    wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", wish)
    assert 1 <= free_cores() <= (os.cpu_count() or 1)
