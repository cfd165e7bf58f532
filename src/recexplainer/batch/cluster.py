"""Parts of a batch made by Ray Data: the same code as of one machine, in actors that hold the recommender.

Every machine must have this package in the same version, and see the folders of the run and of the batch under the same
paths. An actor or a machine that is lost is replaced by Ray, and its part is made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from recexplainer.batch.question import Job
from recexplainer.batch.workers import ONE_THREAD
from recexplainer.errors import RecExplainerError, RunError, SettingsError, first_line


class _PartActor:
    """Makes parts on some machine of the cluster; the recommender is opened once."""

    def __init__(self, job: Job) -> None:
        from recexplainer.batch.part import open_part_writer

        self._writer = open_part_writer(job)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"part": row["part"], "pairs": self._writer.write(int(row["part"]))}


def on_ray(job: Job, parts: Sequence[int], address: str, actors: int | None = None) -> Iterator[tuple[int, int]]:
    """Make parts on a Ray cluster; yields each part that is there, with its pairs, in any order.

    Args:
        job: The run and the folder.
        parts: The parts that are missing.
        address: That of the cluster; `auto` finds the one that this machine belongs to, `local` starts one here.
        actors: How many hold the recommender at most; None: one for each core of the cluster.

    Raises:
        RunError: There is no such cluster, or Ray gave up.
        SettingsError: Ray is not installed.
    """
    ray, data = _ray()
    if not parts:
        return
    own = {"include_dashboard": False} if address == "local" else {}  # it would take a part of a core
    how = {"ignore_reinit_error": True, "runtime_env": {"env_vars": ONE_THREAD}, "log_to_driver": False, **own}
    try:
        ray.init(address=address, **how)
    except (ConnectionError, ValueError, RuntimeError) as error:
        hint = "Start one with `ray start --head`, or give its address; without --ray this machine works alone."
        raise RunError(
            f"There is no Ray cluster: {first_line(error)}", location=f"--ray {address}", hint=hint
        ) from error
    most = min(len(parts), actors or max(1, int(ray.cluster_resources().get("CPU", 1))))
    rows = data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
    pool = data.ActorPoolStrategy(min_size=1, max_size=most, initial_size=most, max_tasks_in_flight_per_actor=1)
    made = rows.map(_PartActor, fn_constructor_args=(job,), compute=pool, num_cpus=1)
    try:
        for row in made.iter_rows():
            yield int(row["part"]), int(row["pairs"])
    except ray.exceptions.RayError as error:
        raise _own(error) from error


def _ray() -> tuple[Any, Any]:
    try:
        ray, data = import_module("ray"), import_module("ray.data")
    except ImportError as error:
        what, hint = "Ray is not installed.", "pip install 'recexplainer[ray]', on every machine."
        raise SettingsError(what, location="--ray", hint=hint) from error
    return ray, data


def _own(error: BaseException) -> RecExplainerError:
    """The error of this package that an actor raised, however Ray has wrapped it; else what Ray says."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RecExplainerError):
            return seen
        seen = getattr(seen, "cause", None) or seen.__cause__
    hint = "The parts that are there stay, and the next start makes the others."
    return RunError(f"Ray gave up: {first_line(error)}", location="--ray", hint=hint)
