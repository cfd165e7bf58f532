"""The stages in which every method explains the same cases, and those that evaluate that (Tables 2 and 3, Figure 4).

Each stage is declared beside the function that makes it. Other packages are imported inside the functions, so that a
run with nothing to do takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.errors import RecommenderError
from recexplainer.explanations.record import Method
from recexplainer.hardware import use_threads
from recexplainer.pipeline.layout import (
    ALIGNED_TO,
    CASES,
    TARGET,
    RunLayout,
    load_case_explanations,
    load_pairs,
    load_surrogate,
    load_target,
    rows_file,
    stage_name,
    write_case_explanations,
    write_pairs,
)
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.stage import Stage, StageContext
from recexplainer.pipeline.surrogate_stages import (
    ablation_name,
    ablation_stage,
    backbone_key,
    endpoint_key,
    open_endpoint,
    trained_name,
    unaligned_surrogate,
)
from recexplainer.registry import load_registered
from recexplainer.storage import read_json, write_json

if TYPE_CHECKING:
    from recexplainer.chat.model import ChatModel, Conversation
    from recexplainer.recommenders.base import User
    from recexplainer.surrogate.prompt import Form


@dataclass(frozen=True, slots=True)
class CaseWriter:
    """Who explains the cases, and how.

    Attributes:
        method: What it is called in records and rows.
        form: The form of the run's surrogate that explains; None: a model that is not aligned.
        endpoint: Whether the endpoint's chat model explains.
    """

    method: Method
    form: Form | None = None
    endpoint: bool = False

    @property
    def stage(self) -> str:
        """Name of the stage of its explanations."""
        return stage_name("explanations", self.method.name, self.method.variant)


def case_writers(recipe: Recipe) -> list[CaseWriter]:
    """Who explains the cases, in the order of the tables; the form that explains does so in the paper's way, too."""
    endpoint, form = recipe.evaluation.endpoint, recipe.explaining_form
    writers = [CaseWriter(Method("unaligned", "direct"))]
    if endpoint is not None:
        writers.append(CaseWriter(Method(endpoint.model), endpoint=True))
    for each in recipe.forms:
        writers.append(CaseWriter(Method(each, "direct" if each == "intention" else "self_attribution"), each))
    if form != "intention":
        writers.append(CaseWriter(Method(form, "direct"), form))
    return [*writers, CaseWriter(Method(form, "grounded"), form)]


def case_stages(recipe: Recipe) -> list[Stage]:
    """The cases, and the explanations of every method."""
    settings = recipe.evaluation.model_dump(mode="json", include={"n_cases", "seed"})
    drawn = Stage(CASES, partial(draw_pairs, recipe), settings, TARGET)
    return [drawn, *(_explanations_stage(recipe, writer) for writer in case_writers(recipe))]


def draw_pairs(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Draw the pairs that every method explains."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.cases import draw_cases

    dataset, recommender = load_target(context.folders)
    if not recommender.answers_changed_history:
        raise RecommenderError(
            "This recommender cannot answer for a changed history, so explanations cannot be compared with it.",
            location=f"run {recipe.name}",
            hint="Evaluate alignment and baselines only, or give --set recommender.vectors.fold_in=mean.",
        )
    count, seed = recipe.evaluation.n_cases, recipe.evaluation.seed
    pairs = draw_cases(dataset, leave_one_out(dataset), recommender, count, seed)
    write_pairs(folder, pairs)
    return f"{len(pairs):,} pairs of a user and an item"


def _explanations_stage(recipe: Recipe, writer: CaseWriter) -> Stage:
    settings: dict[str, Any] = {"method": writer.method.name, "variant": writer.method.variant}
    inputs = (*ALIGNED_TO, CASES)
    if writer.endpoint:
        settings |= endpoint_key(recipe)
        return Stage(writer.stage, partial(explain_with_endpoint, recipe), settings, inputs)
    trained = None if writer.form is None else trained_name(recipe, writer.form)
    if trained is None:
        settings |= backbone_key(recipe)
    else:
        inputs = (*TARGET, CASES, trained)
    make = partial(explain_with_surrogate, recipe, writer.method, trained)
    return Stage(writer.stage, make, settings, inputs, isolated=True)


def explain_with_surrogate(
    recipe: Recipe, method: Method, trained: str | None, context: StageContext, folder: Path
) -> str:
    """Have a surrogate explain the cases: that of the stage `trained`, or the backbone before it is aligned."""
    from recexplainer.explanations.explainer import Explainer

    use_threads(recipe.threads_each)
    folders = context.folders
    surrogate = load_surrogate(folders[trained]) if trained else unaligned_surrogate(recipe, folders)
    explanations = Explainer(*load_target(folders), surrogate).explain(
        load_pairs(folders),
        evidence=method.variant == "grounded",
        reflect=method.variant == "self_attribution",
        method=method.name,
    )
    write_case_explanations(folder, explanations)
    agree = sum(one.verdict == one.recommended for one in explanations) / len(explanations)
    return f"{len(explanations):,} explanations, {agree:.1%} with the recommender's own verdict"


def explain_with_endpoint(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Have the endpoint's model explain the cases."""
    from recexplainer.explanations.recording import Recorder

    (dataset, recommender), pairs = load_target(context.folders), load_pairs(context.folders)
    model = open_endpoint(recipe, context.chat)
    texts = model.answer(explaining_conversations(pairs, dataset.titles))
    recorder = Recorder(dataset, recommender)
    write_case_explanations(folder, recorder.told(model.name, pairs, [text or "" for text in texts]))
    return f"{len(texts):,} explanations, {texts.count(None):,} of them not answered"


def explaining_conversations(pairs: Sequence[tuple[User, int]], titles: Sequence[str]) -> list[Conversation]:
    """The paper's instruction to explain, for each pair."""
    from recexplainer.evaluation.chat_models import conversation
    from recexplainer.tasks.example import Example

    asked = [Example("rationale", "surrogate", user.id, user.history, (item,)) for user, item in pairs]
    return [conversation(one, titles) for one in asked]


def writer_names(recipe: Recipe) -> tuple[str, ...]:
    """Names of the stages with the explanations of the cases."""
    return tuple(writer.stage for writer in case_writers(recipe))


def open_judges(recipe: Recipe, chat: Path) -> Iterator[ChatModel]:
    """The language models that judge, and that predict the recommender by explanations."""
    if recipe.evaluation.endpoint is not None:
        yield open_endpoint(recipe, chat)
    if recipe.evaluation.judge is not None:
        from recexplainer.chat.model import open_chat_model

        yield open_chat_model(recipe.evaluation.judge)


def judge_stages(recipe: Recipe) -> list[Stage]:
    """Ratings by the rubric, and by language models where they are named (Table 2)."""
    settings = recipe.evaluation.model_dump(mode="json", include={"n_judged", "judge", "seed"}) | endpoint_key(recipe)
    return [Stage("judge", partial(judge, recipe), settings, (*TARGET, *writer_names(recipe)))]


def judge(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Have the explanations rated by every judge."""
    from recexplainer.evaluation.judge import RUBRIC, judge_with_model, judge_with_rubric, judgement_rows
    from recexplainer.evaluation.rows import write_rows

    dataset, _ = load_target(context.folders)
    explanations = load_case_explanations(context.folders, recipe.evaluation.n_judged)
    judged = {RUBRIC: judge_with_rubric(explanations, dataset)}
    for model in open_judges(recipe, context.chat):
        judged[model.name] = judge_with_model(explanations, model, recipe.evaluation.seed)
    write_rows(
        folder / rows_file("judge"), [row for name, each in judged.items() for row in judgement_rows(each, name)]
    )
    write_json(folder / RunLayout.JUDGEMENTS, {name: [asdict(one) for one in each] for name, each in judged.items()})
    count = sum(map(len, explanations.values()))
    return f"{count:,} explanations of {len(explanations)} methods, by {' and '.join(judged)}"


def discriminator_stages(recipe: Recipe) -> list[Stage]:
    """Which method a text is from, as an encoder tells, and by what alone (Figure 4)."""
    return [_encoder_stage(recipe, "discriminator", discriminate)]


def score_predictor_stages(recipe: Recipe) -> list[Stage]:
    """The recommender's score, as an encoder predicts it from the text, and from less than the text (Table 3)."""
    return [_encoder_stage(recipe, "score_predictor", predict_scores)]


def _encoder_stage(recipe: Recipe, name: str, make: Any) -> Stage:
    settings = recipe.evaluation.encoder.model_dump(mode="json")
    settings |= recipe.evaluation.model_dump(mode="json", include={"n_discriminator", "seed"})
    return Stage(name, partial(make, recipe), settings, writer_names(recipe), isolated=True)


def discriminate(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Find out by an encoder which method a text is from, and by what alone that can be found out."""
    from recexplainer.evaluation.controls import discriminator_controls
    from recexplainer.evaluation.discriminator import evaluate_discriminator
    from recexplainer.evaluation.encoder import fit_predict
    from recexplainer.evaluation.rows import write_rows

    use_threads(recipe.threads_each)
    settings, seed = recipe.evaluation.encoder, recipe.evaluation.seed
    explanations = load_case_explanations(context.folders, recipe.evaluation.n_discriminator)
    found = evaluate_discriminator(explanations, partial(fit_predict, settings=settings), seed)
    rows = [*found.rows, *discriminator_controls(explanations, settings, seed)]
    write_rows(folder / RunLayout.CONFUSION, found.confusion)
    write_rows(folder / rows_file("discriminator"), rows)
    return f"{len(rows)} results of {len(explanations)} methods"


def predict_scores(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Predict the recommender's score from the text by an encoder, and from less than the text."""
    from recexplainer.evaluation.controls import score_predictor_controls
    from recexplainer.evaluation.encoder import fit_predict
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.evaluation.score_predictor import evaluate_score_predictor

    use_threads(recipe.threads_each)
    settings, seed = recipe.evaluation.encoder, recipe.evaluation.seed
    explanations = load_case_explanations(context.folders, recipe.evaluation.n_discriminator)
    rows = evaluate_score_predictor(explanations, partial(fit_predict, settings=settings), seed)
    rows += score_predictor_controls(explanations, settings, seed)
    write_rows(folder / rows_file("score_predictor"), rows)
    return f"{len(rows)} results of {len(explanations)} methods"


def faithfulness_stages(recipe: Recipe) -> list[Stage]:
    """Whether explanations hold; a surrogate that has learned no rationale is compared, which the ablation has too."""
    chosen, rationale = recipe.evaluation, "without_rationale"
    named = chosen.endpoint is not None or chosen.judge is not None
    keys = {"n_faithfulness", "seed"} | ({"judge", "n_simulatability"} if named else set[str]())
    inputs = (*TARGET, CASES, *writer_names(recipe), ablation_name(rationale))
    make = partial(measure_faithfulness, recipe)
    settings = chosen.model_dump(mode="json", include=keys) | endpoint_key(recipe)
    compared = [] if "ablation" in chosen.needed else [ablation_stage(recipe, rationale)]
    return [*compared, Stage("faithfulness", make, settings, inputs, isolated=True)]


def measure_faithfulness(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Ask the recommender again without what the texts cite, and have language models predict it by the texts."""
    from recexplainer.evaluation.faithfulness import evaluate_faithfulness
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.evaluation.simulatability import predict_with_model, simulatability_rows
    from recexplainer.explanations.templates import template_explanations

    use_threads(recipe.threads_each)
    chosen = recipe.evaluation
    dataset, recommender = load_target(context.folders)
    explanations = load_case_explanations(context.folders, chosen.n_faithfulness)
    templates = template_explanations(dataset, recommender, load_pairs(context.folders)[: chosen.n_faithfulness])
    explanations |= {each[0].source: each for each in templates.values() if each}
    rows = evaluate_faithfulness(explanations, recommender, chosen.seed)
    first = {method: each[: chosen.n_simulatability] for method, each in explanations.items()}
    simulations: dict[str, list[dict[str, Any]]] = {}
    for model in open_judges(recipe, context.chat):
        found = predict_with_model(first, recommender, model, seed=chosen.seed)
        rows += simulatability_rows(found, model.name)
        simulations[model.name] = [asdict(one) for one in found]
    write_rows(folder / rows_file("faithfulness"), rows)
    write_json(folder / RunLayout.SIMULATIONS, simulations)
    return f"{len(rows)} results of {len(explanations)} methods"


def synthetic_stages(recipe: Recipe) -> list[Stage]:
    """Whether the metrics of faithfulness separate true explanations from corrupted ones, where causes are known."""
    settings = recipe.evaluation.model_dump(mode="json", include={"n_synthetic", "seed"})
    return [Stage("synthetic", partial(check_metrics, recipe), settings, isolated=True)]


def check_metrics(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Test the metrics of faithfulness on synthetic ground truth."""
    from recexplainer.evaluation.faithfulness import faithfulness_values
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.evaluation.synthetic.auroc import evaluate_synthetic

    use_threads(recipe.threads_each)
    rows = evaluate_synthetic(faithfulness_values, recipe.evaluation.n_synthetic, recipe.evaluation.seed)
    write_rows(folder / rows_file("synthetic"), rows)
    return f"{len(rows)} results of {recipe.evaluation.n_synthetic:,} pairs"


def agreement_stages(recipe: Recipe) -> list[Stage]:
    """How far people and judges agree (Figure 3, Appendix A.3); no stage where nobody was asked."""
    ratings = recipe.evaluation.ratings
    if ratings is None:
        return []
    return [Stage("agreement", partial(compare_ratings, ratings), {"ratings": True}, ("judge",), (ratings,))]


def compare_ratings(ratings: Path, context: StageContext, folder: Path) -> str:
    """Compare the ratings of people with those of the judges."""
    from recexplainer.evaluation.agreement import agreement_rows
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.study.ratings import case_name, human_rows, ratings_by_rater, read_ratings

    people = read_ratings(ratings)
    judged: Mapping[str, Sequence[Mapping[str, Any]]] = read_json(context.folders["judge"] / RunLayout.JUDGEMENTS)
    judges = {
        name: {case_name(one["method"], one["variant"], one["user"], one["item"]): one["rating"] for one in each}
        for name, each in judged.items()
    }
    rows = [*human_rows(people), *agreement_rows({**ratings_by_rater(people), **judges}, list(judges))]
    write_rows(folder / rows_file("agreement"), rows)
    return f"{len(people):,} ratings of people compared with {' and '.join(judges)}"


def registered_stages(recipe: Recipe, name: str) -> list[Stage]:
    """An evaluation that another package registers."""
    settings = recipe.evaluation.model_dump(mode="json", include={"n_cases", "seed"})
    return [Stage(name, partial(evaluate_registered, recipe, name), settings, (*TARGET, *writer_names(recipe)))]


def evaluate_registered(recipe: Recipe, name: str, context: StageContext, folder: Path) -> str:
    """Have an evaluation that another package registers make its rows."""
    from recexplainer.evaluation.rows import write_rows

    dataset, recommender = load_target(context.folders)
    evaluate = load_registered("evaluations", name)
    rows = evaluate(load_case_explanations(context.folders), dataset, recommender, recipe.evaluation.seed)
    write_rows(folder / rows_file(name), rows)
    return f"{len(rows)} results"
