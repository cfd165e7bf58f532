"""Attribution by asking the recommender again: milliseconds a case, histories asked, and how near samples come.

Milliseconds are those of the processor, one thread, for one case at a time: the median of the cases, of each of which
the fastest of some takes counts, as others on the machine can only make it slower.
The SASRec has a catalogue of 2,000 made-up items and weights as they begin: what it costs does not depend on them. How
near sampled Shapley values come to exact ones is measured on histories that the embedded world's fitted SASRec knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import process_time
from typing import Any

import numpy as np

from common import Result, arguments, begin, finish
from recexplainer.data.sample import make_world
from recexplainer.recommenders.attribution import occlusion_attributions, pair_attributions
from recexplainer.recommenders.base import Floats, User
from recexplainer.recommenders.sasrec import SASRec, SASRecSettings
from recexplainer.recommenders.shapley import Shapley, shapley_values

ITEMS, WIDTH = 2_000, 64
WAYS: dict[str, Callable[..., Any]] = {
    "leave one out": occlusion_attributions,
    "pairs": pair_attributions,
    "shapley, sampled": shapley_values,
}


class Counting(SASRec):
    """A SASRec that counts the histories it scores."""

    asked = 0

    def scores(self, users: Sequence[User]) -> Floats:
        self.asked += len(users)
        return super().scores(users)


def main() -> None:
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--length", type=int, default=16, help="items of a history")
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2], help="transformer blocks of the SASRec")
    parser.add_argument("--cases", type=int, default=20, help="histories timed, one at a time; their median counts")
    parser.add_argument("--takes", type=int, default=5, help="takes of each history, of which the fastest counts")
    parser.add_argument("--exact", type=int, default=10, help="histories whose sampled values are held against exact")
    options = begin(parser)
    results: list[Result] = []
    for layers in options.layers:
        results += timed(layers, options)
    results += exactness(options)
    finish(options, results, {})
    asked = [one.value for one in results if one.way == "shapley, sampled" and one.unit == "histories asked"]
    assert max(asked) <= 256 + 2 * options.length + 1, "sampling asks for more histories than it says"


def timed(layers: int, options: Any) -> list[Result]:
    """Median milliseconds and histories asked of each kind of attribution, one case at a time after a warm-up."""
    recommender = Counting(
        ITEMS, SASRecSettings(max_history=options.length, hidden_size=WIDTH, num_hidden_layers=layers)
    ).eval()
    random = np.random.default_rng(0)
    users = [User(tuple(random.choice(ITEMS, options.length, replace=False).tolist())) for _ in range(options.cases)]
    results: list[Result] = []
    for way, attribute in WAYS.items():
        takes = [[seconds(attribute, recommender, user) for user in users] for _ in range(1 + options.takes)][1:]
        asked, recommender.asked = recommender.asked / options.cases / (1 + options.takes), 0
        what = f"{options.length} items, {layers} layer{'s' if layers > 1 else ''}"
        results.append(Result(what, way, 1e3 * float(np.median(np.min(takes, 0))), "milliseconds"))
        results.append(Result(what, way, asked, "histories asked"))
    return results


def seconds(attribute: Callable[..., Any], recommender: SASRec, user: User) -> float:
    start = process_time()
    attribute(recommender, [user], [0])
    return process_time() - start


def exactness(options: Any) -> list[Result]:
    """Sampled beside exact values of a fitted SASRec, in units of the standard deviation of the exact ones."""
    world = make_world(users=1_500, items=300)
    search: dict[str, Any] = {
        "hidden_sizes": [WIDTH],
        "dropouts": [0.2],
        "num_hidden_layers": [2],
        "learning_rates": [3e-3],
    }
    recommender = SASRec.fit(world, epochs=8, batch_size=256, max_history=options.length, **search)
    longest = sorted((world.history(user) for user in range(world.n_users)), key=len)[-options.exact :]
    users = [User(tuple(history[-options.length :].tolist())) for history in longest]
    items = [int(np.argsort(-scores)[15]) for scores in recommender.scores(users)]
    exact = shapley_values(recommender, users, items, exact_up_to=16)
    sampled = shapley_values(recommender, users, items, exact_up_to=4)
    lengths = [len(user.history) for user in users]
    what = f"{min(lengths)} to {max(lengths)} items, fitted"
    error, stated = [], []
    for one, other in zip(sampled, exact, strict=True):
        score_std = float(other.values.std())
        error.append((one.values - other.values) / score_std)
        stated.append(one.errors / score_std)
    errors, claims = np.concatenate(error), np.concatenate(stated)
    return [
        Result(what, "shapley, error", root_mean_square(errors), "of the standard deviation"),
        Result(what, "shapley, stated error", root_mean_square(claims), "of the standard deviation"),
        Result(what, "within 3 stated errors", float((np.abs(errors) <= 3 * claims).mean()), "of the values"),
        Result(what, "sampled and exact", correlation(sampled, exact), "correlation"),
    ]


def root_mean_square(values: Floats) -> float:
    return float(np.sqrt((values**2).mean()))


def correlation(sampled: Sequence[Shapley], exact: Sequence[Shapley]) -> float:
    """The mean over histories of the correlation of their values."""
    pairs = zip(sampled, exact, strict=True)
    return float(np.mean([np.corrcoef(one.values, other.values)[0, 1] for one, other in pairs]))


if __name__ == "__main__":
    main()
