from pathlib import Path

import pytest
from pydantic import Field

from recexplainer.errors import SettingsError
from recexplainer.pipeline.settings_reader import dotted_keys, read_settings
from recexplainer.settings import Settings


class Training(Settings):
    epochs: int = Field(default=1, ge=1)
    """Passes over the examples."""
    learning_rate: float = 0.1
    seed: int = 0


class Model(Settings):
    training: Training = Training()
    optional: Training | None = None
    shape: tuple[int, ...] = (1,)


class Whole(Settings):
    name: str
    model: Model = Model()


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_file_and_overrides(tmp_path: Path):
    path = write(tmp_path, "name: x\nmodel: {training: {epochs: 2}}\n")
    whole = read_settings(Whole, path, ["model.training.learning_rate=1e-3", "model.shape=[2, 3]", "name=a=b"])
    assert whole == Whole(name="a=b", model=Model(training=Training(epochs=2, learning_rate=1e-3), shape=(2, 3)))


@pytest.mark.parametrize("signs", ["|", "::", ",", " ", "^"])
def test_signs_alone_are_text(tmp_path: Path, signs: str):
    assert read_settings(Whole, write(tmp_path, "name: x"), [f"name={signs}"]).name == signs


def test_override_opens_what_the_file_does_not_name(tmp_path: Path):
    whole = read_settings(Whole, write(tmp_path, "name: x"), ["model.optional.epochs=4"])
    assert whole.model.optional == Training(epochs=4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nmodle: {}", ["'modle'", "recipe.yaml, key modle", "'model'"]),
        ("name: x\nmodel: {training: {epoch: 1}}", ["'model.training.epoch'", "'model.training.epochs'"]),
        ("name: x\nmodel: {optional: {epoch: 1}}", ["'model.optional.epoch'", "'model.optional.epochs'"]),
        ("name: x\nlearning_rate: 1", ["'learning_rate'", "Did you mean 'model.training.learning_rate'"]),
        ("name: x\nzzz: 1", ["'zzz'", "Known here are: name, model"]),
        ("model: {}", ["'name' is missing"]),
        ("name: x\nmodel: {training: {epochs: 0}}", ["'model.training.epochs'", "greater", "Passes over the examples"]),
        ("name: x\nmodel: {training: {epochs: many}}", ["'many'", "integer"]),
        ("a: 1\nb: 2\nname: x", ["'a'", "1 more"]),
        ("name: [", ["not YAML", "recipe.yaml"]),
        ("- name", ["holds no settings"]),
        ("", ["holds no settings"]),
    ],
)
def test_errors_name_file_key_and_hint(tmp_path: Path, text: str, message: list[str]):
    with pytest.raises(SettingsError) as caught:
        read_settings(Whole, write(tmp_path, text))
    assert caught.value.location
    assert caught.value.hint
    for part in message:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("name", "form key.sub=value"),
        ("=1", "form key.sub=value"),
        ("model..x=1", "form key.sub=value"),
        ("name=[", "not YAML"),
        ("model.shap=1", "--set model.shap"),
        ("name.sub=1", "name"),
    ],
)
def test_wrong_overrides(tmp_path: Path, override: str, message: str):
    with pytest.raises(SettingsError, match=message):
        read_settings(Whole, write(tmp_path, "name: x"), [override])


def test_unreadable_files(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(Whole, tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\xff")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings(Whole, tmp_path / "latin.yaml")


def test_python_objects_are_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="not YAML"):
        read_settings(Whole, write(tmp_path, "name: !!python/object/apply:os.getcwd []"))


def test_dotted_keys():
    assert list(dotted_keys(Model)) == [
        "training",
        "training.epochs",
        "training.learning_rate",
        "training.seed",
        "optional",
        "optional.epochs",
        "optional.learning_rate",
        "optional.seed",
        "shape",
    ]
