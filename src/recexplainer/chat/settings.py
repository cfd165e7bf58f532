"""Settings of an endpoint."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from recexplainer.settings import Settings


class EndpointSettings(Settings):
    """Which model of which endpoint is asked, how patiently, and at what price."""

    renamed = MappingProxyType(
        {
            "longest_answer": "max_tokens",
            "limit_name": "max_tokens_parameter",
            "first_wait": "initial_backoff",
            "longest_wait": "max_backoff",
            "usual_answer": "expected_tokens",
        }
    )

    model: str
    """Name of the model, as the endpoint calls it; on Azure the name of the deployment."""
    address: str | None = None
    """The endpoint's address, such as http://localhost:8000/v1; None: the one in the environment."""
    address_variable: str = "OPENAI_BASE_URL"
    """Environment variable with the endpoint's address, such as http://localhost:8000/v1."""
    key_variable: str = "OPENAI_API_KEY"
    """Environment variable with the key; if it is not set, no key is sent, as for servers of your own."""
    azure_api_version: str | None = None
    """Version of Azure's older interface, such as 2024-10-21; None: as the address says, by `?api-version=` or not."""
    temperature: float | None = Field(default=0.0, ge=0)
    """Temperature of sampling; None leaves the model's own, since some models take no other."""
    max_tokens: int = Field(default=512, ge=1)
    """Most tokens of an answer; what a reasoning model thinks before it counts too."""
    max_tokens_parameter: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the endpoint calls that limit; some models take only the second name."""
    concurrency: int = Field(default=8, ge=1)
    """Most requests that are open at a time."""
    timeout: float = Field(default=120.0, gt=0)
    """Seconds that one try may take, up to the last byte of the answer."""
    retries: int = Field(default=5, ge=0)
    """Further tries after one that failed and may succeed later."""
    initial_backoff: float = Field(default=1.0, ge=0)
    """Most seconds before the first further try; doubled from try to try."""
    max_backoff: float = Field(default=120.0, ge=0)
    """Most seconds between two tries; where the server asks for a longer wait, the request is given up."""
    expected_tokens: int = Field(default=200, ge=1)
    """Expected tokens of an answer, for the estimate of the spend until some answers are there."""
    tokenizer: Path | None = None
    """Folder with the model's tokenizer and chat template, for exact counts; None: tokens are estimated."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million tokens of requests; 0: unknown."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million tokens of answers; 0: unknown."""
    currency: str = "USD"
    """Currency of the prices."""
