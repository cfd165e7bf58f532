"""How explanations are worded: how varied, how long, and whether a classifier tells them from texts of a corpus.

Distinct-n is that of Li et al. (2016, arXiv:1510.03055), in segments of equally many words, since it falls with length;
self-BLEU that of Zhu et al. (2018, arXiv:1802.01886), within groups of equally many texts, since it rises with their
number. Titles are masked by one mark for all but the length: which items a case is about is no wording. It does not
know whether a text is true.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recexplainer.claims.corpus import Corpus, LabelledText, Part
from recexplainer.claims.encoding import common_words
from recexplainer.data.attributes import Attributes
from recexplainer.evaluation.metrics import Values
from recexplainer.evaluation.rows import Row, Statistic, row
from recexplainer.explanations.record import Explanation, Method
from recexplainer.tasks.corpus_explanations import corpus_explanations

if TYPE_CHECKING:
    from recexplainer.claims.linking import NameLinker

LANGUAGE = "language"
"""The task of its rows."""
CORPUS = "corpus"
"""The method of the rows of the corpus's own texts."""
CLASSIFIER = "classifier"
"""The rater of the rows `auroc`, by texts of the development and test parts."""
CLASSIFIER_ALIKE = "classifier_alike"
"""The rater of the rows `auroc` by texts about items of the same kind."""
ALIKE = "alike"
"""The variant of the corpus's rows of these texts."""
MASK = "□"
"""Stands for every title."""
SEGMENT = 500
"""Words of a segment in which distinct n-grams are counted."""
GROUP = 50
"""Texts of a group within which self-BLEU is taken; also the fewest that a classifier learns from."""
_PARTS: tuple[Part, ...] = ("development", "test")  # the reader of claims learned from the rest
_WORD = re.compile(rf"\w+(?:['’-]\w+)*|{MASK}")
_ORDERS = (1, 2, 3, 4)
_UNMATCHED = 0.1  # counted where no n-gram of an order matches: the smoothing that is usual for self-BLEU
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its titles masked; texts of one `case` are never on both sides of a split.

    `writer` and `subject` (the catalogue) are known of the corpus alone.
    """

    masked: str
    length: int
    case: str
    writer: str = ""
    subject: str = ""


def evaluate_language(
    explanations: Mapping[Method, Sequence[Explanation]],
    titles: Sequence[str],
    attributes: Attributes,
    corpus: Corpus | None = None,
    seed: int = 0,
    alike: Sequence[str] = (),
) -> list[Row]:
    """The rows of the task `language`, of each method and of the corpus where there is one.

    - `words`: the mean length in words; cases are texts, as far as they are not empty.
    - `distinct_1`, `distinct_2`: the share of word n-grams that are different, the mean over segments; cases are these.
    - `self_bleu`: BLEU-4 of each text with the others of its group as references; low is varied.
    - `auroc`, of the rater `classifier`: how often logistic regression on TF-IDF of words and characters gives a
      text of the method more than one of the corpus, of equally many texts, on folds that it has not learned from; 0.5:
      they cannot be told apart. Cases are those explained. The corpus's own is that of half of its writers against the
      other half, on the same catalogues. Without a corpus there is none.
    - `auroc`, of the rater `classifier_alike`: the same by the corpus's texts about catalogues that are `alike`, but
      for those that own words are learned from. What a text is about tells it from others, too: these texts, written by
      the same writers, are set beside as another method, with their own `auroc` of both raters.

    What there are too few texts for is N/A.

    Args:
        explanations: `[methods][cases]`.
        titles: `[items]`, those of the catalogue that the explanations are about.
        attributes: What its items are.
        corpus: Texts to compare with, of its development and test parts; None: that is left out.
        seed: Seed of the order of texts, of those drawn, and of the folds.
        alike: Names of the corpus's catalogues whose items are of the kind that the explanations are about.
    """
    from recexplainer.claims.linking import NameLinker

    linker = NameLinker(titles, attributes, common_words())
    texts = {method: _of_explanations(own, linker) for method, own in explanations.items()}
    rows = [each for method, own in texts.items() for each in _rows(method, own, seed)]
    if corpus is None:
        return rows
    texts_alike = {Method(CORPUS, ALIKE): list(_of_corpus(corpus, _unlearned(corpus, alike)))} if alike else {}
    held_out = list(_of_corpus(corpus, [text for part in _PARTS for text in corpus.texts[part]]))
    compared = (
        (Method(CORPUS), held_out, texts | texts_alike, CLASSIFIER),
        *((method, own, texts, CLASSIFIER_ALIKE) for method, own in texts_alike.items()),
    )
    for method, theirs, others, rater in compared:
        rows += _rows(method, theirs, seed)
        sides = {other: (own, theirs) for other, own in others.items()} | {method: halves(theirs)}
        rows += [_auroc_row(other, *both, seed, rater) for other, both in sides.items()]
    return rows


def mask_titles(text: str, linker: NameLinker, history: Sequence[int], item: int) -> str:
    """The text with a mark for all that is named in it, whole or shortened, and for quotation marks about that."""
    for name in reversed(linker.link(text, history, item)):
        text = text[: name.outer[0]] + MASK + text[name.outer[1] :]
    return text


def words_of(text: str) -> list[str]:
    """The words in lower case, each mask one; punctuation is left out."""
    return _WORD.findall(text.lower())


def distinct(texts: Sequence[Sequence[str]], n: int, segment: int = SEGMENT) -> Values:
    """`Float[segments]`: of the word n-grams of each segment the share that is different; none spans two texts.

    The words of all texts, one after the other, are cut into segments of so many; what is left over is not counted.
    """
    words = [(number, word) for number, text in enumerate(texts) for word in text]
    values: list[float] = []
    for start in range(0, len(words) - segment + 1, segment):
        cut = words[start : start + segment]
        windows = zip(*(cut[shift:] for shift in range(n)), strict=False)
        grams = [tuple(word for _, word in each) for each in windows if each[0][0] == each[-1][0]]
        if grams:
            values.append(len(set(grams)) / len(grams))
    return np.array(values)


def self_bleu(texts: Sequence[Sequence[str]]) -> Values:
    """`Float[texts]`, 0 to 1: BLEU-4 of each of two texts or more, none empty, with all the others as references.

    Orders for which a text is too short are left out; the brevity penalty is by the reference nearest in length.
    """
    counts = [[Counter(zip(*(text[at:] for at in range(n)), strict=False)) for text in texts] for n in _ORDERS]
    most = [_two_most(of_order) for of_order in counts]
    values, lengths = np.zeros(len(texts)), list(map(len, texts))
    for number, text in enumerate(texts):
        logs: list[float] = []
        for of_order, known in zip(counts, most, strict=True):
            own = of_order[number]
            limits = {gram: known[gram][known[gram][0][1] == number][0] for gram in own}
            matched = sum(min(count, limits[gram]) for gram, count in own.items())
            if total := own.total():
                logs.append(log((matched or _UNMATCHED) / total))
        _, nearest = min((abs(length - len(text)), length) for length in lengths[:number] + lengths[number + 1 :])
        values[number] = exp(min(0.0, 1 - nearest / len(text)) + float(np.mean(logs)))
    return values


def auroc_statistic(scores: Values, labels: NDArray[np.bool_], groups: NDArray[np.int64]) -> Statistic:
    """The AUROC of `Float[texts]` for `Bool[texts]`, of groups of texts drawn; ties count as half.

    `groups` is `Int[texts]`, the number of the group of each, from 0. NaN where one side is not drawn.
    """
    first, second = scores[labels], scores[~labels]
    wins = (first[:, None] > second) + 0.5 * (first[:, None] == second)

    def statistic(drawn: NDArray[np.int64]) -> Values:
        size = int(groups.max()) + 1
        flat = np.bincount((drawn + size * np.arange(len(drawn))[:, None]).ravel(), minlength=size * len(drawn))
        weights = flat.reshape(len(drawn), size)[:, groups].astype(np.float64)  # Float[resamples, texts]
        ours, theirs = weights[:, labels], weights[:, ~labels]
        pairs = ours.sum(axis=1) * theirs.sum(axis=1)
        return ((ours @ wins) * theirs).sum(axis=1) / np.where(pairs > 0, pairs, np.nan)

    return statistic


def halves(texts: Sequence[Text]) -> tuple[list[Text], list[Text]]:
    """Two sides by different writers: every second one, by name, and of each subject equally many texts a side."""
    writers = sorted({one.writer for one in texts})
    sides: tuple[list[Text], list[Text]] = ([], [])
    for subject in sorted({one.subject for one in texts}):
        of_subject = [one for one in texts if one.subject == subject]
        both = [[one for one in of_subject if one.writer in writers[start::2]] for start in (0, 1)]
        for side, own in zip(sides, both, strict=True):
            side += own[: min(map(len, both))]
    return sides


def _of_explanations(explanations: Sequence[Explanation], linker: NameLinker) -> list[Text]:
    return [
        Text(mask_titles(one.text, linker, one.history, one.item), len(one.text.split()), f"{one.user} {one.history}")
        for one in explanations
        if words_of(one.text)
    ]


def _unlearned(corpus: Corpus, catalogues: Sequence[str]) -> list[LabelledText]:
    """The texts about these catalogues, but for those that own words are learned from."""
    learned = {one.id for one in corpus_explanations()}
    every = (text for texts in corpus.texts.values() for text in texts)
    return [text for text in every if corpus.catalogue(text).name in catalogues and text.id not in learned]


def _of_corpus(corpus: Corpus, texts: Iterable[LabelledText]) -> Iterator[Text]:
    from recexplainer.claims.linking import NameLinker

    linkers = {
        name: NameLinker(each.titles, each.attributes, common_words()) for name, each in corpus.catalogues.items()
    }
    for one in texts:
        case, name = corpus.cases[one.case], corpus.catalogue(one).name
        masked = mask_titles(one.text, linkers[name], case.history, case.item)
        yield Text(masked, len(one.text.split()), one.case, one.writer, name)


def _two_most(counts: Sequence[Counter[Any]]) -> dict[Any, tuple[tuple[int, int], tuple[int, int]]]:
    """For each n-gram how often the text that has it most has it, and the number of that text; then the second."""
    most: dict[Any, tuple[tuple[int, int], tuple[int, int]]] = {}
    for number, own in enumerate(counts):
        for gram, count in own.items():
            first, second = most.get(gram, ((0, -1), (0, -1)))
            ours = (count, number)
            most[gram] = (ours, first) if count > first[0] else (first, max(second, ours))
    return most


def _rows(method: Method, texts: Sequence[Text], seed: int) -> list[Row]:
    """The rows without the classifier's."""
    order = np.random.default_rng(seed).permutation(len(texts))
    words = [found for place in order if (found := words_of(texts[place].masked))]
    groups = [words[start : start + GROUP] for start in range(0, len(words) - GROUP + 1, GROUP)]
    values = {
        "words": np.array([one.length for one in texts]),
        "distinct_1": distinct(words, 1),
        "distinct_2": distinct(words, 2),
        "self_bleu": np.concatenate([np.zeros(0), *map(self_bleu, groups)]),
    }
    return [row(method, LANGUAGE, metric, each) for metric, each in values.items()]


def _auroc_row(method: Method, ours: Sequence[Text], theirs: Sequence[Text], seed: int, rater: str) -> Row:
    random, size = np.random.default_rng(seed), min(len(ours), len(theirs))
    chosen = [side[at] for side in (ours, theirs) for at in sorted(random.permutation(len(side))[:size])]
    cases = [{one.case for one in chosen[:size]}, {one.case for one in chosen[size:]}]
    if size < GROUP or min(map(len, cases)) < _FOLDS:
        return row(method, LANGUAGE, "auroc", (), rater=rater)
    labels = np.arange(2 * size) < size
    names = [(bool(label), one.case) for label, one in zip(labels, chosen, strict=True)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    groups = np.array([numbers[name] for name in names])
    scores = _out_of_fold([one.masked for one in chosen], labels, groups, seed)
    statistic = auroc_statistic(scores, labels, groups)
    return row(method, LANGUAGE, "auroc", statistic, rater=rater, cases=len(numbers))


def _out_of_fold(texts: Sequence[str], labels: NDArray[np.bool_], groups: NDArray[np.int64], seed: int) -> Values:
    """`Float[texts]`, log-odds of the label, of each fold by a classifier that has learned from the others."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(token_pattern=_WORD.pattern, ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True)
    model: Any = make_pipeline(make_union(words, characters), LogisticRegression(C=10.0, max_iter=1000))
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
    found: Any = cross_val_predict(model, list(texts), labels, groups=groups, cv=folds, method="decision_function")
    return found
