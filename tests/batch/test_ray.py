"""The same parts made by Ray Data on a cluster of two workers on this machine, one of which is killed."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.batch.test_batch import BEST, contents, planned
from tests.tiny import run_until_recommender, sasrec

from recexplainer.batch.cluster import on_ray
from recexplainer.batch.question import MANIFEST
from recexplainer.batch.running import run_batch
from recexplainer.errors import RunError, SettingsError

pytestmark = pytest.mark.slow


def test_without_ray_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    run = run_until_recommender(tmp_path / "shop", sasrec())
    with pytest.raises(SettingsError, match="Ray is not installed") as raised:
        run_batch(run, tmp_path / "out", BEST, ray="auto")
    assert "recexplainer[ray]" in raised.value.hint


def test_a_worker_that_is_lost_loses_no_part(tmp_path: Path) -> None:
    ray: Any = pytest.importorskip("ray", reason="Ray is not installed: pip install 'recexplainer[ray]'")
    cluster_utils: Any = import_module("ray.cluster_utils")

    run = run_until_recommender(tmp_path / "shop", sasrec())
    run_batch(run, tmp_path / "alone", BEST, processes=1)
    job = planned(run, tmp_path / "out", BEST)
    store = {"object_store_memory": 80 << 20}
    cluster: Any = cluster_utils.Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **store}
    )
    try:
        workers = [cluster.add_node(num_cpus=1, **store) for _ in range(2)]
        made: list[int] = []
        there = 0
        for part, _ in on_ray(job, range(12), cluster.address):
            made.append(part)
            if len(made) == 2:
                free = ray._private.state.available_resources_per_node()
                busy = next(one for one in workers if not free.get(one.node_id, {}).get("CPU"))
                cluster.remove_node(busy, allow_graceful=False)
                there = len(list(job.out.glob("part-*")))
        assert there < 12, "parts were missing when the worker was killed"
        assert sorted({*made}) == list(range(12))
    finally:
        ray.shutdown()
        cluster.shutdown()
    alone = contents(tmp_path / "alone")
    assert {name: part for name, part in contents(job.out).items() if name != MANIFEST} == {
        name: part for name, part in alone.items() if name != MANIFEST
    }


def test_no_cluster_is_an_error_of_ours(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'recexplainer[ray]'")
    run = run_until_recommender(tmp_path / "shop", sasrec())
    job = planned(run, tmp_path / "out", BEST)
    with pytest.raises(RunError, match="no Ray cluster"):
        list(on_ray(job, [0], "auto"))
