"""What the stages of the evaluations do; as in `steps.py`, rooms are loaded inside the functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recexplainer.errors import RecommenderError, SettingsError
from recexplainer.hardware import best_device, use_threads
from recexplainer.pipeline.evaluation_settings import EVALUATIONS
from recexplainer.pipeline.names import ASKED, explaining_form, measurement_stage
from recexplainer.pipeline.recipe import Recipe
from recexplainer.pipeline.run import RunContext
from recexplainer.pipeline.steps import test_cases
from recexplainer.progress import say
from recexplainer.storage import read_json, write_json
from recexplainer.tasks.example import Task

if TYPE_CHECKING:
    from recexplainer.chat.endpoint import Endpoint
    from recexplainer.chat.model import ChatModel, Conversation
    from recexplainer.chat.spend import Spend
    from recexplainer.data.dataset import Dataset
    from recexplainer.explanations.record import Explanation
    from recexplainer.recommenders.base import Recommender, User
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.training import Alignment

ABLATIONS: dict[str, tuple[Task, ...]] = {
    "nothing": (),
    "retrieval-and-ranking": ("retrieval", "ranking"),
    "classification": ("classification",),
    "discrimination": ("discrimination",),
    "chat": ("chat",),
    "reconstruction": ("reconstruction",),
    "rationale": ("rationale",),
}
"""What is left out of the tasks, as in the paper's Figure 7, and rationale, which the paper does not have."""


def measure_unaligned(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Measure the backbone before it is aligned, asked outright and with two solved questions in its context."""
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.cases import draw_shots
    from recexplainer.evaluation.rows import write_rows

    use_threads((recipe.threads or 1) // recipe.surrogates_at_once)
    cases, surrogate = test_cases(context), _unaligned(recipe, context)
    shots = draw_shots(_alignment(context).examples, recipe.evaluation.seed)
    rows = evaluate_surrogate(surrogate, cases, "unaligned")
    rows += evaluate_surrogate(surrogate, cases, "unaligned-icl", shots)
    write_rows(folder / "alignment.json", rows)
    return f"{len(rows)} results"


def measure_student(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Distil a SASRec from the recommender, and measure how well it answers as the recommender does."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.evaluation.scoring import evaluate_scores
    from recexplainer.recommenders.distillation import distill_sasrec

    use_threads((recipe.threads or 1) // recipe.surrogates_at_once)
    cases = test_cases(context)
    if not cases.recommender.answers_changed_history:
        write_rows(folder / "alignment.json", [])
        return "none: the recommender has no answers for prefixes of histories"
    student, trials = distill_sasrec(
        cases.dataset, leave_one_out(cases.dataset), cases.recommender, recipe.evaluation.student
    )
    write_rows(folder / "alignment.json", evaluate_scores("student", student, cases))
    write_json(folder / "trials.json", [asdict(trial) for trial in trials])
    return f"SASRec distilled at temperature {trials[0].temperature:g}, the best of {len(trials)}"


def measure_endpoint(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Measure a chat model, asked outright and with two solved questions in its context."""
    from recexplainer.evaluation.cases import draw_shots
    from recexplainer.evaluation.in_words import alignment_conversations, evaluate_chat_model
    from recexplainer.evaluation.rows import write_rows

    cases, model = test_cases(context), _endpoint(recipe, context)
    shots = draw_shots(_alignment(context).examples, recipe.evaluation.seed)
    say(str(model.estimate([*alignment_conversations(cases, {}), *alignment_conversations(cases, shots)])))
    rows = evaluate_chat_model(model.name, model, cases)
    rows += evaluate_chat_model(f"{model.name}-icl", model, cases, shots)
    write_rows(folder / "alignment.json", rows)
    return f"{len(rows)} results of {model.name}"


def draw(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Draw the pairs that every method explains."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.cases import draw_cases

    dataset, recommender = _target(context)
    if not recommender.answers_changed_history:
        raise RecommenderError(
            "This recommender cannot answer for a changed history, so explanations cannot be compared with it.",
            where=f"run {recipe.name}",
            mend="Evaluate alignment and baselines only, or give vectors a way to fold in (vectors.fold_in).",
        )
    pairs = draw_cases(dataset, leave_one_out(dataset), recommender, recipe.evaluation.cases, recipe.evaluation.seed)
    write_json(folder / "pairs.json", [[user.id, list(user.history), item] for user, item in pairs])
    return f"{len(pairs):,} pairs of a user and an item"


def explain_cases(recipe: Recipe, context: RunContext, folder: Path, *, method: str) -> str:
    """Have one method explain the cases."""
    from recexplainer.explanations.explainer import Explainer
    from recexplainer.explanations.recording import Recorder
    from recexplainer.pipeline.gathering import write_explanations
    from recexplainer.surrogate.model import Surrogate

    use_threads((recipe.threads or 1) // recipe.surrogates_at_once)
    dataset, recommender = _target(context)
    pairs = _pairs(context)
    form, _, evidence = method.partition("+")
    if form == "unaligned" or form in recipe.forms:
        trained = next((folder for name, folder in context.folders.items() if name.startswith("surrogate-")), None)
        surrogate = Surrogate.from_pretrained(trained).to(best_device()) if trained else _unaligned(recipe, context)
        explainer = Explainer(dataset, recommender, surrogate)
        told = explainer.explain(pairs, evidence=bool(evidence), method=form)
    else:
        model = _endpoint(recipe, context)
        conversations = _explaining(pairs, dataset.titles)
        say(str(model.estimate(conversations)))
        texts = [text or "" for text in model.answer(conversations)]
        told = Recorder(dataset, recommender).told(method, pairs, texts)
    write_explanations(folder / "explanations.json", told)
    agree = sum(one.verdict == one.recommended for one in told) / len(told)
    return f"{len(told):,} explanations, {agree:.1%} with the recommender's own verdict"


def judge(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Have the explanations judged by rules, and by language models where they are named (Table 2)."""
    from recexplainer.evaluation.judge import RUBRIC, judge_with_model, judge_with_rubric, judgement_rows
    from recexplainer.evaluation.rows import write_rows

    dataset, _ = _target(context)
    told = _first(recipe.evaluation.judged, context)
    judged = {RUBRIC: judge_with_rubric(told, dataset)}
    for model in _judges(recipe, context):
        judged[model.name] = judge_with_model(told, model, recipe.evaluation.seed)
    write_rows(folder / "judge.json", [row for name, each in judged.items() for row in judgement_rows(each, name)])
    write_json(folder / "judgements.json", {name: [asdict(one) for one in each] for name, each in judged.items()})
    return f"{sum(map(len, told.values())):,} explanations of {len(told)} methods, by {' and '.join(judged)}"


def discriminate(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Tell whose explanation a text is (Figure 4), and by what alone it could be told."""
    from recexplainer.evaluation.controls import discriminator_controls
    from recexplainer.evaluation.discriminator import evaluate_discriminator
    from recexplainer.evaluation.encoder import fit_predict
    from recexplainer.evaluation.rows import write_rows

    use_threads((recipe.threads or 1) // recipe.surrogates_at_once)
    told, settings, seed = _first(recipe.evaluation.read, context), recipe.evaluation.encoder, recipe.evaluation.seed
    rows = evaluate_discriminator(told, partial(fit_predict, settings=settings), seed)
    rows += discriminator_controls(told, settings, seed)
    write_rows(folder / "discriminator.json", rows)
    return f"{len(rows)} results of {len(told)} methods"


def predict_scores(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Predict f's score from the text (Table 3), and from less than the text."""
    from recexplainer.evaluation.controls import score_predictor_controls
    from recexplainer.evaluation.encoder import fit_predict
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.evaluation.score_predictor import evaluate_score_predictor

    use_threads((recipe.threads or 1) // recipe.surrogates_at_once)
    told, settings, seed = _first(recipe.evaluation.read, context), recipe.evaluation.encoder, recipe.evaluation.seed
    rows = evaluate_score_predictor(told, partial(fit_predict, settings=settings), seed)
    rows += score_predictor_controls(told, settings, seed)
    write_rows(folder / "score-predictor.json", rows)
    return f"{len(rows)} results of {len(told)} methods"


def ablate(recipe: Recipe, context: RunContext, folder: Path, *, name: str) -> str:
    """Align a surrogate without some of the tasks, and measure it as the others are (Figure 7)."""
    from recexplainer.data.split import leave_one_out
    from recexplainer.evaluation.alignment import evaluate_surrogate
    from recexplainer.evaluation.cases import draw_cases
    from recexplainer.evaluation.judge import RUBRIC, judge_with_rubric, judgement_rows
    from recexplainer.evaluation.rows import write_rows
    from recexplainer.explanations.explainer import Explainer
    from recexplainer.surrogate import training

    use_threads((recipe.threads or 1) // recipe.surrogates_at_once)
    without, whole, form = ABLATIONS[name], _alignment(context), explaining_form(recipe)
    dataset, recommender = whole.dataset, whole.recommender
    kept = [one for one in whole.examples if one.task not in without]
    settings = recipe.surrogate
    if "discrimination" in without:  # the first phase names items from their vectors: that is this task
        settings = settings.model_copy(update={"item_examples": 0})
    surrogate = training.train_surrogate(
        form,
        training.Alignment(dataset, recommender, kept),
        settings,
        folder / "surrogate",
        context.work,
        steps=recipe.evaluation.ablation.steps,
    )
    method = form if not without else f"{form} without {name.replace('-', ' ')}"
    rows = evaluate_surrogate(surrogate.to(best_device()), test_cases(context), method)
    if recommender.answers_changed_history:
        count, seed = recipe.evaluation.ablation.cases, recipe.evaluation.seed
        pairs = draw_cases(dataset, leave_one_out(dataset), recommender, count, seed)
        told = Explainer(dataset, recommender, surrogate).explain(pairs, evidence=False, method=method)
        rows += judgement_rows(judge_with_rubric({method: told}, dataset), RUBRIC)
    write_rows(folder / "ablation.json", rows)
    return f"{len(rows)} results of {method}"


def gather_ablation(context: RunContext, folder: Path) -> str:
    """Put the rows of all ablated surrogates into one file."""
    from recexplainer.evaluation.rows import read_rows, write_rows

    rows = [row for each in context.folders.values() for row in read_rows(each / "ablation.json")]
    write_rows(folder / "ablation.json", rows)
    return f"{len(rows)} results of {len(context.folders)} surrogates"


def agree(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Compare what people thought of the explanations with what judges did (Figure 3, Appendix A.3)."""
    from recexplainer.evaluation.agreement import agreement_rows
    from recexplainer.evaluation.human_ratings import case_name, human_rows, ratings_by_rater, read_ratings
    from recexplainer.evaluation.rows import write_rows

    people = read_ratings(Path(str(recipe.evaluation.ratings)))
    judged: Mapping[str, Sequence[Mapping[str, Any]]] = read_json(context.folders["judge"] / "judgements.json")
    judges = {
        name: {case_name(one["method"], one["user"], one["item"]): one["rating"] for one in each}
        for name, each in judged.items()
    }
    rows = [*human_rows(people), *agreement_rows({**ratings_by_rater(people), **judges}, list(judges))]
    write_rows(folder / "agreement.json", rows)
    return f"{len(people):,} ratings of people beside {' and '.join(judges)}"


def gather(recipe: Recipe, context: RunContext, folder: Path) -> str:
    """Put the rows of all evaluations into one folder, a file each; Random and Popularity are measured here."""
    from recexplainer.evaluation.rows import read_rows, write_rows
    from recexplainer.evaluation.scoring import evaluate_baselines

    measured = {name: each for name, each in context.folders.items() if name.startswith(measurement_stage(""))}
    rows = evaluate_baselines(test_cases(context), recipe.evaluation.seed)
    for each in measured.values():
        rows += read_rows(each / "alignment.json")
    write_rows(folder / "alignment.json", rows)
    others = [name for name in context.folders if name in EVALUATIONS]
    for name in others:
        write_rows(folder / f"{name}.json", read_rows(context.folders[name] / f"{name}.json"))
    beside = f"; {', '.join(others)}" if others else ""
    return f"{len(rows)} results of {len(measured)} methods and two baselines{beside}"


def asked_of_endpoint(recipe: Recipe, run: Path) -> Spend:
    """What the endpoint would be asked for the evaluations of a recipe, as far as the run has made what they need."""
    from recexplainer.evaluation.cases import draw_shots
    from recexplainer.evaluation.in_words import alignment_conversations
    from recexplainer.evaluation.rubric import judge_conversation
    from recexplainer.pipeline.gathering import complete_manifest, read_cases

    for name in ASKED:
        complete_manifest(run / name)
    context = RunContext({path.name: path for path in run.iterdir() if path.is_dir()}, run)
    model, made = _endpoint(recipe, context), set(recipe.evaluation.made)
    asked: list[Conversation] = []
    if "baselines" in made:
        cases, shots = test_cases(context), draw_shots(_alignment(context).examples, recipe.evaluation.seed)
        asked += [*alignment_conversations(cases, {}), *alignment_conversations(cases, shots)]
    if made - {"alignment", "baselines", "ablation"} and "cases" in context.folders:
        asked += _explaining(_pairs(context), _target(context)[0].titles)
    if "judge" in made:
        told = read_cases(context.folders).values()
        asked += [judge_conversation(one) for each in told for one in each[: recipe.evaluation.judged]]
    return model.estimate(asked)


def _explaining(pairs: Sequence[tuple[User, int]], titles: Sequence[str]) -> list[Conversation]:
    """The paper's instruction to explain, for each pair."""
    from recexplainer.evaluation.in_words import conversation
    from recexplainer.tasks.example import Example

    asked = [Example("rationale", "surrogate", user.id, user.history, (item,)) for user, item in pairs]
    return [conversation(one, titles) for one in asked]


def _first(count: int, context: RunContext) -> dict[str, list[Explanation]]:
    """What each method said of the first cases."""
    from recexplainer.pipeline.gathering import read_cases

    return {method: told[:count] for method, told in read_cases(context.folders).items()}


def _target(context: RunContext) -> tuple[Dataset, Recommender]:
    from recexplainer.data.dataset import Dataset
    from recexplainer.recommenders.kinds import load_recommender

    return Dataset.load(context.folders["dataset"]), load_recommender(context.folders["recommender"])


def _pairs(context: RunContext) -> list[tuple[User, int]]:
    from recexplainer.recommenders.base import User

    pairs: list[Any] = read_json(context.folders["cases"] / "pairs.json")
    return [(User(tuple(history), user), item) for user, history, item in pairs]


def _alignment(context: RunContext) -> Alignment:
    from recexplainer.surrogate.training import Alignment
    from recexplainer.tasks.mixture import load_examples

    return Alignment(*_target(context), load_examples(context.folders["examples"]).train)


def _unaligned(recipe: Recipe, context: RunContext) -> Surrogate:
    """The backbone as it was before it learned anything; it reads text alone."""
    from recexplainer.surrogate.training import new_surrogate

    return new_surrogate("behavior", _alignment(context), recipe.surrogate).to(best_device())


def _endpoint(recipe: Recipe, context: RunContext) -> Endpoint:
    from recexplainer.chat.endpoint import Endpoint

    if recipe.evaluation.endpoint is None:
        raise SettingsError(
            "No endpoint is named.", where="evaluation.endpoint", mend="Give --set evaluation.endpoint.model=NAME."
        )
    return Endpoint(recipe.evaluation.endpoint, _answers(context))


def _answers(context: RunContext) -> Path:
    """Where answers of chat models are kept: in the run, beside the stages, so that none is paid for twice."""
    return context.folders["dataset"].parent / "chat"


def _judges(recipe: Recipe, context: RunContext) -> Iterator[ChatModel]:
    if recipe.evaluation.endpoint is not None:
        yield _endpoint(recipe, context)
    if recipe.evaluation.judge is not None:
        from recexplainer.chat.local import LocalChat

        yield LocalChat(recipe.evaluation.judge)
