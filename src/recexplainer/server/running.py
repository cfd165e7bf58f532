"""Opening a run to be served, and serving it."""

from __future__ import annotations

import gc
import ipaddress
import socket
from collections.abc import Callable, Collection
from pathlib import Path

import uvicorn

from recexplainer.errors import RunError, SettingsError
from recexplainer.explanations.writing import REALISED, SURROGATE, Writer
from recexplainer.pipeline.execution import read_manifest
from recexplainer.pipeline.layout import RECOMMENDER, TARGET, RunLayout
from recexplainer.pipeline.runs import explaining_stage, has_surrogate, open_surrogate, open_target
from recexplainer.recommenders.popularity import kept_shares
from recexplainer.server.app import create_app
from recexplainer.server.auditing import Auditing
from recexplainer.server.known_evidence import KnownEvidence
from recexplainer.server.protocol import protocol
from recexplainer.server.service import Service
from recexplainer.server.settings import Limits
from recexplainer.storage import hash_value

_GARBAGE = (100_000, 20, 100)  # new objects until the collector looks through the young ones, and how often further
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


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
        writers[SURROGATE] = explainer.writer(SURROGATE)
    gc.collect()
    gc.freeze()  # looking through the catalogue and the models again and again would take much of the time
    gc.set_threshold(*_GARBAGE)
    return Service(run.resolve().name, _version(run, with_surrogate), explainer, writers)


def _version(run: Path, surrogate: bool) -> str:
    """A hash of the data and the models that answer."""
    layout = RunLayout(run)
    stages = [*TARGET, *([explaining_stage(run)] if surrogate else [])]
    manifests = [read_manifest(layout.complete_stage(name)) for name in stages]
    if None in manifests:
        raise RunError("A stage has no manifest.", location=str(run), hint="Start the run again.")
    return hash_value([[one.key, one.output_hash] for one in manifests if one is not None])


def serve(
    run: Path,
    host: str,
    port: int,
    limits: Limits,
    *,
    key: str = "",
    names: Collection[str] = (),
    surrogate: bool = True,
    listening: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a run until the process is told to end.

    Args:
        run: Its folder.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        limits: What is allowed.
        key: What a client must know; "" for nothing.
        names: Names by which the server is asked for, besides its address. On an address of this machine alone no other
            is answered to; elsewhere any, if none is given.
        surrogate: Whether the run's surrogate may write, where it is trained.
        listening: Is told the address as soon as it is listened on.

    Raises:
        RunError: The run lacks the data or the recommender.
        SettingsError: The address cannot be listened on.
    """
    RunLayout(run).complete_stage(RECOMMENDER)
    errors: list[Exception] = []

    def failed(error: Exception) -> None:
        errors.append(error)
        server.should_exit = True

    hosts = _LOOPBACK | {host, *names} if is_loopback(host) else {host, *names} if names else None
    app = create_app(
        lambda: open_service(run, limits, surrogate=surrogate),
        Auditing(run),
        limits,
        key=key,
        hosts=hosts,
        failed=failed,
    )
    config = uvicorn.Config(
        app,
        http=protocol(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    server = uvicorn.Server(config)
    with _listen(host, port) as own:
        name = f"[{host}]" if ":" in host else host
        listening(f"http://{name}:{own.getsockname()[1]}")
        server.run(sockets=[own])
    if errors:
        raise errors[0]


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        hint = "Give another --port, or --host." if port else "Give another --host."
        what = f"This address cannot be listened on: {error.strerror or error}."
        raise SettingsError(what, location=f"{host}, port {port}", hint=hint) from error
