"""The library in one class: explain a recommender, check texts, align a surrogate to it, and evaluate both.

It puts the packages together and computes nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, cast

from recexplainer.data.dataset import Split, leave_one_out
from recexplainer.errors import DataError, SettingsError, SurrogateError
from recexplainer.processes import from_first, is_first, wait_for_all
from recexplainer.recommenders.function import as_recommender
from recexplainer.recommenders.ranking_check import warn_of_check, warn_of_ranking
from recexplainer.registry import load_registered, registered
from recexplainer.tasks.mixture import MixtureSettings

if TYPE_CHECKING:
    import polars as pl

    from recexplainer.chat.model import ChatModel
    from recexplainer.claims.claim import Claim
    from recexplainer.data.dataset import Dataset
    from recexplainer.evaluation.rows import Row
    from recexplainer.explanations.checking import CheckedText
    from recexplainer.explanations.explainer import PairExplainer
    from recexplainer.explanations.record import Explanation, Method
    from recexplainer.explanations.writing import Audience, Length, Writer
    from recexplainer.recommenders.base import Recommender, User
    from recexplainer.recommenders.function import ScoreFunction
    from recexplainer.surrogate.model import Surrogate
    from recexplainer.surrogate.prompt import Form
    from recexplainer.surrogate.settings import SurrogateSettings
    from recexplainer.tasks.example import Examples

Pair = tuple[object, object]
"""A user's own id, or a `User` with any history of item indices, oldest first; and an item's own id, or its index.

Own ids may be as the data had them: text, whole numbers (of users; of items these are indices), bytes, UUIDs."""


TextOfPair = tuple[object, object, str] | Mapping[str, object]
"""A pair as in `Pair` and a text about it; or these as `user`, `item` and `text`, and maybe an `id` of the text."""


@dataclass(frozen=True)
class Results:
    """What was measured, as rows."""

    rows: tuple[Row, ...]

    def to_frame(self) -> pl.DataFrame:
        """The rows as a table with a typed column for each field of a row."""
        from recexplainer.evaluation.rows import to_frame

        return to_frame(self.rows)


class Explainer:
    """Explains a recommender in words, each claim checked against it.

    A RecommenderWarning is issued where the recommender ranks the users' held-out items no better than chance, or its
    ids and rows seem to be in another order.

    Args:
        dataset: The catalogue and the users' histories.
        recommender: Anything that fulfils the contract, or a bare function of histories and items that scores.
        surrogate: The surrogate, aligned to that recommender; None: the wording of the evidence explains (`realised`).
        mixture: Which questions the recommender is asked, for training and for the evaluation of alignment.
    """

    def __init__(
        self,
        dataset: Dataset,
        recommender: Recommender | ScoreFunction,
        surrogate: Surrogate | None = None,
        mixture: MixtureSettings | None = None,
    ) -> None:
        self.dataset, self._surrogate = dataset, surrogate
        self.recommender = as_recommender(recommender, dataset.item_ids)
        self.mixture = mixture or MixtureSettings()
        warn_of_ranking(dataset, self.recommender, given=recommender)

    @classmethod
    def fit(
        cls,
        dataset: Dataset,
        recommender: Recommender | ScoreFunction,
        *,
        form: Form | None = None,
        mixture: MixtureSettings | None = None,
        settings: SurrogateSettings | None = None,
        callbacks: Sequence[Any] = (),
    ) -> Explainer:
        """Ask the recommender, and align a surrogate to what it answered (paper, section 2.3).

        Started by torchrun, every process calls this, and all of them train.

        Args:
            dataset: The catalogue and the users' histories.
            recommender: As for the class.
            form: behavior, intention or hybrid; None: the best that the recommender allows, hybrid with vectors,
                behavior without.
            mixture: Which questions are asked, and how many.
            settings: The backbone and its training.
            callbacks: `transformers.TrainerCallback` objects that follow the training.

        Raises:
            SurrogateError: The form needs vectors that the recommender does not have, or the model does not fit.
        """
        from recexplainer.surrogate.batching import check_form
        from recexplainer.surrogate.settings import SurrogateSettings
        from recexplainer.surrogate.training import learn_own_words, train_surrogate
        from recexplainer.tasks.example import LabelledExamples

        known = as_recommender(recommender, dataset.item_ids)
        warn_of_ranking(dataset, known, given=recommender)
        chosen = form or ("hybrid" if known.has_vectors else "behavior")
        check_form(chosen, known)
        mixture, settings = mixture or MixtureSettings(), settings or SurrogateSettings()
        examples = cast("Examples", from_first(_questions(dataset, known, mixture) if is_first() else None))
        labelled = LabelledExamples(dataset, known, examples.train)
        with TemporaryDirectory() as own:
            work = from_first(Path(own))
            surrogate = train_surrogate(chosen, labelled, settings, None, work, callbacks=callbacks)
            if settings.own_words is not None:
                learn_own_words(surrogate, labelled, settings, settings.own_words, None, work)
            wait_for_all()
        explainer = cls(dataset, recommender, surrogate, mixture)
        explainer.__dict__["_examples"] = examples
        return explainer

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | Path, dataset: Dataset, recommender: Recommender | ScoreFunction, **hub: Any
    ) -> Explainer:
        """Read a surrogate from a folder, or from the Hugging Face Hub (`OWNER/NAME`).

        Args:
            name_or_folder: The folder, or the name on the hub.
            dataset: The catalogue that the surrogate was aligned on.
            recommender: The recommender that it was aligned to.
            hub: What `Surrogate.from_pretrained` takes besides, such as `revision`.

        Raises:
            SurrogateError: There is no surrogate there, or it was made by an older version.
        """
        from recexplainer.surrogate.model import Surrogate

        return cls(dataset, recommender, Surrogate.from_pretrained(name_or_folder, **hub))

    @classmethod
    def from_run(cls, run: str | Path) -> Explainer:
        """The explainer of a run, given as its folder or as its name in `runs`.

        Where the run has no surrogate yet (`recexplainer run RECIPE --until recommender`), the wording of the evidence
        explains.

        Raises:
            RunError: There is no such run, or it has no recommender yet.
        """
        from recexplainer.pipeline.layout import TARGET, RunLayout, load_ranking_check
        from recexplainer.pipeline.runs import find_run, has_surrogate, open_explainer, recipe_of

        folder = find_run(run)
        pairs = open_explainer(folder, surrogate=has_surrogate(folder))
        check = load_ranking_check({name: RunLayout(folder).complete_stage(name) for name in TARGET})
        warn_of_check(check, pairs.recommender)
        explainer = cls(pairs.dataset, pairs.recommender, pairs.surrogate, recipe_of(folder).examples)
        explainer._pairs = pairs
        return explainer

    @property
    def surrogate(self) -> Surrogate:
        """The surrogate. Raises SurrogateError where there is none."""
        if self._surrogate is None:
            hint = "Give one, Surrogate.from_pretrained(FOLDER), or explain by the writer 'realised'."
            raise SurrogateError("There is no surrogate that could explain.", location="Explainer", hint=hint)
        return self._surrogate

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the surrogate to a folder, which is complete or absent."""
        from recexplainer.storage import complete_folder

        with complete_folder(Path(folder)) as partial:
            self.surrogate.save_pretrained(partial)

    def push_to_hub(self, repo_id: str, **hub: Any) -> str:
        """Share the surrogate on the Hugging Face Hub; see `Surrogate.push_to_hub`."""
        return self.surrogate.push_to_hub(repo_id, **hub)

    def explain(
        self,
        pairs: Sequence[Pair],
        *,
        writer: Literal["surrogate", "realised"] | Writer | None = None,
        audience: Audience = "",
        length: Length = "",
        language: str = "",
        aspect: str = "",
        grounded: bool = True,
        strict: bool = False,
        self_attribution: bool = True,
        batch_size: int = 1024,
    ) -> list[Explanation]:
        """Why the recommender would or would not recommend each item, `[pairs]`; each claim has a status.

        Args:
            pairs: Users and items, by their own ids or otherwise (`Pair`), or as mappings of `user` and `item`.
            writer: Who puts the recommender's answer in words: the surrogate; `realised`, the wording of the evidence
                without a language model; or a writer of yours, such as a `ChatWriter`. None: the surrogate where there
                is one, else `realised`.
            audience: For whom: `customer`, `analyst` or `regulator`; what a writer does not know of it, it ignores.
            length: `short` or `long`; "" leaves it to the writer.
            language: The name of a language, such as "German"; only a chat model writes in another than English.
            aspect: What the reader wants to hear of, in words, such as "from the view of genres".
            grounded: Ask the recommender first and put its answer in words; False: the surrogate alone.
            strict: Let no claim stand that the recommender does not support.
            self_attribution: Have the surrogate alone ask itself first which history items matter; False: it writes
                directly, as in the paper.
            batch_size: How many pairs are explained together.

        Raises:
            DataError: There is no such user or item, or a history is empty.
            SettingsError: There is no such writer, audience or length, or the writer does not write in that language.
            SurrogateError: The surrogate is to write, and there is none.
        """
        from recexplainer.explanations.writing import SURROGATE, Style

        style, chosen = Style(aspect, audience, length, language), None
        if grounded and writer == SURROGATE:
            _ = self.surrogate  # there must be one
        if grounded:
            chosen = self._pairs.writer(writer, strict=strict) if writer is None or isinstance(writer, str) else writer
            style.check(str(getattr(chosen, "name", "")))
        known = [self._pair(number, pair) for number, pair in enumerate(pairs, 1)]
        how: dict[str, Any] = {"grounded": grounded, "strict": strict, "self_attribution": self_attribution}
        return self._pairs.explain(known, writer=chosen, style=style, batch_size=batch_size, **how)

    def _pair(self, number: int, pair: object) -> tuple[User, int]:
        """A pair as `Pair` says; a DataError says which of them is wrong."""
        several: Any = list(pair.values()) if isinstance(pair, Mapping) and [*pair] == ["user", "item"] else pair
        if not (isinstance(several, tuple | list) or type(several).__name__ == "ndarray") or len(several) != 2:
            what, hint = "This is no pair of a user and an item", "Give [(user, item), …]; of a frame, zip its columns."
            raise DataError(f"{what}: {pair!r:.80}.", location=f"pair {number}", hint=hint)
        try:
            return self._pairs.pair(*several)
        except DataError as error:
            raise DataError(error.what, location=f"pair {number}, {error.location}", hint=error.hint) from error

    def check(self, texts: TextOfPair | Sequence[TextOfPair], *, reader: ChatModel | None = None) -> list[CheckedText]:
        """What anybody's texts claim, each claim with its status, in the order given; no surrogate is needed.

        As in `explain`, a user's history is taken without the item.

        Args:
            texts: Users, items and texts; or one of that.
            reader: A chat model that reads what the texts claim, such as an `Endpoint`; None: the small network does.

        Raises:
            ChatError: The reader's endpoint cannot be reached, or refuses.
            DataError: A text is missing or empty, there is no such user or item, or a history is empty.
            RecommenderError: An item is never recommended to its user.
        """
        from recexplainer.explanations.checking import check_texts, texts_to_check

        one = isinstance(texts, Mapping) or (isinstance(texts, tuple) and len(texts) == 3 and isinstance(texts[2], str))
        rows = (_text_row(text) for text in cast("Sequence[TextOfPair]", [texts] if one else texts))
        located = ((f"text {number}", row) for number, row in enumerate(rows, 1))
        return check_texts(self._pairs, texts_to_check(located, self._pairs.pair), reader)

    def evaluate(self, evaluations: Sequence[str] | None = None, *, n_cases: int = 100, seed: int = 0) -> Results:
        """Measure alignment and explanations; a run measures more (`recexplainer evaluate RUN`).

        Args:
            evaluations: Some of `alignment`, `baselines`, `judge` (by the rubric), `faithfulness`, and those that are
                registered under the entry point group `recexplainer.evaluations`; None: the first four.
            n_cases: How many pairs are explained for the evaluations of explanations.
            seed: Seed of the draw of the pairs, and of what baselines draw.

        Raises:
            SettingsError: There is no such evaluation.
        """
        known = self._evaluations(n_cases, seed)
        names = list(known if evaluations is None else evaluations)
        own = registered("evaluations")
        if unknown := [name for name in names if name not in known and name not in own]:
            raise SettingsError(
                f"There is no evaluation {unknown[0]!r} here.",
                location="Explainer.evaluate",
                hint=f"The evaluations here are: {', '.join([*known, *own])}.",
            )
        explanations = {} if {"alignment", "baselines"}.issuperset(names) else self._cases(n_cases, seed)
        rows: list[Row] = []
        for name in names:
            if name in known:
                rows += known[name](explanations)
            else:
                rows += load_registered("evaluations", name)(self.dataset, self.recommender, explanations, seed)
        return Results(tuple(rows))

    def _evaluations(
        self, n_cases: int, seed: int
    ) -> dict[str, Callable[[dict[Method, list[Explanation]]], list[Row]]]:
        from recexplainer.evaluation.alignment import evaluate_surrogate
        from recexplainer.evaluation.baselines import evaluate_baselines
        from recexplainer.evaluation.faithfulness import evaluate_faithfulness
        from recexplainer.evaluation.judge import RUBRIC, judge_with_rubric, judgement_rows
        from recexplainer.tasks.example import LabelledExamples

        def tested() -> LabelledExamples:
            return LabelledExamples(self.dataset, self.recommender, self._examples.test)

        return {
            "alignment": lambda _: evaluate_surrogate(self.surrogate, tested()),
            "baselines": lambda _: evaluate_baselines(tested(), seed),
            "judge": lambda explanations: judgement_rows(judge_with_rubric(explanations, self.dataset), RUBRIC),
            "faithfulness": lambda explanations: evaluate_faithfulness(explanations, self.recommender, seed),
        }

    def _cases(self, n_cases: int, seed: int) -> dict[Method, list[Explanation]]:
        """Explanations of the same pairs, grounded and by the surrogate alone."""
        from recexplainer.evaluation.cases import draw_cases

        pairs = draw_cases(self.dataset, self._split, self.recommender, n_cases, seed)
        both = [self._pairs.explain(pairs, grounded=grounded) for grounded in (True, False)]
        return {explanations[0].source: explanations for explanations in both if explanations}

    @cached_property
    def _pairs(self) -> PairExplainer:
        from recexplainer.explanations.explainer import PairExplainer

        return PairExplainer(self.dataset, self.recommender, self._surrogate)

    @cached_property
    def _split(self) -> Split:
        return leave_one_out(self.dataset)

    @cached_property
    def _examples(self) -> Examples:
        return _questions(self.dataset, self.recommender, self.mixture)


def check(
    dataset: Dataset, recommender: Recommender | ScoreFunction, text: str, user: User | str, item: int | str
) -> tuple[Claim, ...]:
    """What anybody's text claims of a recommendation, each claim with its status; no surrogate is needed.

    Args:
        dataset: The catalogue and the users' histories.
        recommender: Anything that fulfils the contract, or a bare function that scores.
        text: An explanation, in any words.
        user: The own id of a user of the data, or a `User` with any history.
        item: The item's own id, as text, or its index.

    Raises:
        DataError: There is no such user or item, or the history is empty.
        RecommenderError: The recommender cannot answer for a changed history.
    """
    from recexplainer.explanations.explainer import PairExplainer

    return PairExplainer(dataset, recommender).check(text, user, item)


def _text_row(text: TextOfPair) -> Mapping[str, Any]:
    return text if isinstance(text, Mapping) else dict(zip(("user", "item", "text"), text, strict=False))


def _questions(dataset: Dataset, recommender: Recommender, mixture: MixtureSettings) -> Examples:
    from recexplainer.tasks.mixture import build_examples

    return build_examples(dataset, leave_one_out(dataset), recommender, mixture)
