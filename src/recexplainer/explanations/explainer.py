"""Explains pairs of a user and an item: asks the recommender, has somebody write, and makes records of it all.

Grounded: the recommender is asked first, and a writer puts the answer in words. Alone: the surrogate is asked only.
Texts that somebody else wrote become records in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from recexplainer.claims.claim import Claim, stated
from recexplainer.claims.verifier import Verifier
from recexplainer.data.attributes import Attributes
from recexplainer.data.dataset import Dataset
from recexplainer.data.ids import one_id
from recexplainer.data.titles import Match, TitleFinder
from recexplainer.errors import DataError, SettingsError, SurrogateError
from recexplainer.evidence.evidence import Evidence, gather_evidence
from recexplainer.explanations.realised_writer import RealisedWriter, checked
from recexplainer.explanations.record import Citation, Explanation, Method
from recexplainer.explanations.writing import REALISED, SURROGATE, Style, Writer, Written
from recexplainer.recommenders.base import Floats, Recommender, User
from recexplainer.recommenders.function import ScoreFunction, as_recommender
from recexplainer.recommenders.scoring import recommended_shares, score_batches, truncate

if TYPE_CHECKING:
    from recexplainer.explanations.generator import Generator
    from recexplainer.surrogate.batching import EncodedSet
    from recexplainer.surrogate.model import Surrogate

BATCH_SIZE = 1024
"""Pairs that are explained together."""
_FIRST = 5
_PROBABILITIES = {True: 1.0, False: 0.0, None: 0.5}  # of yes, by the verdict that a text states


class PairExplainer:
    """Explains pairs of a user and an item, and checks what others say of them.

    Args:
        dataset: The catalogue and the users' histories.
        recommender: The recommender, or a bare function that scores.
        surrogate: The surrogate, aligned to the recommender; None: pairs are explained by the wording of the evidence.
        recommended_shares: `Float[items]`, the popularity of the items where it is known; None: it is asked.
    """

    def __init__(
        self,
        dataset: Dataset,
        recommender: Recommender | ScoreFunction,
        surrogate: Surrogate | None = None,
        *,
        recommended_shares: Floats | None = None,
    ) -> None:
        self.dataset, self.surrogate = dataset, surrogate
        self.recommender = as_recommender(recommender, dataset.item_ids)
        self._attributes = Attributes.of(dataset)
        self._known_shares = recommended_shares
        self._finder = TitleFinder(dataset.titles)
        self.verifier = Verifier.of(dataset, self.recommender, self._attributes)
        self._item_ids = frozenset(dataset.item_ids)

    @cached_property
    def _recommended_shares(self) -> Floats:
        return recommended_shares(self.recommender, self.dataset) if self._known_shares is None else self._known_shares

    @cached_property
    def generator(self) -> Generator:
        """Has the surrogate write.

        Raises:
            SurrogateError: There is no surrogate.
        """
        if self.surrogate is None:
            raise SurrogateError(
                "There is no surrogate that could explain by itself.",
                location="PairExplainer",
                hint="Give one, Surrogate.from_pretrained(FOLDER), or explain with evidence.",
            )
        from recexplainer.explanations.generator import Generator

        return Generator(self.surrogate, self.dataset, self.recommender, self.verifier)

    @cached_property
    def realised(self) -> RealisedWriter:
        """The writer without a language model."""
        return RealisedWriter(self.dataset.titles, self.verifier)

    def writer(self, name: str | None = None, *, strict: bool = False) -> Writer:
        """Who puts evidence in words: `surrogate`, `realised`; None: the surrogate where there is one, else the other.

        Raises:
            SettingsError: There is no such writer.
            SurrogateError: There is no surrogate.
        """
        if name == REALISED or (name is None and self.surrogate is None):
            return self.realised
        if name not in (None, SURROGATE):
            hint = f"Give {SURROGATE!r}, {REALISED!r}, or a writer, such as ChatWriter(model, …)."
            raise SettingsError(f"There is no writer {name!r}.", location="writer", hint=hint)
        from recexplainer.explanations.generator import SurrogateWriter

        return SurrogateWriter(self.generator, self.realised, strict=strict)

    def pair(self, user: object, item: object) -> tuple[User, int]:
        """What `explain` takes, from the own id of a user of the data, or any user, and an item's own id or index.

        A whole number is an index of an item, and the id of a user. Histories are taken without the item; a history
        that is given may hold own ids. Raises DataError where there is no such id, or a number is the
        index of one item and the id of another.
        """
        asked = self._item(item)
        if isinstance(user, User):
            given = (self._item(seen, index=True) for seen in user.history)
            return User(tuple(seen for seen in given if seen != asked), one_id(user.id)), asked
        index = self.dataset.user_index(user)
        history = self.dataset.history(index).tolist()
        return User(tuple(seen for seen in history if seen != asked), self.dataset.user_ids[index]), asked

    def _item(self, item: object, *, index: bool = False) -> int:
        """The index of an item given by it or by the own id; `index` if a number is certain to be one."""
        if isinstance(item, bool) or not isinstance(item, (int, np.integer)):
            return self.dataset.item_index(item)
        number, ids = int(item), self.dataset.item_ids
        if not index and 0 <= number < len(ids) and str(number) != ids[number] and str(number) in self._item_ids:
            raise DataError(
                f"{number} is the id of one item, and the index of another, whose id is {ids[number]!r}.",
                location=f"dataset {self.dataset.name!r}",
                hint=f"Give the own id as text: {str(number)!r} or {ids[number]!r}.",
            )
        return number

    def evidence(self, pairs: Sequence[tuple[User, int]], *, attributed: bool = True) -> list[Evidence]:
        """What the recommender says of each pair, `[pairs]`; `attributed` False: not what history items do.

        Raises:
            DataError: A history is empty, or an item, asked about or in a history, is not in the catalogue.
            RecommenderError: The recommender cannot answer for a changed history, and would have to.
        """
        for user, item in pairs:
            if not user.history:
                raise DataError(
                    "There is nothing to explain from: the user has no history, or nothing but the item in it.",
                    location=f"user {user.id!r}",
                    hint="Ask about a user with at least one other interaction.",
                )
            if wrong := [one for one in (item, *user.history) if not 0 <= one < self.dataset.n_items]:
                raise DataError(
                    f"There is no item number {wrong[0]} in a catalogue of {self.dataset.n_items}.",
                    location=f"dataset {self.dataset.name!r}",
                    hint="Give the item's index, from 0; Dataset.item_index finds it by its own id.",
                )
        return gather_evidence(
            self.recommender,
            self.dataset,
            [user for user, _ in pairs],
            [item for _, item in pairs],
            attributes=self._attributes,
            recommended_share=self._recommended_shares,
            attributed=attributed,
        )

    def explain(
        self,
        pairs: Sequence[tuple[User, int]],
        *,
        grounded: bool = True,
        strict: bool = False,
        self_attribution: bool = True,
        writer: Writer | None = None,
        style: Style | None = None,
        source: Method | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> list[Explanation]:
        """Why the recommender would or would not suggest each item.

        Grounded, the recommender is asked first and a writer puts its answer in words. A text is shown only if nothing
        in it is a problem (`writing.problems`); else the wording of the evidence stands in its place. The surrogate
        alone is constrained by what it answers when it is asked which history items matter, and its text is shown with
        its faults. Strict, every claim must be supported by the recommender; else its verdict alone is given, and why.

        Args:
            pairs: `[pairs]`, a user with a history and an item index.
            grounded: Ask the recommender first and put its answer in words; False: the surrogate alone.
            strict: Let nothing stand that the recommender does not support.
            self_attribution: Have the surrogate alone ask itself first; False: it writes directly and freely, as in the
                paper. The intention form always does; one that has not learned which history items matter had better.
            writer: Who puts the evidence in words; None: the surrogate, or without one the wording of the evidence.
                Texts of a writer that is not of this package are read as those of a chat model are.
            style: How the writer should write; None: as it likes. The surrogate reads the aspect alone.
            source: Who explains, for the record; None: the surrogate's form or the writer's name, and the variant.
            batch_size: How many pairs are explained together.

        Raises:
            DataError: A history is empty, or an item, asked about or in a history, is not in the catalogue.
            SettingsError: The writer is none, or gives back what are no texts.
            SurrogateError: The surrogate is to explain by itself, and there is none.
        """
        if batch_size < 1:
            raise SettingsError(
                f"There is no batch of {batch_size} pairs.", location="batch_size", hint="Give 1 or more."
            )
        style = style or Style()
        if writer is not None:
            from recexplainer.explanations.foreign_writer import held

            writer = held(writer, self.verifier, self.realised)
        chosen = (writer or self.writer(strict=strict)) if grounded else self._alone(self_attribution, strict)
        name = self.generator.form if chosen.name == SURROGATE else chosen.name
        method = source or Method(name, "grounded" if grounded else getattr(chosen, "variant", ""))
        explanations: list[Explanation] = []
        for start in range(0, len(pairs), batch_size):
            batch = pairs[start : start + batch_size]
            evidence, users = self.evidence(batch), [user.id for user, _ in batch]
            texts = chosen.write(users, evidence, style)
            if grounded:
                texts = checked(texts, self.realised, users, evidence, style, strict=strict)
            cases = zip(users, evidence, texts, strict=True)
            explanations += [self._record(method, *case, aspect=style.aspect) for case in cases]
        return explanations

    def _alone(self, self_attribution: bool, strict: bool) -> Writer:
        """The surrogate alone, which asks itself first if that is wanted and its form can."""
        from recexplainer.explanations.generator import LoneSurrogate

        return LoneSurrogate(self.generator, self_attribution=self_attribution, strict=strict)

    def questions(self, pairs: Sequence[tuple[User, int]], *, grounded: bool = True, aspect: str = "") -> EncodedSet:
        """The questions that `explain` puts to the surrogate, `[pairs]`, to have them answered elsewhere."""
        users, evidence = [user.id for user, _ in pairs], self.evidence(pairs)
        return self.generator.questions(users, evidence, grounded=grounded, aspect=aspect)

    def check(self, text: str, user: object, item: object) -> tuple[Claim, ...]:
        """What anybody's text claims of a pair, each with its status; it is not held to the wording of rationales.

        Raises:
            DataError: As in `pair` and `evidence`.
        """
        (evidence,) = self.evidence([self.pair(user, item)])
        return stated(self.verifier.claims(text, evidence))

    def records(
        self, source: Method, pairs: Sequence[tuple[User, int]], texts: Sequence[str], aspect: str = ""
    ) -> list[Explanation]:
        """Records of `[pairs]` texts that somebody else wrote: a chat model, a template; the verdict is the one stated.

        Raises:
            DataError: A history is empty, or an item, asked about or in a history, is not in the catalogue.
        """
        cases = zip(pairs, self.evidence(pairs), texts, strict=True)
        return [
            self._record(source, user.id, one, Written(text, self.verifier.claims(text, one), ""), aspect=aspect)
            for (user, _), one, text in cases
        ]

    def _record(self, source: Method, user: str, evidence: Evidence, written: Written, *, aspect: str) -> Explanation:
        """The record of a text; without a probability its verdict is the one that it states."""
        titles, claims, probability = self.dataset.titles, written.claims, written.probability
        statuses = (one.status for one in claims if one.kind == "verdict")
        stands = next((evidence.recommended is (status == "supported") for status in statuses), None)
        verdict = stands if probability is None else probability > 0.5
        return Explanation(
            method=source.name,
            user=user,
            history=evidence.history,
            history_titles=tuple(titles[item] for item in evidence.history),
            item=evidence.item,
            item_title=titles[evidence.item],
            verdict=verdict,
            probability=_PROBABILITIES[verdict] if probability is None else probability,
            text=written.text,
            citations=cite(written.text, self._finder.find(written.text), evidence),
            recommended=evidence.recommended,
            score=evidence.score,
            rank=evidence.rank,
            n_ranked=evidence.n_ranked,
            attributions=evidence.attributions,
            effects=evidence.effects,
            score_std=evidence.score_std,
            aspect=aspect,
            claims=claims,
            abstained=written.abstained,
            variant=source.variant,
            writer=written.writer,
            attempts=written.attempts,
            translation=written.translation,
            note=written.note,
        )


def cite(text: str, titles: Sequence[Match], evidence: Evidence) -> tuple[Citation, ...]:
    """The titles found in a text, in order, as citations, the item asked about left out.

    The evidence is what the recommender says with the whole history, and without each of its items.
    """
    found = [match for match in titles if match.item != evidence.item]
    alone = len(evidence.history) < 2
    ranks = {} if alone else dict(zip(evidence.history, evidence.ablated_ranks, strict=bool(evidence.ablated_ranks)))
    typical = median(map(abs, evidence.attributions)) if evidence.attributions else 0.0
    attributions = dict(zip(evidence.history, evidence.attributions, strict=bool(evidence.attributions)))
    return tuple(
        Citation(
            item=match.item,
            title=text[match.start : match.end],
            start=match.start,
            end=match.end,
            in_history=match.item in evidence.history,
            attribution=attributions.get(match.item),
            ablated_rank=ranks.get(match.item),
            matters=abs(attributions[match.item]) > typical if match.item in attributions else None,
        )
        for match in found
    )


def choose_pairs(recommender: Recommender, users: Sequence[User], count: int, seed: int) -> list[tuple[User, int]]:
    """Pairs to show: users drawn at random, in turn with one of their first five items and with one of the lower half.

    Histories of at least three items are preferred. Of fewer users than `count`, one each.
    """
    rng = np.random.default_rng(seed)
    long_enough = [user for user in users if len(user.history) >= 3] or list(users)
    drawn = [long_enough[at] for at in rng.choice(len(long_enough), min(count, len(long_enough)), replace=False)]
    pairs: list[tuple[User, int]] = []
    scored = [User(truncate(user.history, recommender), user.id) for user in drawn]
    ranked = [order for batch in score_batches(recommender, scored) for order in batch.best(recommender.n_items)]
    for position, (user, order) in enumerate(zip(drawn, ranked, strict=True)):
        pool = order[:_FIRST] if position % 2 == 0 else order[len(order) // 2 :]
        pairs.append((user, pool[int(rng.integers(len(pool)))]))
    return pairs
