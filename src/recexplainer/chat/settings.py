"""Settings of an endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from recexplainer.settings import Settings


class EndpointSettings(Settings):
    """Which model is asked where, how patiently, and at what price."""

    model: str
    """Name of the model, as the endpoint calls it."""
    address_variable: str = "OPENAI_BASE_URL"
    """Environment variable with the endpoint's address, such as http://localhost:8000/v1."""
    key_variable: str = "OPENAI_API_KEY"
    """Environment variable with the key; without it none is sent, which servers of one's own take."""
    temperature: float | None = Field(default=0.0, ge=0)
    """Temperature of sampling; None leaves the model's own, since some models take no other."""
    longest_answer: int = Field(default=512, ge=1)
    """Most tokens of an answer."""
    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the endpoint calls that limit; some models take the second name only."""
    concurrency: int = Field(default=8, ge=1)
    """Most requests that are open at a time."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that one try may take, up to the last byte of the answer."""
    retries: int = Field(default=5, ge=0)
    """Further tries after one that failed and may succeed later."""
    first_wait: float = Field(default=1.0, ge=0)
    """Seconds before the first further try, at most; doubled from try to try."""
    longest_wait: float = Field(default=120.0, ge=0)
    """Most seconds between two tries; where the server wants a longer wait, the request is given up."""
    usual_answer: int = Field(default=200, ge=1)
    """Tokens that an answer usually has: for the estimate, until some answers are there to tell."""
    tokenizer: Path | None = None
    """Folder with the model's tokenizer and chat template, for exact counts; None: they are estimated."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million tokens of requests; 0: unknown."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million tokens of answers; 0: unknown."""
    currency: str = "USD"
    """Currency of the prices."""
