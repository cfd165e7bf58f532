"""The stages in which every method explains the same cases, and those that evaluate that (Tables 2 and 3, Figure 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from recexplainer.chat.local import open_chat_model
from recexplainer.chat.model import ChatModel, Conversation
from recexplainer.chat.thinking import without_thinking
from recexplainer.claims.corpus import Corpus
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset, leave_one_out
from recexplainer.errors import RecommenderError, SettingsError, first_line
from recexplainer.evaluation import Evaluation
from recexplainer.evaluation.cases import draw_cases
from recexplainer.evaluation.controls import discriminator_controls, score_predictor_controls
from recexplainer.evaluation.encoder import embed_texts, fit_predict
from recexplainer.evaluation.faithfulness import evaluate_faithfulness, faithfulness_values
from recexplainer.evaluation.judge import RUBRIC, judge_with_model, judge_with_rubric, judgement_rows
from recexplainer.evaluation.language import evaluate_language
from recexplainer.evaluation.predictors import evaluate_discriminator, evaluate_score_predictor
from recexplainer.evaluation.rows import Row, write_rows
from recexplainer.evaluation.simulatability import predict_with_model, simulatability_rows
from recexplainer.evaluation.synthetic.auroc import evaluate_synthetic
from recexplainer.evaluation.vector_reconstruction import FEWEST_USERS, evaluate_vector_reconstruction
from recexplainer.explanations.explainer import PairExplainer
from recexplainer.explanations.record import Explanation, Method
from recexplainer.explanations.templates import template_explanations
from recexplainer.pipeline import layout, surrogate_stages
from recexplainer.pipeline.execution import Stage, StageContext
from recexplainer.pipeline.layout import ALIGNED_TO, CASES, DATASET, TARGET, RunLayout, rows_file, stage_name
from recexplainer.pipeline.recipe import Recipe
from recexplainer.recommenders.base import User
from recexplainer.registry import load_registered, registered
from recexplainer.storage import read_json, write_json
from recexplainer.study.agreement import agreement_rows
from recexplainer.study.packet import case_name, human_rows, ratings_by_rater, read_ratings
from recexplainer.tasks.example import Example

_READ = {"n_discriminator", "seed"}


def case_methods(recipe: Recipe) -> list[Method]:
    """Who explains the cases, in the order of the tables; the form that explains does so in the paper's way, too."""
    endpoint, form = recipe.evaluation.endpoint, recipe.explaining_form
    methods = [Method("unaligned", "direct"), *([] if endpoint is None else [Method(endpoint.model)])]
    methods += [Method(each, "direct" if each == "intention" else "self_attribution") for each in recipe.forms]
    return list(dict.fromkeys([*methods, Method(form, "direct"), Method(form, "grounded")]))


def case_stage_name(method: Method) -> str:
    """Name of the stage of the explanations of the cases by a method."""
    return stage_name("explanations", method.name, method.variant)


def case_stage_names(recipe: Recipe) -> tuple[str, ...]:
    """Names of all stages with explanations of the cases."""
    return tuple(map(case_stage_name, case_methods(recipe)))


def case_stages(recipe: Recipe) -> list[Stage]:
    """The cases, and the explanations of every method."""
    settings = recipe.evaluation.model_dump(mode="json", include={"n_cases", "seed"})
    drawn = Stage(CASES, partial(_draw_pairs, recipe), settings, TARGET)
    return [drawn, *(_explanations_stage(recipe, method) for method in case_methods(recipe))]


def _draw_pairs(recipe: Recipe, context: StageContext, folder: Path) -> str:
    dataset, recommender = layout.load_target(context.folders)
    if not recommender.answers_changed_history:
        raise RecommenderError(
            "This recommender cannot answer for a changed history, so explanations cannot be compared with it.",
            location=f"run {recipe.name}",
            hint="Evaluate alignment and baselines only, or give --set recommender.vectors.fold_in=mean.",
        )
    chosen = recipe.evaluation
    pairs = draw_cases(dataset, leave_one_out(dataset), recommender, chosen.n_cases, chosen.seed)
    layout.write_pairs(folder, pairs)
    return f"{len(pairs):,} pairs of a user and an item"


def _explanations_stage(recipe: Recipe, method: Method) -> Stage:
    settings, inputs, name = asdict(method), (*ALIGNED_TO, CASES), case_stage_name(method)
    if not method.variant:
        settings |= surrogate_stages.endpoint_key(recipe)
        return Stage(name, partial(_explain_with_endpoint, recipe), settings, inputs)
    trained, read = None, ()
    if method.name in recipe.forms:
        trained = surrogate_stages.trained_name(recipe, method.name)
        inputs = (*TARGET, CASES, trained)
    else:
        settings |= surrogate_stages.backbone_key(recipe)
        read = recipe.surrogate.sources
    return Stage(name, partial(_explain_with_surrogate, recipe, method, trained), settings, inputs, read, isolated=True)


def _explain_with_surrogate(
    recipe: Recipe, method: Method, trained: str | None, context: StageContext, folder: Path
) -> str:
    """The surrogate of the stage `trained` explains, or the backbone before it is aligned."""
    folders = context.folders
    unaligned = surrogate_stages.unaligned_surrogate
    surrogate = layout.load_surrogate(folders[trained]) if trained else unaligned(recipe, folders)
    explanations = PairExplainer(*layout.load_target(folders), surrogate).explain(
        layout.load_pairs(folders),
        grounded=method.variant == "grounded",
        self_attribution=method.variant == "self_attribution",
        source=method,
    )
    layout.write_explanations(folder / RunLayout.CASE_EXPLANATIONS, explanations)
    agree = sum(one.verdict == one.recommended for one in explanations) / len(explanations)
    return f"{len(explanations):,} explanations, {agree:.1%} with the recommender's own verdict"


def _explain_with_endpoint(recipe: Recipe, context: StageContext, folder: Path) -> str:
    (dataset, recommender), pairs = layout.load_target(context.folders), layout.load_pairs(context.folders)
    model = surrogate_stages.open_endpoint(recipe, context.chat)
    texts = model.answer(explaining_conversations(pairs, dataset.titles))
    records = PairExplainer(dataset, recommender).records
    explanations = records(Method(model.name), pairs, [without_thinking(text or "") for text in texts])
    layout.write_explanations(folder / RunLayout.CASE_EXPLANATIONS, explanations)
    return f"{len(texts):,} explanations, {texts.count(None):,} of them not answered"


def explaining_conversations(pairs: Sequence[tuple[User, int]], titles: Sequence[str]) -> list[Conversation]:
    """The paper's instruction to explain, for each pair."""
    from recexplainer.evaluation.baselines import conversation

    asked = [Example("rationale", "surrogate", user.id, user.history, (item,)) for user, item in pairs]
    return [conversation(one, titles) for one in asked]


def _open_judges(recipe: Recipe, chat: Path) -> Iterator[ChatModel]:
    """The language models that judge, and that predict the recommender by explanations."""
    if recipe.evaluation.endpoint is not None:
        yield surrogate_stages.open_endpoint(recipe, chat)
    if recipe.evaluation.judge is not None:
        yield open_chat_model(recipe.evaluation.judge)


def judge_stages(recipe: Recipe) -> list[Stage]:
    """Ratings by the rubric, and by language models where they are named (Table 2)."""
    settings = recipe.evaluation.model_dump(mode="json", include={"n_judged", "judge", "seed"})
    settings |= surrogate_stages.endpoint_key(recipe)
    return [Stage("judge", partial(_judge, recipe), settings, (*TARGET, *case_stage_names(recipe)))]


def _judge(recipe: Recipe, context: StageContext, folder: Path) -> str:
    dataset, _ = layout.load_target(context.folders)
    explanations = layout.load_case_explanations(context.folders, recipe.evaluation.n_judged)
    judged = {RUBRIC: judge_with_rubric(explanations, dataset)}
    for model in _open_judges(recipe, context.chat):
        judged[model.name] = judge_with_model(explanations, model, recipe.evaluation.seed)
    write_json(folder / RunLayout.JUDGEMENTS, {name: [asdict(one) for one in each] for name, each in judged.items()})
    rows = [row for name, each in judged.items() for row in judgement_rows(each, name)]
    return f"{_write(folder, 'judge', rows, explanations)}, by {' and '.join(judged)}"


def encoder_stages(recipe: Recipe, name: str) -> list[Stage]:
    """What an encoder learns from the texts, and from less: the method (Figure 4) or the score (Table 3)."""
    settings = recipe.evaluation.encoder.model_dump(mode="json")
    settings |= recipe.evaluation.model_dump(mode="json", include={"n_discriminator", "seed"})
    make = partial(_read_with_encoder, recipe, name)
    return [Stage(name, make, settings, case_stage_names(recipe), isolated=True)]


def _read_with_encoder(recipe: Recipe, name: str, context: StageContext, folder: Path) -> str:
    settings, seed = recipe.evaluation.encoder, recipe.evaluation.seed
    predict = partial(fit_predict, settings=settings)
    explanations = layout.load_case_explanations(context.folders, recipe.evaluation.n_discriminator)
    if name == "discriminator":
        found = evaluate_discriminator(explanations, predict, seed)
        write_rows(folder / RunLayout.CONFUSION, found.confusion)
        rows = [*found.rows, *discriminator_controls(explanations, settings, seed)]
    else:
        rows = evaluate_score_predictor(explanations, predict, seed)
        rows += score_predictor_controls(explanations, settings, seed)
    return _write(folder, name, rows, explanations)


def faithfulness_stages(recipe: Recipe) -> list[Stage]:
    """Whether explanations hold; with those of the surrogate without rationale, where the ablation has trained one."""
    chosen, compared = recipe.evaluation, tuple[str, ...]()
    if "ablation" in chosen.needed:
        compared = (surrogate_stages.ablation_stage(recipe, "without_rationale").name,)
    named = chosen.endpoint is not None or chosen.judge is not None
    keys = {"n_faithfulness", "seed"} | ({"judge", "n_simulatability"} if named else set[str]())
    settings = chosen.model_dump(mode="json", include=keys) | surrogate_stages.endpoint_key(recipe)
    inputs = (*TARGET, CASES, *case_stage_names(recipe), *compared)
    return [Stage("faithfulness", partial(_ask_again, recipe), settings, inputs, isolated=True)]


def _ask_again(recipe: Recipe, context: StageContext, folder: Path) -> str:
    """Ask the recommender without what the texts cite, and have language models predict it by the texts."""
    chosen = recipe.evaluation
    dataset, recommender = layout.load_target(context.folders)
    pairs = layout.load_pairs(context.folders)[: chosen.n_faithfulness]
    explanations = layout.load_case_explanations(context.folders, chosen.n_faithfulness)
    templates = template_explanations(dataset, recommender, pairs).values()
    explanations |= {each[0].source: each for each in templates if each}
    rows = evaluate_faithfulness(explanations, recommender, chosen.seed)
    first = {method: each[: chosen.n_simulatability] for method, each in explanations.items()}
    predictions: dict[str, list[dict[str, Any]]] = {}
    for model in _open_judges(recipe, context.chat):
        found = predict_with_model(first, recommender, model, seed=chosen.seed)
        rows += simulatability_rows(found, model.name)
        predictions[model.name] = [asdict(one) for one in found]
    write_json(folder / RunLayout.SIMULATIONS, predictions)
    return _write(folder, "faithfulness", rows, explanations)


def synthetic_stages(recipe: Recipe) -> list[Stage]:
    """Whether the metrics of faithfulness separate true explanations from corrupted ones, where causes are known."""
    settings = recipe.evaluation.model_dump(mode="json", include={"n_synthetic", "seed"})
    return [Stage("synthetic", partial(_check_metrics, recipe), settings, isolated=True)]


def _check_metrics(recipe: Recipe, context: StageContext, folder: Path) -> str:
    rows = evaluate_synthetic(faithfulness_values, recipe.evaluation.n_synthetic, recipe.evaluation.seed)
    write_rows(folder / rows_file("synthetic"), rows)
    return f"{len(rows)} results of {recipe.evaluation.n_synthetic:,} pairs"


def language_stages(recipe: Recipe) -> list[Stage]:
    """How explanations are worded, beside the texts of a corpus where one is named."""
    corpus, settings = recipe.evaluation.corpus, recipe.evaluation.model_dump(mode="json", include=_READ)
    settings |= {"corpus": corpus is not None, "corpus_catalogues": recipe.evaluation.corpus_catalogues}
    make, sources = partial(_measure_language, recipe), () if corpus is None else (corpus,)
    return [Stage("language", make, settings, (DATASET, *case_stage_names(recipe)), sources, isolated=True)]


def _measure_language(recipe: Recipe, context: StageContext, folder: Path) -> str:
    chosen, dataset = recipe.evaluation, Dataset.load(context.folders[DATASET])
    corpus, alike = None if chosen.corpus is None else _load_corpus(chosen.corpus), chosen.corpus_catalogues
    if corpus and (unknown := set(alike) - corpus.catalogues.keys()):
        raise SettingsError(
            f"The corpus has no catalogue {', '.join(sorted(unknown))}.",
            location="evaluation.corpus_catalogues",
            hint=f"It has {', '.join(sorted(corpus.catalogues))}.",
        )
    explanations = layout.load_case_explanations(context.folders, chosen.n_discriminator)
    rows = evaluate_language(
        explanations, dataset.titles, Attributes.of(dataset), corpus, chosen.seed, chosen.corpus_catalogues
    )
    note = "" if corpus else "; not compared with other texts, since evaluation.corpus names none"
    return _write(folder, "language", rows, explanations) + note


def _load_corpus(folder: Path) -> Corpus:
    try:
        return Corpus.load(folder)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise SettingsError(
            f"This is no corpus of free texts: {first_line(error)}",
            location=f"evaluation.corpus = {folder}",
            hint="Give a folder with catalogues, cases and texts, as corpus/ of the source tree is laid out.",
        ) from error


def vector_reconstruction_stages(recipe: Recipe) -> list[Stage]:
    """How much of the recommender's user vectors comes back from the texts; no rows where it has no vectors."""
    chosen = recipe.evaluation
    settings: dict[str, Any] = {"encoder": chosen.encoder.path, **chosen.model_dump(mode="json", include=_READ)}
    inputs = (*TARGET, *case_stage_names(recipe))
    return [Stage("vector_reconstruction", partial(_read_back, recipe), settings, inputs, isolated=True)]


def _read_back(recipe: Recipe, context: StageContext, folder: Path) -> str:
    chosen, (_, recommender) = recipe.evaluation, layout.load_target(context.folders)
    explanations = layout.load_case_explanations(context.folders, chosen.n_discriminator)
    embed = partial(embed_texts, settings=chosen.encoder)
    rows = evaluate_vector_reconstruction(explanations, recommender, embed, chosen.seed)
    made = _write(folder, "vector_reconstruction", rows, explanations)
    if not recommender.has_vectors:
        return "none: the recommender has no vectors"
    return made if any(one.value is not None for one in rows) else f"{made}; N/A, of fewer than {FEWEST_USERS} users"


def agreement_stages(recipe: Recipe) -> list[Stage]:
    """How far people and judges agree (Figure 3, Appendix A.3); no stage where nobody was asked."""
    ratings = recipe.evaluation.ratings
    if ratings is None:
        return []
    return [Stage("agreement", partial(_compare_ratings, ratings), {"ratings": True}, ("judge",), (ratings,))]


def _compare_ratings(ratings: Path, context: StageContext, folder: Path) -> str:
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
    """An evaluation that another package registers under a name."""
    settings = {"entry_point": registered("evaluations")[name].value, "seed": recipe.evaluation.seed}
    return [Stage(name, partial(_evaluate_registered, recipe, name), settings, (*TARGET, *case_stage_names(recipe)))]


def _evaluate_registered(recipe: Recipe, name: str, context: StageContext, folder: Path) -> str:
    explanations = layout.load_case_explanations(context.folders)
    evaluate: Evaluation = load_registered("evaluations", name)
    rows = evaluate(explanations, *layout.load_target(context.folders), recipe.evaluation.seed)
    return _write(folder, name, rows, explanations)


def _write(folder: Path, name: str, rows: Sequence[Row], explanations: Mapping[Method, Sequence[Explanation]]) -> str:
    write_rows(folder / rows_file(name), rows)
    total = sum(map(len, explanations.values()))
    return f"{len(rows)} results on {total:,} explanations of {len(explanations)} methods"
