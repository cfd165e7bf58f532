"""What the server itself answers, to compare the page with."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any, NamedTuple
from urllib.parse import quote


class Api(NamedTuple):
    """Questions to a server by its address."""

    address: str

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.address}/{path}", timeout=60) as response:
            return json.load(response)

    def post(self, path: str, **question: Any) -> Any:
        body = json.dumps(question).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.address}/{path}", body, headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def wait_until_ready(self) -> None:
        for _ in range(600):
            try:
                self.get("ready")
                return
            except urllib.error.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the server does not become ready")

    def history(self, user: str) -> list[dict[str, Any]]:
        return self.get(f"users/{quote(user)}")["history"]

    def audit(self) -> dict[str, Any]:
        """The audit, which is made when it is first asked for."""
        for _ in range(300):
            if "findings" in (answer := self.get("audit")):
                return answer
            time.sleep(0.5)
        raise AssertionError("the audit is not made")

    def recommendations(self, user: str) -> list[dict[str, Any]]:
        return self.get(f"users/{quote(user)}/recommendations")["recommendations"]
