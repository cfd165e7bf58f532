"""Opening a run to be served, and serving it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from pathlib import Path

import uvicorn

from recexplainer.errors import RunError, SettingsError
from recexplainer.explanations.writing import REALISED, SURROGATE, Writer
from recexplainer.hardware import collect_garbage_seldom
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

_GRACE = 10  # seconds that open requests have at the end
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
    collect_garbage_seldom()
    return Service(run.resolve().name, _version(run, with_surrogate), explainer, writers)


def _version(run: Path, surrogate: bool) -> str:
    """A hash of the data and the models that answer."""
    layout = RunLayout(run)
    stages = [*TARGET, *([explaining_stage(run)] if surrogate else [])]
    manifests = [read_manifest(layout.complete_stage(name)) for name in stages]
    if None in manifests:
        raise RunError("A stage has no manifest.", location=str(run), hint="Start the run again.")
    return hash_value([[one.key, one.output_hash] for one in manifests if one is not None])


class Serving:
    """A run that is served.

    Args:
        run: Its folder.
        host: The address to listen on.
        limits: What is allowed.
        key: What a client must know; "" for nothing.
        names: Names by which the server is asked for, besides its address. On an address of this machine alone no other
            is answered to; elsewhere any, if none is given.
        surrogate: Whether the run's surrogate writes and is audited, where it is trained.

    Raises:
        RunError: The run has no recommender.
    """

    def __init__(
        self,
        run: Path,
        host: str,
        limits: Limits,
        *,
        key: str = "",
        names: Collection[str] = (),
        surrogate: bool = True,
    ) -> None:
        RunLayout(run).complete_stage(RECOMMENDER)
        self._host, self._errors = host, list[Exception]()
        known = {host.lower(), *(name.lower() for name in names)}
        hosts = _LOOPBACK | known if is_loopback(host) else known if names else None
        app = create_app(
            lambda: open_service(run, limits, surrogate=surrogate),
            Auditing(run, surrogate=surrogate),
            limits,
            key=key,
            hosts=hosts,
            failed=self._failed,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=protocol(limits),
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
            )
        )

    def run(self, port: int, listening: Callable[[str], None]) -> None:
        """Answer until the process is told to end, or `stop` is called.

        Args:
            port: The port; 0 takes a free one.
            listening: Is told the address as soon as it is listened on.

        Raises:
            RunError: The run cannot be opened.
            SettingsError: The address cannot be listened on.
        """
        with _listen(self._host, port) as own:
            name = f"[{self._host}]" if ":" in self._host else self._host
            listening(f"http://{name}:{own.getsockname()[1]}")
            self._server.run(sockets=[own])
        if self._errors:
            raise self._errors[0]

    def stop(self) -> None:
        """End; requests that are open may still be answered for some seconds."""
        self._server.should_exit = True

    def _failed(self, error: Exception) -> None:
        self._errors.append(error)
        self.stop()


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
