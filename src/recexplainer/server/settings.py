"""What a server allows: sizes, times and numbers of requests."""

from __future__ import annotations

from pydantic import Field

from recexplainer.settings import Settings


class Limits(Settings):
    """What a server allows. What is beyond it gets a 4xx, never a 5xx."""

    body_bytes: int = Field(default=256 * 1024, ge=1024)
    """The largest body of a request; more is a 413."""
    body_seconds: float = Field(default=10.0, gt=0)
    """How long a client may take to send its headers, and as long again for its body; more is a 408."""
    request_seconds: float = Field(default=60.0, gt=0)
    """How long a request may take in all; what has no answer by then is a 429."""
    open_requests: int = Field(default=512, ge=1)
    """How many requests may be open at a time; more are a 429."""
    connections: int = Field(default=1024, ge=1)
    """How many connections may be open at a time; more are closed."""
    waiting: int = Field(default=256, ge=1)
    """How many pairs of a user and an item may wait for the model; more are a 429."""
    waiting_seconds: float = Field(default=20.0, gt=0)
    """How long all that waits may take, at the pace of late; more is a 429."""
    together: int = Field(default=16, ge=1)
    """How many pairs the model is asked about together."""
    cache_bytes: int = Field(default=64 * 1024 * 1024, ge=0)
    """How much is kept of answers."""
    evidence: int = Field(default=2048, ge=0)
    """How many pairs are kept with what the recommender said of them."""
