"""The state of a server: whether its run is open, and the desk that answers for it."""

from __future__ import annotations

from recexplainer.server.auditing import Auditing
from recexplainer.server.desk import Desk
from recexplainer.server.metrics import Metrics
from recexplainer.server.service import Service
from recexplainer.server.settings import Limits


class NotReadyError(Exception):
    """Questions are not answered yet, or no more."""


class State:
    """What all requests of a server share."""

    def __init__(self, limits: Limits, auditing: Auditing) -> None:
        self.limits, self.metrics, self.auditing = limits, Metrics(), auditing
        self._desk: Desk | None = None

    def open(self, service: Service) -> None:
        """Answer questions from here on; called in the event loop."""
        self._desk = Desk(service, self.limits, self.metrics)

    def desk(self) -> Desk:
        """The desk. Raises NotReadyError where the run is not open, or nobody asks the model any more."""
        if self._desk is None or not self._desk.queue.alive:
            raise NotReadyError
        return self._desk

    def close(self) -> None:
        """Answer no more questions."""
        if self._desk is not None:
            self._desk.queue.close()
