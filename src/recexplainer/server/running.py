"""Opening a run to be served, and serving it."""

from __future__ import annotations

from pathlib import Path

from recexplainer.errors import RunError
from recexplainer.explanations.writing import REALISED, SURROGATE, Writer
from recexplainer.pipeline.execution import read_manifest
from recexplainer.pipeline.layout import RECOMMENDER, TARGET, RunLayout
from recexplainer.pipeline.runs import explaining_stage, has_surrogate, open_surrogate, open_target
from recexplainer.recommenders.popularity import kept_shares
from recexplainer.server.known_evidence import KnownEvidence
from recexplainer.server.service import Service
from recexplainer.server.settings import Limits
from recexplainer.storage import hash_value


def open_service(run: Path, limits: Limits, *, surrogate: bool = True) -> Service:
    """The service of a run; `surrogate`: with its surrogate, where that is trained.

    Raises RunError where the run lacks the data or the recommender.
    """
    with_surrogate = surrogate and has_surrogate(run)
    dataset, recommender = open_target(run)
    shares = kept_shares(RunLayout(run).stage(RECOMMENDER) / RunLayout.POPULARITY, recommender, dataset)
    model = open_surrogate(run, only_writes=True) if with_surrogate else None
    explainer = KnownEvidence(dataset, recommender, model, recommended_shares=shares, most=limits.evidence)
    writers: dict[str, Writer] = {REALISED: explainer.realised}
    if model is not None:
        writers |= dict.fromkeys((SURROGATE, explainer.generator.form), explainer.writer(SURROGATE))
    return Service(run.resolve().name, _version(run, with_surrogate), explainer, writers)


def _version(run: Path, surrogate: bool) -> str:
    """A hash of the data and the models that answer."""
    layout = RunLayout(run)
    manifests = [read_manifest(layout.complete_stage(name)) for name in (*TARGET, *([explaining_stage(run)] * surrogate))]
    if None in manifests:
        raise RunError("A stage has no manifest.", location=str(run), hint="Start the run again.")
    return hash_value([[one.key, one.output_hash] for one in manifests if one is not None])
