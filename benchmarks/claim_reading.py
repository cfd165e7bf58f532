"""How well claims of free texts are read and checked: the corpus's test part, by kind and by catalogue, with intervals.

Beside it: how far a second person's labels agree with the writer's, and texts a second on one core. It asserts nothing.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score

from common import Result, arguments, begin, finish
from recexplainer.chat.endpoint import Endpoint
from recexplainer.chat.model import ChatModel
from recexplainer.chat.settings import EndpointSettings
from recexplainer.claims.chat_reader import MAX_TOKENS, ChatReader
from recexplainer.claims.claim import STATED
from recexplainer.claims.corpus import PARTS, Corpus, LabelledText, read_labels
from recexplainer.claims.reader import Case
from recexplainer.claims.scoring import Stated, count, f1, of_claims, of_labels, precision, recall, tally
from recexplainer.claims.verifier import Verifier

OF_ITEMS = ("history", "positive", "negative", "no_effect", "strongest", "shared", "counterfactual")


def main() -> None:
    """Print the tables."""
    parser = arguments(__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), help="the folder of the corpus")
    parser.add_argument("--part", choices=PARTS, default="test", help="which texts")
    parser.add_argument("--show", type=int, default=0, help="print so many texts that are not read as labelled")
    parser.add_argument("--reader", metavar="MODEL", help="a chat model that reads in place of the network")
    parser.add_argument("--endpoint", help="its address; by custom OPENAI_BASE_URL")
    parser.add_argument("--max-tokens", type=int, default=MAX_TOKENS, help="of an answer; more where a model thinks")
    parser.add_argument("--answers", type=Path, default=Path("chat"), help="the folder where its answers are kept")
    options = begin(parser)
    corpus = Corpus.load(options.corpus)
    texts = corpus.texts[options.part]
    results = read_and_check(corpus, texts, options.show, open_reader(options))
    results += agreement(corpus, options.corpus / "second-labels.jsonl")
    finish(options, results, {})


def open_reader(options: argparse.Namespace) -> Endpoint | None:
    """The chat model that reads, if one is named."""
    if options.reader is None:
        return None
    if options.endpoint is not None:
        os.environ["OPENAI_BASE_URL"] = options.endpoint
    return Endpoint(EndpointSettings(model=options.reader, max_tokens=options.max_tokens), options.answers)


def open_verifiers(corpus: Corpus, texts: Sequence[LabelledText], model: ChatModel | None) -> dict[str, Verifier]:
    """A verifier for each catalogue; a model that reads is asked about all the texts here."""
    verifiers = {
        name: Verifier(catalogue.titles, catalogue.attributes, has_vectors=True)
        for name, catalogue in corpus.catalogues.items()
    }
    if model is None:
        return verifiers
    for name, verifier in verifiers.items():
        verifier.parser = verifier.parser.with_reader(ChatReader(model, corpus.catalogues[name].titles))
        own = [text for text in texts if corpus.catalogue(text).name == name]
        cases = [(text.text, corpus.cases[text.case]) for text in own]
        verifier.parser.prepare([Case(text, case.history, case.item) for text, case in cases])
    return verifiers


def read_and_check(
    corpus: Corpus, texts: Sequence[LabelledText], show: int, model: ChatModel | None = None
) -> list[Result]:
    """Read every text, compare with its labels, and check it by the evidence of its case."""
    verifiers = open_verifiers(corpus, texts, model)
    counts, found = [], defaultdict[bool, list[bool]](list)
    unread = sentences = 0
    seconds = 0.0
    for text in texts:
        verifier, case = verifiers[corpus.catalogue(text).name], corpus.cases[text.case]
        verifier.parser.parse(text.text, case.history, case.item)
        begun = time.process_time()
        parsed = verifier.parser.parse(text.text, case.history, case.item)
        claims = verifier.verify(parsed, case)
        seconds += time.process_time() - begun
        made, read = of_labels(text.labels), of_claims(parsed.claims, case.history)
        counts.append(count(made, read))
        wrong = [one for one in claims if one.status == "contradicted" and one.kind in STATED]
        found[bool(text.mistakes)].append(bool(wrong))
        unread, sentences = unread + len(parsed.unread), sentences + parsed.sentences
        missed = any(sum(each[1:]) for each in counts[-1].values())
        if show and (missed or bool(wrong) is not bool(text.mistakes)):
            show -= 1
            titles = [corpus.catalogue(text).titles[item] for item in case.history]
            print(f"\n## {text.id} {text.mistakes}\n{text.text}")
            for name, one, other in (("wrongly", read, made), ("missed", made, read)):
                for each in one - other:
                    print(
                        "  ",
                        name,
                        each.kind,
                        titles[each.target] if isinstance(each.target, int) else each.target,
                        each.value,
                    )
            for one in wrong:
                print("   contradicted:", one.kind, one.value, one.found)
    results: list[Result] = []
    for key, each in tally(texts, counts).items():
        for name, which in (("precision", precision), ("recall", recall), ("F1", f1)):
            value, low, high = each.score(which)
            cases = int(each.of_texts[:, [0, 2]].sum())
            results.append(Result(key, f"{name} ({low:.3f} to {high:.3f}), {cases} claims", value, ""))
    for mistaken, name in ((True, "texts with a mistake: one is found"), (False, "true texts: accused of something")):
        if found[mistaken]:
            low, high = _interval(found[mistaken])
            way = f"{sum(found[mistaken])} of {len(found[mistaken])} ({low:.3f} to {high:.3f})"
            results.append(Result(name, way, float(np.mean(found[mistaken])), ""))
    results.append(Result("sentences in which nothing is read", f"of {sentences}", unread, ""))
    results.append(Result("texts a second", "read and checked, one at a time", len(texts) / seconds, ""))
    return results


def _interval(values: list[bool]) -> tuple[float, float]:
    drawn = np.random.default_rng(0).choice(np.array(values, float), (1000, len(values))).mean(1)
    return float(np.percentile(drawn, 2.5)), float(np.percentile(drawn, 97.5))


def agreement(corpus: Corpus, file: Path) -> list[Result]:
    """What a second person finds of the writer's claims, and Cohen's kappa over texts, or texts and history items."""
    by_id = {text.id: text for part in PARTS for text in corpus.texts[part]}
    second = read_labels(file)
    texts = [by_id[name] for name in second if name in by_id]
    counts = [count(of_labels(text.labels), of_labels(second[text.id])) for text in texts]
    results: list[Result] = []
    for key, each in tally(texts, counts).items():
        if not key.startswith("catalogue"):
            value, low, high = each.score(f1)
            results.append(Result(f"second labeller, {key}", f"F1 ({low:.3f} to {high:.3f})", value, ""))
    for kind in sorted({label.kind for text in texts for label in text.labels}):
        pairs: list[tuple[bool, bool]] = []
        for text in texts:
            both = [_targets(of_labels(each), kind) for each in (text.labels, second[text.id])]
            units = range(len(corpus.cases[text.case].history)) if kind in OF_ITEMS else (None,)
            pairs += [(unit in both[0], unit in both[1]) for unit in units]
        results.append(
            Result(f"second labeller, {kind}", "Cohen's kappa", float(cohen_kappa_score(*zip(*pairs, strict=True))), "")
        )
    return results


def _targets(stated: set[Stated], kind: str) -> set[int | str | None]:
    targets = {one.target for one in stated if one.kind == kind}
    return targets if kind in OF_ITEMS else {None} if targets else set()


if __name__ == "__main__":
    main()
