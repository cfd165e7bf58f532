from pathlib import Path

import pytest

from recexplainer.errors import SettingsError
from recexplainer.pipeline.recipe import Recipe, find_recipe, load_recipe, recipe_text, with_changes
from recexplainer.pipeline.settings_reader import read_settings
from recexplainer.pipeline.stages import build_stages


def test_shipped_recipes_are_found_by_name_and_by_path() -> None:
    demo, games = load_recipe("demo"), load_recipe("paper-games")
    assert demo.data.source == "sample"
    assert games.data.filter.most_frequent_items == 2000
    assert games.report.paper_dataset == "Games"
    assert load_recipe(find_recipe("demo")) == demo
    with pytest.raises(SettingsError, match=r"no such recipe(?s:.)*demo, .*paper-games"):
        load_recipe("papergames")


@pytest.mark.parametrize("name", sorted(file.stem for file in (Path(__file__).parents[2] / "recipes").glob("*.yaml")))
def test_every_shipped_recipe_is_sound_and_bears_the_name_of_its_file(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert [stage.name for stage in build_stages(recipe)][-1] == "report"


def test_written_recipe_reads_back_equal(tmp_path: Path) -> None:
    recipe = load_recipe("demo", ["seed=7", "surrogate.nano.hidden_size=32"])
    (tmp_path / "recipe.yaml").write_text(recipe_text(recipe), encoding="utf-8")
    assert read_settings(Recipe, tmp_path / "recipe.yaml") == recipe


def test_one_seed_reaches_every_part_that_states_none() -> None:
    recipe = load_recipe("demo", ["seed=7", "examples.seed=3", "surrogate.preference.beta=0.2"])
    assert recipe.examples.seed == 3
    assert recipe.data.sample.seed == recipe.data.filter.seed == 7
    assert recipe.recommender.sasrec.seed == recipe.surrogate.seed == 7
    assert recipe.surrogate.preference is not None
    assert recipe.surrogate.preference.seed == 7
    assert load_recipe("demo").surrogate.seed == 0
    assert load_recipe("demo", ["seed=7"]).surrogate.preference is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("name=a/b", "'name'"),
        ("name=..", "'name'"),
        ("forms=[]", "'forms'"),
        ("forms=[hybrid, hybrid]", "names one twice"),
        ("explanations.form=oracle", "explanations.form"),
        ("data.sorce=files", "'data.source'"),
        ("evaluation.evaluations=[alignmnt]", "there is no evaluation 'alignmnt'; the evaluations are: alignment, "),
        ("evaluation.made=[judge]", "'evaluation.made' is called 'evaluation.evaluations' now"),
        ("evaluation.faithful=3", "'evaluation.faithful' is called 'evaluation.n_faithfulness' now"),
        ("explanations.views=[]", "--set explanations.views"),
        (
            "surrogate.titles={positions: 8}",
            "'surrogate.titles.positions' is called 'surrogate.titles.most_positions' now",
        ),
        ("surrogate.nano.width=32", "'surrogate.nano.width' is called 'surrogate.nano.hidden_size' now"),
    ],
)
def test_wrong_settings(override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_recipe("demo", [override])


def test_explaining_form_must_be_trained() -> None:
    with pytest.raises(SettingsError, match="not among 'forms'") as caught:
        load_recipe("demo", ["forms=[behavior]", "explanations.form=hybrid"])
    assert "Change one of the settings" in str(caught.value), "neither of the two is wrong by itself"


def test_changes_from_the_command_line_are_checked() -> None:
    recipe = load_recipe("demo")
    changed = with_changes(recipe, {"name": "other", "data": {"source": "files", "path": "somewhere"}})
    assert (changed.name, changed.data.path) == ("other", Path("somewhere"))
    assert changed.data.sample == recipe.data.sample
    with pytest.raises(SettingsError, match="'name'"):
        with_changes(recipe, {"name": "a b"})
