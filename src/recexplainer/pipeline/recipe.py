"""The recipe: everything that decides what a run makes, put together from the settings of the packages.

It knows which settings there are, not what is done with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from recexplainer.chat.settings import EndpointSettings
from recexplainer.data.filtering import FilterSettings
from recexplainer.data.readers.columns import ColumnMapping
from recexplainer.errors import SettingsError
from recexplainer.evaluation.distillation import DistillationSettings
from recexplainer.evaluation.encoder import EncoderSettings
from recexplainer.pipeline.settings_reader import check_settings, inner_settings, read_settings
from recexplainer.recommenders.kinds import RecommenderSettings
from recexplainer.registry import registered
from recexplainer.reports.inputs import PaperDataset
from recexplainer.settings import Settings
from recexplainer.surrogate.prompt import Form
from recexplainer.surrogate.settings import SurrogateSettings
from recexplainer.tasks.mixture import MixtureSettings

EVALUATIONS = (
    *("alignment", "baselines", "judge", "discriminator", "score_predictor"),
    *("ablation", "agreement", "faithfulness", "synthetic", "forgetting", "language", "vector_reconstruction"),
)
"""The evaluations that come with the package, in the order of the paper; the last five are not in it."""


class SampleSettings(Settings):
    """The embedded world: a fictional shop and people with tastes."""

    users: int = Field(default=1600, ge=1)
    """Number of people."""
    items: int = Field(default=320, ge=1)
    """Number of games and devices."""
    seed: int = 0
    """Seed of the world."""


class DataSettings(Settings):
    """Where the interactions come from, and which of them are kept."""

    source: Literal["sample", "files"] = "files"
    """`sample` is the embedded world; `files` are read from `path`."""
    path: Path | None = None
    """Folder or file with the interactions and items; `--data` on the command line."""
    sample: SampleSettings = SampleSettings()
    """The embedded world's size and seed."""
    format: str | None = None
    """Key of the format (recbole, amazon, movielens, steam, table, or a registered one); None: recognised by names."""
    columns: ColumnMapping | None = None
    """Which column of a table is what; None: recognised by their names."""
    filter: FilterSettings = FilterSettings()
    """Which items and users are kept."""


class ExplanationSettings(Settings):
    """The explanations that go into the report."""

    renamed = MappingProxyType({"views": "aspects"})

    count: int = Field(default=10, ge=1)
    """Number of pairs explained."""
    form: Form | None = None
    """The form that explains; None: the last one trained."""
    aspects: tuple[str, ...] | None = None
    """Aspects under which one of the pairs is explained besides, in the reader's words (paper Figure 6); None: two that
    the catalogue allows, such as `from the view of genres`."""


class AblationSettings(Settings):
    """How surrogates are aligned anew, each without some of the tasks (paper section 3.5, Figure 7)."""

    steps: int = Field(default=1500, ge=1)
    """Training steps of each, the same for all."""
    users: int = Field(default=500, ge=1)
    """Test users whose questions each is measured by; all are measured by the same."""
    cases: int = Field(default=200, ge=1)
    """Explanations of each that are judged."""


class EvaluationSettings(Settings):
    """Which evaluations a run has, and how they are done; `recexplainer evaluate` adds to them."""

    renamed = MappingProxyType(
        {"made": "evaluations", "cases": "n_cases", "judged": "n_judged", "read": "n_discriminator"}
        | {"faithful": "n_faithfulness", "simulated": "n_simulatability", "planted": "n_synthetic"}
    )

    evaluations: tuple[str, ...] = ("alignment",)
    """Which evaluations: alignment, baselines, judge, discriminator, score_predictor, ablation, agreement,
    faithfulness, synthetic, forgetting, language, vector_reconstruction, or one that an installed package registers."""
    n_cases: int = Field(default=2500, ge=5)
    """Pairs of a user and an item that every method explains (paper section 3.4: 2,500); fewer where there are fewer
    test users."""
    n_judged: int = Field(default=500, ge=1)
    """How many of them are judged (paper section 3.3: 500)."""
    n_discriminator: int = Field(default=2500, ge=5)
    """How many of them the discriminator and the score predictor learn from and are tested by (section 3.4: 2,500), and
    how many are read for `language` and `vector_reconstruction`. On one core 800 take the first two about ten minutes
    each."""
    n_faithfulness: int = Field(default=500, ge=1)
    """For how many of them the recommender is asked again, without what the texts cite."""
    n_simulatability: int = Field(default=100, ge=1)
    """For how many of them a chat model or a language model that is named predicts the recommender, by the texts alone:
    three questions each and method."""
    n_synthetic: int = Field(default=1000, ge=2)
    """Pairs of a true and a corrupted explanation that the metrics of faithfulness are tested on."""
    n_forgetting: int = Field(default=100, ge=1)
    """Held-out general conversations whose loss is measured before alignment and after, of a pretrained backbone; fewer
    where `examples.chat_path` holds fewer. One core takes about a minute for 50 of a model of 135 million weights."""
    endpoint: EndpointSettings | None = None
    """A chat model that is measured too, judges, and predicts the recommender by explanations; None: none is asked."""
    judge: str | None = None
    """A chat model that judges and predicts: a language model on this machine (a folder, or a name on the hub), or one
    that a package registers; None: none does."""
    ratings: Path | None = None
    """How people rate the explanations, as `recexplainer study import` keeps it; None: nobody was asked."""
    corpus: Path | None = None
    """Folder of a corpus of free texts, laid out as `corpus/` of the source tree, that `language` compares explanations
    with; None: they are not compared."""
    corpus_catalogues: tuple[str, ...] = ()
    """Its catalogues of items like one's own, such as `games`: `language` compares with texts about these, too."""
    student: DistillationSettings = DistillationSettings()
    """The SASRec that is distilled from the recommender."""
    encoder: EncoderSettings = EncoderSettings()
    """What reads explanations for the discriminator, the score predictor and `vector_reconstruction`."""
    ablation: AblationSettings = AblationSettings()
    """How long, and by how many cases, surrogates without some of the tasks are trained and measured."""
    seed: int = Field(default=0, ge=0)
    """Seed of what Random and Popularity draw, of the cases, and of the order in which they are judged. How many
    questions alignment is measured by is set by `examples.test_users`."""

    @field_validator("evaluations")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [*EVALUATIONS, *registered("evaluations")]
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"there is no evaluation {unknown[0]!r}; the evaluations are: {', '.join(known)}")
        return names

    @property
    def needed(self) -> frozenset[str]:
        """The evaluations to be done: with people's ratings the judge too, since they are compared with it."""
        compared = "agreement" in self.evaluations and self.ratings is not None
        return frozenset((*self.evaluations, "judge") if compared else self.evaluations)


class ReportSettings(Settings):
    """The report."""

    paper_dataset: PaperDataset | None = None
    """The paper's dataset that this run repeats; its published numbers are then shown as a comparison."""


class Recipe(Settings):
    """A whole run. Settings that are left out have their defaults."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the run and of its folder: letters, digits, dots, dashes and underscores."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads, which processes on one machine share; None: the cores that are free when the run is first
    started. A resumed run keeps its number, since the order of additions depends on it."""
    seed: int = 0
    """Seed of everything random; each part that states its own `seed` keeps that."""
    data: DataSettings = DataSettings()
    """Interactions and items."""
    recommender: RecommenderSettings = RecommenderSettings()
    """The recommender to be explained."""
    examples: MixtureSettings = MixtureSettings()
    """The questions that the surrogate is trained on."""
    forms: tuple[Form, ...] = Field(default=("behavior", "intention", "hybrid"), min_length=1)
    """Which forms of the surrogate are trained, in this order."""
    surrogate: SurrogateSettings = SurrogateSettings()
    """Backbone and training."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """Which evaluations the run has, and how they are done."""
    explanations: ExplanationSettings = ExplanationSettings()
    """Explanations in the report."""
    report: ReportSettings = ReportSettings()
    """The report."""

    @property
    def workers(self) -> int:
        """How many surrogates are trained or measured side by side: `nano` keeps one core busy, not several.

        A pretrained backbone does, and hybrid waits for intention: one after the other is then sooner done.
        """
        if self.surrogate.is_pretrained:
            return 1
        return max(1, min(self.threads or 1, len(self.forms)))

    @property
    def threads_each(self) -> int:
        """Threads for each of those that are trained or measured side by side."""
        return max(1, (self.threads or 1) // self.workers)

    @property
    def explaining_form(self) -> Form:
        """The form that explains: the one that the recipe names, else the last one trained."""
        return self.explanations.form or self.forms[-1]

    @model_validator(mode="before")
    @classmethod
    def _spread_seed(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("seed"), int):
            return spread_seed(cls, values, values["seed"])
        return values

    @model_validator(mode="after")
    def _check_forms(self) -> Recipe:
        if len(set(self.forms)) < len(self.forms):
            raise ValueError("each form can be trained once; 'forms' names one twice")
        if self.explanations.form is not None and self.explanations.form not in self.forms:
            raise ValueError(f"'explanations.form' is {self.explanations.form}, which is not among 'forms'")
        return self


def spread_seed(kind: type[Settings], values: dict[str, Any], seed: int) -> dict[str, Any]:
    """The values with `seed` given to every settings class within that has a seed and does not state its own."""
    spread = dict(values)
    for name, field in kind.model_fields.items():
        inner = inner_settings(field.annotation)
        if name == "seed":
            spread.setdefault(name, seed)
        elif inner is not None:
            stated = spread.get(name, None if field.default is None else {})
            if isinstance(stated, dict):
                spread[name] = spread_seed(inner, stated, seed)
    return spread


def load_recipe(recipe: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe: a YAML file, or a name such as `demo`; `overrides` are changes, each `key.sub=value`.

    Raises SettingsError where there is no such recipe, or it is wrong; it names the file, the key, and the nearest key.
    """
    return read_settings(Recipe, find_recipe(recipe), overrides)


def recipe_text(recipe: Recipe) -> str:
    """The recipe as YAML with every setting spelled out; it reads back equal."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def with_changes(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with some of its top-level settings replaced (mappings are merged), checked anew."""
    values = recipe.model_dump(mode="json")
    for key, change in changes.items():
        values[key] = {**values[key], **change} if isinstance(change, dict) else change
    return check_settings(Recipe, values, f"recipe {recipe.name}")


def find_recipe(recipe: str | Path) -> Path:
    """The file of a recipe: a path as it stands, or a name of one that comes with the package.

    Raises SettingsError, which lists the known names, where it is neither.
    """
    if Path(recipe).is_file():
        return Path(recipe)
    package = Path(__file__).parents[1]  # in a source tree the recipes are beside `src`
    folder = package.parent.with_name("recipes") if package.parent.name == "src" else package / "recipes"
    shipped = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if str(recipe) in shipped:
        return shipped[str(recipe)]
    hint = f"Give the path of a YAML file, or one of: {', '.join(shipped)}."
    raise SettingsError("There is no such recipe.", location=str(recipe), hint=hint)
