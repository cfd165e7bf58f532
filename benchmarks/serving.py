"""How a served run bears many clients at once: answers by status, their times, and the server's memory.

    python benchmarks/serving.py RUN --writer realised --seconds 60 --clients 200 --kill

The clients ask as a page does, each the next question as soon as the last is answered, and wait where they are told to.
With --kill the server is killed (SIGKILL) after half of the time and started again; the files of the run are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from recexplainer.data.dataset import Dataset
from recexplainer.storage import hash_files

_START = 120.0  # seconds that a server may take to be ready
_READS = ("users", "history", "recommendations", "items")


@dataclass
class Seen:
    """What the clients saw: statuses, seconds by question, and the server's memory in MiB over time."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    memory: list[float] = field(default_factory=list)


class Clients:
    """Clients of one server, until `end` (time.monotonic)."""

    def __init__(self, dataset: Dataset, port: int, writer: str, end: float) -> None:
        self.dataset, self.port, self.writer, self.end, self.seen = dataset, port, writer, end, Seen()
        self.down = False

    async def ask_on(self, number: int) -> None:
        """One client: a question after the other, on one connection as long as that is open."""
        rng, connection = random.Random(number), None
        while time.monotonic() < self.end:
            name, method, path, body = self.question(rng)
            started, kept = time.perf_counter(), connection is not None
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                status, headers, _ = await request(connection, method, path, body)
            except OSError:
                connection = None
                if kept:  # it was closed while nothing was asked
                    continue
                self.seen.statuses["no connection while it was down" if self.down else "no connection"] += 1
                await asyncio.sleep(0.5)
                continue
            self.seen.statuses[str(status)] += 1
            if status == 200:
                self.seen.seconds[name].append(time.perf_counter() - started)
            elif status in (429, 503):
                await asyncio.sleep(
                    min(float(headers.get("retry-after", "1")), self.end - time.monotonic()) + rng.random()
                )

    def question(self, rng: random.Random) -> tuple[str, str, str, dict[str, object] | None]:
        """What a client asks next: a route, and the request."""
        user = rng.choice(self.dataset.user_ids)
        item, other = rng.sample(self.dataset.item_ids, 2)
        name = rng.choices(["explain", "check", "contrast", "what-if", *_READS], [30, 10, 5, 15, 10, 10, 15, 5])[0]
        pair: dict[str, object] = {"user": user, "item": item}
        match name:
            case "users":
                return name, "GET", f"/users?q={user[:2]}", None
            case "items":
                return name, "GET", "/items?q=the", None
            case "history":
                return name, "GET", f"/users/{user}", None
            case "recommendations":
                return name, "GET", f"/users/{user}/recommendations?k=5", None
            case "check":
                return name, "POST", "/check", {**pair, "text": f"Yes, it is at rank {rng.randint(1, 50)}."}
            case "contrast":
                return name, "POST", "/contrast", {**pair, "other": other}
            case "what-if":
                return name, "POST", "/what-if", {"user": user, "add": [item]}
            case _:
                return name, "POST", "/explain", {**pair, "writer": self.writer}


async def request(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    method: str,
    path: str,
    body: dict[str, object] | None,
) -> tuple[int, dict[str, str], bytes]:
    """Ask, and read the answer. Raises OSError where the connection ends before."""
    reader, writer = connection
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
    head += "Content-Type: application/json\r\n\r\n" if content else "\r\n"
    writer.write(head.encode() + content)
    await writer.drain()
    try:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        answer = await reader.readexactly(int(headers["content-length"]))
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError from error
    return int(first.split()[1]), headers, answer


def start(run: Path, port: int) -> subprocess.Popen[bytes]:
    """A server of a run."""
    command = [sys.executable, "-m", "recexplainer", "serve", str(run), "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


async def ready(process: subprocess.Popen[bytes], port: int) -> float:
    """Wait until a server is ready; how many seconds that took."""
    started = time.monotonic()
    while time.monotonic() - started < _START:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        try:
            status, *_ = await request(await asyncio.open_connection("127.0.0.1", port), "GET", "/ready", None)
            if status == 200:
                return time.monotonic() - started
        except OSError:
            pass
        await asyncio.sleep(0.1)
    raise TimeoutError("the server is not ready")


def memory(process: subprocess.Popen[bytes]) -> float:
    """The resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def bear(run: Path, writer: str, clients: int, seconds: float, port: int, kill: bool) -> Seen:
    """Serve a run, and have clients ask for so many seconds."""
    process = start(run, port)
    try:
        print(f"ready after {await ready(process, port):.1f} s")
        begun = time.monotonic()
        asking = Clients(Dataset.load(run / "dataset"), port, writer, begun + seconds)
        tasks = [asyncio.create_task(asking.ask_on(number)) for number in range(clients)]
        while time.monotonic() < asking.end:
            await asyncio.sleep(min(5.0, max(0.0, asking.end - time.monotonic())))
            asking.seen.memory.append(memory(process))
            if kill and time.monotonic() - begun > seconds / 2:
                kill, asking.down = False, True
                process.kill()
                process.wait()
                process = start(run, port)
                print(f"killed; ready again after {await ready(process, port):.1f} s")
                asking.down = False
        await asyncio.gather(*tasks)
        return asking.seen
    finally:
        process.terminate()
        process.wait()


def show(seen: Seen) -> None:
    """Print what the clients saw."""
    print("answers:", dict(sorted(seen.statuses.items())))
    print(f"{'question':<16}{'answers':>8}{'p50 s':>8}{'p99 s':>8}")
    everything = [one for own in seen.seconds.values() for one in own]
    for name, own in [*sorted(seen.seconds.items()), ("all", everything)]:
        cuts = quantiles(own, n=100) if len(own) > 1 else own * 99
        print(f"{name:<16}{len(own):>8}{cuts[49]:>8.2f}{cuts[98]:>8.2f}")
    print("memory, MiB:", " ".join(f"{one:.0f}" for one in seen.memory))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--writer", default="realised")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--kill", action="store_true")
    given = parser.parse_args()
    before = hash_files(given.run)
    show(asyncio.run(bear(given.run, given.writer, given.clients, given.seconds, given.port, given.kill)))
    print("the run's files are", "the same" if hash_files(given.run) == before else "CHANGED")


if __name__ == "__main__":
    main()
