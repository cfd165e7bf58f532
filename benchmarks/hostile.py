"""What a served run makes of hostile input: requests made from its OpenAPI description, and from what breaks others.

    python benchmarks/hostile.py RUN --requests 10000        # needs schemathesis: pip install schemathesis

Ids are often real ones, so that the model is reached. Every answer must be below 500, have the headers that let a
browser run nothing else, and be JSON where it is not the page, the metrics or events.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from recexplainer.data.dataset import Dataset
from recexplainer.server.guard import HEADERS
from serving import ready, start

_MARKUP = (
    "<script>alert(1)</script>",
    "“<img src=x onerror=alert(1)>”",
    "{{7*7}}",
    "'; DROP TABLE users;--",
    "\x00\u202e",
)
_ROUND = 30  # requests of one operation in a row
_ALL = list(HealthCheck)
_KINDS = ("application/json", "text/plain", "text/event-stream")


def realistic(value: Any, name: str, dataset: Dataset, rng: random.Random) -> Any:
    """A value of a request, where ids are mostly real, and texts have markup or titles of the catalogue in them."""
    if isinstance(value, dict):
        return {key: realistic(one, str(key), dataset, rng) for key, one in value.items()}
    if isinstance(value, list):
        return [realistic(one, name, dataset, rng) for one in value[:20]]
    if not isinstance(value, str) or rng.random() < 0.2:
        return value
    match name:
        case "user" | "id" | "a" | "b":
            return rng.choice(dataset.user_ids)
        case "item" | "other" | "history" | "without" | "add":
            return rng.choice(dataset.item_ids)
        case "text" | "q" | "aspect":
            return f"{value}{rng.choice(_MARKUP)} Yes, because of “{rng.choice(dataset.titles)}”."[:200]
        case "writer":
            return "realised"
        case _:
            return value


class Attack:
    """Requests to one server: the answers by status, and what is wrong with any."""

    def __init__(self, port: int, dataset: Dataset) -> None:
        self.schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
        self.dataset, self.rng = dataset, random.Random(0)
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []

    def send(self, operation: Any, count: int) -> None:
        """Send so many requests of one operation."""

        @settings(max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=_ALL)
        @given(case=operation.as_strategy())
        def sent(case: Any) -> None:
            for part in ("path_parameters", "query", "body"):
                if isinstance(value := getattr(case, part), dict | list):
                    setattr(case, part, realistic(value, "", self.dataset, self.rng))
            answer = case.call(headers={"Accept": self.rng.choice(_KINDS)}, timeout=120)
            self.statuses[f"{answer.status_code}"] += 1
            self.look_at(f"{case.method} {case.formatted_path}: {answer.status_code}", answer)

        sent()

    def look_at(self, where: str, answer: Any) -> None:
        """Note what is wrong with an answer."""
        kind = answer.headers.get("content-type", [""])[0]
        if answer.status_code >= 500:
            self.wrong.append(f"{where} {answer.text[:200]}")
        if any(answer.headers.get(name.lower(), [""])[0] != value for name, value in HEADERS.items()):
            self.wrong.append(f"{where}: headers are missing")
        if not kind.startswith(("application/json", "text/plain; version", "text/event-stream")):
            self.wrong.append(f"{where}: {kind}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--port", type=int, default=8766)
    asked = parser.parse_args()
    process = start(asked.run, asked.port)
    try:
        asyncio.run(ready(process, asked.port))
        started = time.monotonic()
        attack = Attack(asked.port, Dataset.load(asked.run / "dataset"))
        operations = [one.ok() for one in attack.schema.get_all_operations()]
        while (left := asked.requests - attack.statuses.total()) > 0:
            for operation in operations:
                attack.send(operation, min(_ROUND, -(-left // len(operations))))
            print(f"{time.monotonic() - started:.0f} s", dict(sorted(attack.statuses.items())), flush=True)
    finally:
        process.terminate()
        process.wait()
    print(f"{attack.statuses.total():,} requests in {time.monotonic() - started:.0f} s")
    print("wrong:", *(attack.wrong[:20] or ["nothing"]), sep="\n  ")


if __name__ == "__main__":
    main()
