"""How the report names things."""

import pytest

from recexplainer.reports.names import duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (3599.7, "1 h 0 min"), (3900, "1 h 5 min")],
)
def test_durations(seconds: float, words: str):
    assert duration(seconds) == words
