"""The stages of a recipe: the contract of each, and which settings make which of them anew."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.stage import StageContract
from tests.surrogate.families import tiny_model
from tests.tiny import alignment, complete, examples, explanation_of, fresh, sasrec, world

from recexplainer import registry
from recexplainer.cli import main
from recexplainer.errors import DataError
from recexplainer.evaluation.rows import Row, read_rows
from recexplainer.pipeline import execution
from recexplainer.pipeline import stages as recipe_stages
from recexplainer.pipeline.execution import Stage, StageContext, stages_in_order
from recexplainer.pipeline.layout import RunLayout, stage_name, write_explanations
from recexplainer.pipeline.recipe import EVALUATIONS, load_recipe, with_changes
from recexplainer.pipeline.stages import build_stages, known_evaluations, possible_evaluations
from recexplainer.storage import read_json
from recexplainer.surrogate.training import new_surrogate
from recexplainer.tasks.example import save_examples

EVERYTHING = (
    f"evaluation.evaluations=[{', '.join(EVALUATIONS)}]",
    "evaluation.endpoint.model=a/chat",
    "evaluation.ratings=ratings.json",
    "surrogate.preference.beta=0.2",
)
ALL = build_stages(load_recipe("paper-games", EVERYTHING))
STAGES = tuple(stage.name for stage in ALL)


def stages_of(recipe: str, *overrides: str) -> dict[str, Stage]:
    return {stage.name: stage for stage in build_stages(load_recipe(recipe, overrides))}


@pytest.mark.slow
class TestEveryStage(StageContract):
    @pytest.fixture
    def stages(self) -> Sequence[Stage]:
        return ALL

    @pytest.fixture(params=STAGES)
    def name(self, request: pytest.FixtureRequest) -> str:
        return request.param


@pytest.mark.parametrize(
    "override",
    [
        "name=other",
        "threads=7",
        "data.path=elsewhere",
        "surrogate.checkpoint_minutes=9",
        "surrogate.pretrained.rank=3",
        "surrogate.pretrained.sharded=true",
        "evaluation.endpoint.concurrency=2",
        "evaluation.endpoint.retries=1",
        "evaluation.endpoint.price_in=3",
        "recommender.mf.epochs=3",
        "data.sample.users=70",
    ],
)
def test_what_does_not_matter_makes_no_stage_anew(override: str) -> None:
    before, after = stages_of("paper-games", *EVERYTHING), stages_of("paper-games", *EVERYTHING, override)
    assert {name: (one.settings, one.inputs) for name, one in before.items()} == {
        name: (one.settings, one.inputs) for name, one in after.items()
    }


EXPLAINED = {name for name in STAGES if name.startswith("explanations-")}
ABLATED = {name for name in STAGES if name.startswith("ablation-")}


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("surrogate.epochs.intention=9", {"surrogate-intention"}),
        ("surrogate.task_sampling.behavior.rationale=0.9", {"surrogate-behavior"}),
        ("surrogate.hybrid_form_sampling=[0, 0, 1]", {"surrogate-hybrid", *ABLATED}),
        ("surrogate.preference.beta=0.3", {"preference-hybrid"}),
        ("evaluation.n_judged=7", {"judge"}),
        (
            "evaluation.n_discriminator=7",
            {"discriminator", "score_predictor", "language", "vector_reconstruction"},
        ),
        ("evaluation.corpus=corpus", {"language"}),
        ("evaluation.encoder.epochs=3", {"discriminator", "score_predictor"}),
        ("evaluation.n_simulatability=7", {"faithfulness"}),
        ("evaluation.n_synthetic=8", {"synthetic"}),
        ("evaluation.n_cases=7", {"cases"}),
        ("evaluation.ablation.steps=2", ABLATED),
        ("evaluation.student.epochs=2", {"alignment-student"}),
        ("explanations.count=3", {"explanations"}),
        ("explanations.aspects=[]", {"explanations"}),
        ("report.paper_dataset=Steam", {"report"}),
        ("recommender.sasrec.epochs=3", {"recommender"}),
        ("examples.test_users=9", {"examples"}),
        ("data.filter.k_core=3", {"dataset"}),
        (
            "evaluation.endpoint.temperature=1",
            {"alignment-endpoint", "explanations-a-chat", "judge", "faithfulness"},
        ),
    ],
)
def test_a_setting_changes_only_the_stages_that_it_decides(override: str, changed: set[str]) -> None:
    before, after = stages_of("paper-games", *EVERYTHING), stages_of("paper-games", *EVERYTHING, override)
    assert {name for name in before if before[name].settings != after[name].settings} == changed


@pytest.mark.parametrize("overrides", [[], ["surrogate.preference.beta=0.2"]])
def test_of_stages_made_side_by_side_at_most_one_is_made_in_this_process(overrides: list[str]) -> None:
    stages = stages_of("paper-games", *overrides)

    def needs(name: str) -> set[str]:
        return {name}.union(*(needs(other) for other in stages[name].inputs))

    for one, other in combinations(stages, 2):
        if one not in needs(other) and other not in needs(one):
            assert stages[one].isolated or stages[other].isolated, (one, other)


def test_hybrid_follows_intention_only_where_it_continues_from_it() -> None:
    def inputs(*overrides: str) -> tuple[str, ...]:
        return stages_of("demo", *overrides)["surrogate-hybrid"].inputs

    assert "surrogate-intention" in inputs("forms=[hybrid, intention]")
    assert "surrogate-intention" not in inputs("forms=[hybrid, behavior]")
    assert "surrogate-intention" not in inputs("surrogate.start_hybrid_from=scratch")
    ordered = stages_in_order(build_stages(load_recipe("demo", ["forms=[hybrid, intention]"])))
    order = [stage.name for stage in ordered]
    assert order.index("surrogate-intention") < order.index("surrogate-hybrid")
    assert order[-1] == "report"


@pytest.mark.parametrize(("name", "setting", "value"), [("preference", "beta", 0.2), ("own_words", "passes", 0.5)])
def test_what_follows_alignment_is_a_stage_of_the_form_that_explains_and_of_no_other(
    name: str, setting: str, value: float
) -> None:
    override, of_hybrid, of_intention = f"surrogate.{name}.{setting}={value}", f"{name}-hybrid", f"{name}-intention"
    everything = f"evaluation.evaluations=[{', '.join(EVALUATIONS)}]"

    def stages(*overrides: str) -> dict[str, Stage]:
        return stages_of("paper-games", *overrides, everything)

    plain, on = stages("surrogate.preference=null"), stages("surrogate.preference=null", override)
    assert set(on) - set(plain) == {of_hybrid}
    assert on[of_hybrid].inputs == ("dataset", "recommender", "examples", "surrogate-hybrid")
    assert on[of_hybrid].settings[setting] == value
    assert [one for one in plain if plain[one].settings != on[one].settings] == []
    changed = {one for one in plain if plain[one].inputs != on[one].inputs}
    variants = ("self_attribution", "direct", "grounded")
    its = {"alignment-hybrid", *(f"explanations-hybrid-{variant}" for variant in variants)}
    assert changed == {*its, "explanations", "report"}
    for one in its | {"explanations"}:
        assert set(on[one].inputs) - set(plain[one].inputs) == {of_hybrid}
        assert "surrogate-hybrid" not in on[one].inputs
    other = stages("surrogate.preference=null", override, "explanations.form=intention")
    assert set(other) - set(plain) >= {of_intention}
    assert of_hybrid not in other
    assert "surrogate-intention" in other["surrogate-hybrid"].inputs, "hybrid continues from what is only aligned"


def test_what_has_its_own_words_is_what_is_trained_by_preference() -> None:
    stages = stages_of("paper-games", "surrogate.own_words.passes=2", "surrogate.preference.beta=0.2")
    assert stages["preference-hybrid"].inputs == ("dataset", "recommender", "examples", "own_words-hybrid")
    assert "preference-hybrid" in stages["alignment-hybrid"].inputs


def test_forgetting_is_measured_of_a_pretrained_backbone_alone() -> None:
    wanted, pretrained = "evaluation.evaluations=[forgetting]", "surrogate.backbone=a/chat"
    assert "forgetting" not in stages_of("paper-games", wanted)
    assert "forgetting" not in possible_evaluations(load_recipe("paper-games"))
    assert "forgetting" in possible_evaluations(load_recipe("paper-games", [pretrained]))
    stage = stages_of("paper-games", wanted, pretrained)["forgetting"]
    forms = {"surrogate-intention", "preference-hybrid", "surrogate-behavior"}
    assert set(stage.inputs) == {"dataset", "recommender", "examples", *forms}
    assert (
        stage.settings
        != stages_of("paper-games", wanted, pretrained, "evaluation.n_forgetting=7")["forgetting"].settings
    )
    stages = stages_of("paper-games", "evaluation.evaluations=[forgetting, ablation]", pretrained)
    assert set(stages["forgetting"].inputs) - set(stage.inputs) == {"ablation-full", "ablation-without_chat"}
    assert "forgetting" in stages["evaluation"].inputs


@pytest.mark.slow
def test_a_backbone_that_learned_nothing_forgets_nothing(tmp_path: Path) -> None:
    base, folders = tmp_path / "base", {name: tmp_path / name for name in ("dataset", "recommender", "examples")}
    tokenizer = fresh("behavior").tokenizer
    tiny_model("llama", tokenizer).save_pretrained(base)
    tokenizer.save_pretrained(base)
    world().save(folders["dataset"])
    sasrec().save(folders["recommender"])
    save_examples(examples(), folders["examples"])
    overrides = ("evaluation.evaluations=[forgetting]", "forms=[behavior]", f"surrogate.backbone={base}")
    recipe = load_recipe("demo", (*overrides, "explanations.form=behavior", "surrogate.pretrained.rank=2"))
    surrogate = new_surrogate("behavior", alignment(), recipe.surrogate)
    surrogate.save_pretrained(tmp_path / "surrogate-behavior")
    folders["surrogate-behavior"] = tmp_path / "surrogate-behavior"
    stage = next(one for one in build_stages(recipe) if one.name == "forgetting")
    (tmp_path / "made").mkdir()
    summary = stage.make(StageContext(folders, tmp_path), tmp_path / "made")
    assert summary == "11 results on 2 conversations and 40 instructions"
    rows = {(one.method, one.metric): one.value for one in read_rows(tmp_path / "made" / "forgetting.json")}
    assert rows["behavior", "loss"] == rows["unaligned", "loss"]
    assert rows["behavior", "loss_increase"] == rows["behavior", "accuracy_change"] == 0
    assert len(read_json(tmp_path / "made" / RunLayout.ANSWERS)) == 40


def test_the_place_of_the_data_is_no_setting_but_its_content_is_a_source(tmp_path: Path) -> None:
    recipe = with_changes(load_recipe("paper-games"), {"data": {"path": str(tmp_path)}})
    dataset = build_stages(recipe)[0]
    assert dataset.sources == (tmp_path,)
    assert "path" not in dataset.settings


def test_a_forced_format_reaches_the_reader(tmp_path: Path) -> None:
    stage = stages_of("paper-games", f"data.path={tmp_path}", "data.format=amazn")["dataset"]
    assert stage.settings["format"] == "amazn"
    assert "format" not in stages_of("demo")["dataset"].settings
    with pytest.raises(DataError, match="there is no format 'amazn'"):
        stage.make(StageContext({}, tmp_path), tmp_path / "made")


def test_a_run_says_what_may_be_wrong_with_its_data(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [f"u{user},i{item},Title {item},{item}" for user in range(3) for item in range(6, 0, -1)]
    (tmp_path / "log.csv").write_text("\n".join(["user_id,item_id,title,time", *rows]), encoding="utf-8")
    stage = stages_of("paper-games", f"data.path={tmp_path}", "data.format=table", "data.filter.k_core=1")["dataset"]
    assert "warnings: 1" in stage.make(StageContext({}, tmp_path), tmp_path / "made")
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "column 'time' looks like one (by it, 3 of 3 histories have another order)" in warning


def test_what_a_file_system_may_refuse_is_not_in_a_folders_name() -> None:
    assert stage_name("explanations", "meta/llama:3 8B", "") == "explanations-meta-llama-3-8B"


@pytest.mark.parametrize("threads", [1, 2])
def test_from_the_command_to_the_work_of_a_stage_there_are_few_calls(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    class SeenError(Exception):
        pass

    def entry(*_: object) -> None:
        package = str(Path(execution.__file__).parents[1])
        frames = [frame for frame in inspect.stack(0)[1:] if frame.filename.startswith(package)]
        calls.append([frame.function for frame in frames])
        raise SeenError

    monkeypatch.setattr(recipe_stages, "filter_dataset", entry)
    words = ["run", "demo", "--runs", str(tmp_path), "--set", "data.sample.users=60", "--set", f"threads={threads}"]
    with pytest.raises(SeenError):
        main(words)
    (found,) = calls
    if threads == 1:
        found = found[: found.index("run") + 1]
        assert found[-2:] == ["_run", "run"]
    assert len(found) + 1 <= 8, found  # and the work itself


@dataclass
class Point:
    """An entry point of an installed package."""

    name: str
    value: str

    def load(self) -> Any:
        return lengths


def lengths(explanations: Any, dataset: Any, recommender: Any, seed: int) -> list[Row]:
    """An evaluation of one's own: how many words each method writes."""
    return [
        Row(
            method=method.name,
            variant=method.variant,
            task="words",
            metric="words",
            value=sum(len(one.text.split()) for one in own) / len(own),
            low=None,
            high=None,
            cases=len(own),
        )
        for method, own in explanations.items()
    ]


@pytest.fixture
def own_evaluation(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    def entry_points(group: str) -> list[Point]:
        return [Point("words", "package:words")] if group == "recexplainer.evaluations" else []

    monkeypatch.setattr(registry, "entry_points", entry_points)
    registry.registered.cache_clear()
    yield "words"
    registry.registered.cache_clear()


def test_a_registered_evaluation_is_one_of_all(own_evaluation: str, tmp_path: Path) -> None:
    assert known_evaluations() == [*EVALUATIONS, own_evaluation]
    stages = stages_of("demo", f"evaluation.evaluations=[{own_evaluation}]")
    own = stages[own_evaluation]
    assert own_evaluation in stages["evaluation"].inputs
    assert {"cases", "explanations-hybrid-grounded"} <= set(stages)
    world().save(tmp_path / "dataset")
    sasrec().save(tmp_path / "recommender")
    record = explanation_of(world().titles, "Yes, it fits.", variant="grounded")
    write_explanations(complete(tmp_path / "explained") / RunLayout.CASE_EXPLANATIONS, [record])
    folders = {name: tmp_path / name for name in ("dataset", "recommender", "explained")}
    (tmp_path / "own").mkdir()
    assert own.make(StageContext(folders, tmp_path), tmp_path / "own").startswith("1 results on 1 explanations")
    (row,) = read_rows(tmp_path / "own" / "words.json")
    assert (row.method, row.variant, row.metric, row.value) == ("hybrid", "grounded", "words", 3)
