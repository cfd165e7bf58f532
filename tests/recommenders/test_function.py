from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.contracts.recommender import RecommenderContract
from tests.fakes import LinearRecommender

from recexplainer.errors import RecommenderError, SettingsError
from recexplainer.recommenders.base import Recommender, User
from recexplainer.recommenders.function import FunctionRecommender, FunctionSettings, as_recommender
from recexplainer.recommenders.kinds import RecommenderSettings
from recexplainer.recommenders.loading import load_recommender
from recexplainer.registry import registered

IDS = [f"i{item:02}" for item in range(20)]
HERE = __name__
_WEIGHTS = np.random.default_rng(0).normal(size=(20, 20)).astype(np.float32)


def scores(histories: list[list[str]]) -> np.ndarray:
    return np.stack([_WEIGHTS[[IDS.index(one) for one in history]].sum(0) for history in histories])


def longer_titles(histories: list[list[str]], items: list[str]) -> list[list[float]]:
    return [[float(len(item) + len(history)) for item in items] for history in histories]


def one_short(histories: list[list[str]]) -> np.ndarray:
    return scores(histories)[:, 1:]


def not_finite(histories: list[list[str]]) -> np.ndarray:
    return np.full((len(histories), 20), np.nan)


def words(histories: list[list[str]]) -> list[str]:
    return ["good"] * len(histories)


NUMBER = 3


INSTANCE = LinearRecommender(max_history=7)


def of(attribute: str, ids: Sequence[str] = IDS) -> FunctionRecommender:
    return FunctionRecommender.named(f"{HERE}:{attribute}", ids, 5)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module under its own name, however it was collected."""
    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])


class TestFunction(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        return of("scores")

    @pytest.fixture
    def saved(self, recommender: FunctionRecommender, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path)
        return FunctionRecommender.load(tmp_path)


class TestObject(RecommenderContract):
    @pytest.fixture
    def recommender(self) -> Recommender:
        return of("INSTANCE")

    @pytest.fixture
    def saved(self, recommender: FunctionRecommender, tmp_path: Path) -> Recommender:
        recommender.save(tmp_path)
        return FunctionRecommender.load(tmp_path)


def test_a_function_only_scores_and_an_object_has_its_own_abilities() -> None:
    function, instance = of("scores"), FunctionRecommender.named("tests.fakes:LinearRecommender", IDS)
    assert (function.has_vectors, function.answers_changed_history, function.max_history) == (False, True, 5)
    assert (instance.has_vectors, instance.answers_changed_history, instance.max_history) == (True, True, 4)


def test_a_function_may_ask_for_the_items_of_the_columns() -> None:
    answer = of("longer_titles", ["a", "bbb"]).scores([User((0,)), User((0, 1))])
    assert answer.tolist() == [[2.0, 4.0], [3.0, 5.0]]


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("one_short", r"scores returned the shape \(2, 19\), where \(2, 20\) is expected"),
        ("not_finite", r"scores returned NaN for the item 'i00', for the history \(i01\) \(40 scores"),
        ("words", "scores did not return an array of numbers"),
    ],
)
def test_what_comes_back_is_checked(attribute: str, message: str) -> None:
    with pytest.raises(RecommenderError, match=message) as caught:
        of(attribute).scores([User((1,)), User((2, 3))])
    assert caught.value.location.endswith(attribute)
    assert caught.value.hint


@pytest.mark.parametrize("entry", ["no_such_module_anywhere:scores", "json:no_such_function", "json:dumps.nothing"])
def test_entries_that_cannot_be_imported(entry: str) -> None:
    with pytest.raises(RecommenderError, match=r"cannot be imported(?s:.)*module:attribute"):
        FunctionRecommender.named(entry, IDS, 5)


def test_what_is_no_recommender_is_refused() -> None:
    with pytest.raises(RecommenderError, match="neither a function nor a recommender"):
        of("NUMBER")
    with pytest.raises(RecommenderError, match="scores 20 items, but the catalogue has 3"):
        of("INSTANCE", IDS[:3])


def test_modules_are_found_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_own_model.py").write_text("def scores(histories):\n    return [[1.0, 2.0]] * len(histories)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one])
    found = FunctionRecommender.named("my_own_model:scores", ["a", "b"], 5)
    assert found.scores([User((0,))]).tolist() == [[1.0, 2.0]]


@pytest.fixture
def a_registering_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that registers a recommender as `mine`."""
    (tmp_path / "their_models.py").write_text("def scores(histories):\n    return [[1.0, 2.0]] * len(histories)\n")
    about = tmp_path / "theirs-1.5.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.5\n")
    (about / "entry_points.txt").write_text("[recexplainer.recommenders]\nmine = their_models:scores\n")
    monkeypatch.syspath_prepend(tmp_path)
    registered.cache_clear()
    yield
    registered.cache_clear()


@pytest.mark.usefixtures("a_registering_package")
def test_a_registered_recommender_is_named_saved_and_read_back(tmp_path: Path) -> None:
    settings = RecommenderSettings(kind="function", function=FunctionSettings(entry="mine", max_history=5))
    assert settings.name == "mine"
    assert settings.cache_key()["function"]["version"] == "1.5"
    found = FunctionRecommender.named("mine", ["a", "b"])
    found.save(tmp_path / "saved")
    assert load_recommender(tmp_path / "saved").scores([User((0,))]).tolist() == [[1.0, 2.0]]
    with pytest.raises(SettingsError, match=r"Nothing is registered as 'other'(?s:.)*mine"):
        FunctionRecommender.named("other", ["a", "b"])


def test_a_bare_function_is_taken_as_it_is_but_cannot_be_kept(tmp_path: Path) -> None:
    taken = as_recommender(scores, IDS)
    assert isinstance(taken, FunctionRecommender)
    user = User((1, 2))
    assert (taken.scores([user]) == of("scores").scores([user])).all()
    with pytest.raises(RecommenderError, match="saved by its name only") as caught:
        taken.save(tmp_path)
    assert caught.value.location == "scores"


def test_a_recommender_of_the_package_is_left_as_it_is_and_any_other_held_to_the_contract() -> None:
    own = of("scores")
    assert as_recommender(own, IDS) is own
    wrapped = as_recommender(INSTANCE, IDS)
    assert isinstance(wrapped, FunctionRecommender)
    assert wrapped.has_vectors
    made = as_recommender(LinearRecommender, IDS)
    assert isinstance(made, FunctionRecommender)
    assert made.has_vectors
    with pytest.raises(RecommenderError, match="neither a function nor a recommender"):
        as_recommender(NUMBER, IDS)  # type: ignore[arg-type]


class NeedsArguments:
    def __init__(self, path: str) -> None:
        self.path = path


def test_a_class_that_needs_arguments_is_refused() -> None:
    with pytest.raises(RecommenderError, match=r"cannot be made: TypeError(?s:.)*make the object yourself"):
        of("NeedsArguments")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import numpy as np\nx = np.load('no.npy')\n", r"FileNotFoundError.*module\.py, line 2"),
        ("def scores(histories)\n    return 1\n", r"SyntaxError.*module\.py, line 1"),
        ("import no_such_package_anywhere\n", r"ModuleNotFoundError.*module\.py, line 1"),
        ("raise SystemExit(0)\n", r"SystemExit.*module\.py, line 1"),
    ],
)
def test_what_a_module_raises_when_imported_is_one_line_with_the_place(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"broken_{abs(hash(text))}_module"
    (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(RecommenderError, match=message) as caught:
        FunctionRecommender.named(f"{name}:scores", IDS)
    assert name in caught.value.hint


def test_a_file_in_place_of_a_module_is_answered_with_its_name() -> None:
    with pytest.raises(RecommenderError, match=r"without \.py: my_own_model:scores"):
        FunctionRecommender.named("my_own_model.py:scores", IDS)


def test_a_function_that_knows_its_own_users_alone_says_so_and_is_kept_so(tmp_path: Path) -> None:
    settings = FunctionSettings(entry=f"{HERE}:scores", answers_changed_history=False)
    made = FunctionRecommender.named(settings.entry, IDS, answers_changed_history=settings.answers_changed_history)
    made.save(tmp_path)
    assert not made.answers_changed_history
    assert not load_recommender(tmp_path).answers_changed_history
