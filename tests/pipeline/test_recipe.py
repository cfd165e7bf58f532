from itertools import combinations
from pathlib import Path

import pytest

from recexplainer.errors import DataError, RunError, SettingsError
from recexplainer.pipeline.data_stages import make_dataset
from recexplainer.pipeline.layout import RunLayout
from recexplainer.pipeline.recipe import EVALUATIONS, Recipe, find_recipe, load_recipe, recipe_text, with_changes
from recexplainer.pipeline.runs import find_run
from recexplainer.pipeline.settings_reader import read_settings
from recexplainer.pipeline.stage import Stage, StageContext, stages_in_order
from recexplainer.pipeline.stages import build_stages

EVERYTHING = f"evaluation.evaluations=[{', '.join(EVALUATIONS)}]"


def test_shipped_recipes_are_found_by_name_and_by_path():
    demo, games = load_recipe("demo"), load_recipe("paper-games")
    assert demo.data.source == "sample"
    assert games.data.filter.most_frequent_items == 2000
    assert games.report.paper_dataset == "Games"
    assert load_recipe(find_recipe("demo")) == demo
    with pytest.raises(SettingsError, match=r"no such recipe(?s:.)*demo, .*paper-games"):
        load_recipe("papergames")


@pytest.mark.parametrize("name", sorted(file.stem for file in (Path(__file__).parents[2] / "recipes").glob("*.yaml")))
def test_every_shipped_recipe_is_sound_and_bears_the_name_of_its_file(name: str):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert [stage.name for stage in build_stages(recipe)][-1] == "report"


def test_written_recipe_reads_back_equal(tmp_path: Path):
    recipe = load_recipe("demo", ["seed=7", "surrogate.nano.hidden_size=32"])
    (tmp_path / "recipe.yaml").write_text(recipe_text(recipe), encoding="utf-8")
    assert read_settings(Recipe, tmp_path / "recipe.yaml") == recipe


def test_one_seed_reaches_every_part_that_states_none():
    recipe = load_recipe("demo", ["seed=7", "examples.seed=3", "surrogate.preference.beta=0.2"])
    assert recipe.examples.seed == 3
    assert recipe.data.sample.seed == recipe.data.filter.seed == 7
    assert recipe.recommender.sasrec.seed == recipe.surrogate.seed == 7
    assert recipe.surrogate.preference is not None
    assert recipe.surrogate.preference.seed == 7
    assert load_recipe("demo").surrogate.seed == 0
    assert load_recipe("demo", ["seed=7"]).surrogate.preference is None


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("name=a/b", "'name'"),
        ("name=..", "'name'"),
        ("forms=[]", "'forms'"),
        ("forms=[hybrid, hybrid]", "names one twice"),
        ("explanations.form=oracle", "explanations.form"),
        ("data.sorce=files", "'data.source'"),
    ],
)
def test_wrong_settings(override: str, said: str):
    with pytest.raises(SettingsError, match=said):
        load_recipe("demo", [override])


def test_explaining_form_must_be_trained():
    with pytest.raises(SettingsError, match="not among 'forms'"):
        load_recipe("demo", ["forms=[behavior]", "explanations.form=hybrid"])


def test_changes_from_the_command_line_are_checked():
    recipe = load_recipe("demo")
    changed = with_changes(recipe, {"name": "other", "data": {"source": "files", "path": "somewhere"}})
    assert (changed.name, changed.data.path) == ("other", Path("somewhere"))
    assert changed.data.sample == recipe.data.sample
    with pytest.raises(SettingsError, match="'name'"):
        with_changes(recipe, {"name": "a b"})


@pytest.mark.parametrize("overrides", [[], ["surrogate.preference.beta=0.2"]])
def test_of_stages_made_side_by_side_at_most_one_is_made_in_this_process(overrides: list[str]):
    stages = {stage.name: stage for stage in build_stages(load_recipe("paper-games", overrides))}

    def needs(name: str) -> set[str]:
        return {name}.union(*(needs(other) for other in stages[name].inputs))

    for one, other in combinations(stages, 2):
        if one not in needs(other) and other not in needs(one):
            assert stages[one].isolated or stages[other].isolated, (one, other)


def test_hybrid_follows_intention_only_where_it_goes_on_from_it():
    def inputs(*overrides: str) -> tuple[str, ...]:
        stages = {stage.name: stage for stage in build_stages(load_recipe("demo", overrides))}
        return stages["surrogate-hybrid"].inputs

    assert "surrogate-intention" in inputs("forms=[hybrid, intention]")
    assert "surrogate-intention" not in inputs("forms=[hybrid, behavior]")
    assert "surrogate-intention" not in inputs("surrogate.start_hybrid_from=scratch")
    order = [
        stage.name for stage in stages_in_order(build_stages(load_recipe("demo", ["forms=[hybrid, intention]"])), None)
    ]
    assert order.index("surrogate-intention") < order.index("surrogate-hybrid")
    assert order[-1] == "report"


def test_preference_training_is_a_stage_of_the_form_that_explains_and_of_no_other():
    def stages(*overrides: str) -> dict[str, Stage]:
        return {stage.name: stage for stage in build_stages(load_recipe("paper-games", [*overrides, EVERYTHING]))}

    plain, on = stages("surrogate.preference=null"), stages("surrogate.preference.beta=0.2")
    assert set(on) - set(plain) == {"preference-hybrid"}
    assert on["preference-hybrid"].inputs == ("dataset", "recommender", "examples", "surrogate-hybrid")
    assert on["preference-hybrid"].settings["beta"] == 0.2
    assert [name for name in plain if plain[name].settings != on[name].settings] == []
    changed = {name for name in plain if plain[name].inputs != on[name].inputs}
    its = {
        "alignment-hybrid",
        "explanations-hybrid-self_attribution",
        "explanations-hybrid-direct",
        "explanations-hybrid-grounded",
    }
    assert changed == {*its, "explanations", "report"}
    for name in its | {"explanations"}:
        assert set(on[name].inputs) - set(plain[name].inputs) == {"preference-hybrid"}
        assert "surrogate-hybrid" not in on[name].inputs
    other = stages("surrogate.preference.beta=0.2", "explanations.form=intention")
    assert set(other) - set(plain) >= {"preference-intention"}
    assert "preference-hybrid" not in other
    assert "surrogate-intention" in other["surrogate-hybrid"].inputs, "hybrid goes on from what is only aligned"


def test_settings_of_a_stage_are_only_its_own():
    plain = {stage.name: stage.settings for stage in build_stages(load_recipe("demo"))}
    wider = {
        stage.name: stage.settings for stage in build_stages(load_recipe("demo", ["surrogate.epochs.intention=9"]))
    }
    changed = [name for name in plain if plain[name] != wider[name]]
    assert changed == ["surrogate-intention"]


def test_place_of_the_data_is_no_setting_but_its_content_is_a_source(tmp_path: Path):
    recipe = with_changes(load_recipe("paper-games"), {"data": {"path": str(tmp_path)}})
    dataset = build_stages(recipe)[0]
    assert dataset.sources == (tmp_path,)
    assert "path" not in dataset.settings


def test_a_forced_format_reaches_the_reader(tmp_path: Path):
    recipe = load_recipe("paper-games", [f"data.path={tmp_path}", "data.format=amazn"])
    stage = build_stages(recipe)[0]
    assert stage.settings["format"] == "amazn"
    assert "format" not in build_stages(load_recipe("demo"))[0].settings
    with pytest.raises(DataError, match="there is no format 'amazn'"):
        make_dataset(recipe.data, StageContext({}, tmp_path), tmp_path / "made")


def test_finding_a_run(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    RunLayout(tmp_path / "mine").write_version()
    (tmp_path / "mine" / "recipe.yaml").write_text("name: mine")
    assert find_run("mine", tmp_path) == find_run(tmp_path / "mine", tmp_path / "elsewhere") == tmp_path / "mine"
    with pytest.raises(RunError, match=r"no such run(?s:.)*mine"):
        find_run("yours", tmp_path)
    with pytest.raises(RunError, match="recexplainer demo"):
        find_run("yours", tmp_path / "empty")
    with pytest.raises(RunError, match=r"'dataset'(?s:.)*recexplainer run"):
        RunLayout(tmp_path / "mine").complete_stage("dataset")
