"""Whether the metrics of explanations still tell true from false where texts are worded as those of the corpus are.

The AUROC of each metric on synthetic ground truth, in the package's own phrasings and in sentences of the corpus.
"""

from __future__ import annotations

from pathlib import Path

from common import Result, arguments, begin, finish
from recexplainer.claims.corpus import PARTS, Corpus
from recexplainer.evaluation.faithfulness import faithfulness_values
from recexplainer.evaluation.synthetic.auroc import ALL, evaluate_synthetic
from recexplainer.evaluation.synthetic.wording import corpus_phrasings


def main() -> None:
    """Print the figures."""
    parser = arguments(__doc__)
    parser.add_argument("--corpus", type=Path, default=Path("corpus"), help="the folder of the corpus")
    parser.add_argument("--part", choices=PARTS, default="test", help="whose sentences")
    parser.add_argument("--pairs", type=int, default=300, help="pairs of a true and a corrupted text for each metric")
    options = begin(parser)
    corpus = Corpus.load(options.corpus)
    phrasings = corpus_phrasings(corpus, corpus.texts[options.part])
    results: list[Result] = []
    for way, chosen in (("own phrasings", None), (f"corpus, {options.part}", phrasings)):
        for row in evaluate_synthetic(faithfulness_values, pairs=options.pairs, phrasings=chosen):
            if row.method == ALL and not row.variant:
                results.append(Result(row.metric, f"{way} ({row.low:.3f} to {row.high:.3f})", row.value, ""))
    finish(options, results, {})


if __name__ == "__main__":
    main()
