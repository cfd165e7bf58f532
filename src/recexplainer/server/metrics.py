"""What is measured of a server, in the text format of Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

if TYPE_CHECKING:
    from recexplainer.server.cache import AnswerCache
    from recexplainer.server.queue import ModelQueue

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TOGETHER = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counts and times of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        own: Any = {"namespace": "recexplainer", "registry": self._registry}
        self._requests = Counter("requests", "Requests that were answered.", ["route", "method", "status"], **own)
        self._seconds = Histogram("request_seconds", "Time of a request.", ["route"], buckets=_SECONDS, **own)
        self._together = Histogram("asked_together", "Questions asked together.", buckets=_TOGETHER, **own)
        self._model = Histogram("model_seconds", "Time of what is asked together.", buckets=_SECONDS, **own)
        self._lookups = Counter("cache_lookups", "Answers looked for in the cache.", ["found"], **own)
        self._waiting = Gauge("waiting", "Pairs of a user and an item that wait for the model.", **own)
        self._bytes = Gauge("cache_bytes", "Size of the answers that are kept.", **own)
        self.open = Gauge("open_requests", "Requests that have no answer yet.", **own)

    def watch(self, queue: ModelQueue, cache: AnswerCache) -> None:
        """Read the queue and the cache when asked for the metrics."""
        self._waiting.set_function(lambda: queue.waiting)
        self._bytes.set_function(lambda: cache.size)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request; `route` is its path with the names of its parameters."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def asked(self, together: int, seconds: float) -> None:
        """Count what the model was asked together."""
        self._together.observe(together)
        self._model.observe(seconds)

    def looked_up(self, found: bool) -> None:
        """Count a look into the cache."""
        self._lookups.labels(str(found).lower()).inc()

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
