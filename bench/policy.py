"""
Question `policy`: what do the policies cost, per call and per streamed event, over none?

    python bench/policy.py              # keeps the result
    python bench/policy.py --rounds 3   # a quick look; keeps nothing

A client whose transport gives canned bytes without a socket asks one thing after another; the variants take turns, and
what a variant costs more than the bare client is its price.  CPU time of the thread.  `limit` is measured with answers
that say nothing of limits, and with OpenAI's six headers on each.

Does not show: waiting for locks between threads, stores that are not in memory.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from dragoman import Breaker, Budget, Cache, Client, Retry

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

import servers  # noqa: E402 - beside this file

QUESTION = "What do the policies cost over none (microseconds of CPU)?"
CALLS, STREAMS, ROUNDS = 2000, 12, 15
PLAIN = servers.openai_plain().partition(b"\r\n\r\n")[2]
LIMITS = {
    "x-ratelimit-limit-requests": "100000000",
    "x-ratelimit-remaining-requests": "99999990",
    "x-ratelimit-reset-requests": "1ms",
    "x-ratelimit-limit-tokens": "2000000000000",
    "x-ratelimit-remaining-tokens": "1999999999000",
    "x-ratelimit-reset-tokens": "1ms",
}
_ports = count(1)
PRICES = {"prices": [{"input": "0.1", "output": "0.4"}], "max_output": 4096}


def _stream_bytes() -> list[bytes]:
    """The body of a stream, one piece an event."""
    body = servers.openai_stream().partition(b"\r\n\r\n")[2]
    pieces: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if length:
            pieces.append(rest[:length])
        body = rest[length + 2 :]
    return pieces


class _Exchange:
    """One answer, piece by piece."""

    status = 200

    def __init__(self, pieces: list[bytes], headers: dict[str, str]) -> None:
        self.headers = headers
        self._left = iter(pieces)

    async def read(self, until: float | None) -> bytes:
        return next(self._left, b"")

    def release(self) -> None: ...

    def abort(self) -> None: ...


class _Canned:
    """A transport without a network."""

    def __init__(self, streamed: bool, told: dict[str, str]) -> None:
        kind = "text/event-stream" if streamed else "application/json"
        self._headers = {"content-type": kind, "x-request-id": "req_bench", **told}
        self._pieces = _stream_bytes() if streamed else [PLAIN]

    async def open(self, request: Any, *, connect_until: float | None, until: float | None) -> _Exchange:
        return _Exchange(self._pieces, self._headers)

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


def client(streamed: bool, told: dict[str, str] | None = None, **policies: Any) -> Client:
    """A client without a network."""

    class Canned(Client):
        def _network(self) -> Any:
            return _Canned(streamed, told or {})

    settings: dict[str, Any] = {"retry": None, "limit": None} | policies
    port = next(_ports)  # each variant has limits of its own
    row = {"openai": {"base_url": f"http://127.0.0.1:{port}/v1", "api_key": "benchmark"}}
    return Canned(providers=row, models={"openai/bench-1": PRICES}, **settings)


VARIANTS: dict[str, Callable[[bool], Client]] = {
    "none": client,
    "retry": lambda streamed: client(streamed, retry=Retry()),
    "limit": lambda streamed: client(streamed, limit="process"),
    "limit, with headers": lambda streamed: client(streamed, LIMITS, limit="process"),
    "breaker": lambda streamed: client(streamed, breaker=Breaker()),
    "budget": lambda streamed: client(streamed, budget=Budget(usd=1_000_000, per="day")),
    "cache, never the same": lambda streamed: client(streamed, cache=Cache("memory://", scope="bench")),
    "default": lambda streamed: client(streamed, retry=Retry(), limit="process"),
    "all": lambda streamed: client(
        streamed,
        LIMITS,
        retry=Retry(),
        limit="process",
        breaker=Breaker(),
        budget=Budget(usd=1_000_000, per="day"),
        cache=Cache("memory://", scope="bench"),
    ),
}


def per_call(asked: Client, number: int) -> float:
    """Microseconds of one plain call; no two ask the same."""
    since = time.thread_time()
    for at in range(CALLS):
        asked.chat("openai/bench-1", f"hi {number} {at}", max_tokens=200)
    return (time.thread_time() - since) / CALLS * 1e6


def per_event(asked: Client, number: int) -> float:
    """Microseconds of one streamed event."""
    events = 0
    since = time.thread_time()
    for at in range(STREAMS):
        with asked.stream("openai/bench-1", f"hi {number} {at}", max_tokens=200) as stream:
            events += sum(1 for _ in stream)
    return (time.thread_time() - since) / events * 1e6


def measure(rounds: int) -> dict[str, Any]:
    """Medians, and what each costs over none."""
    rows: dict[str, Any] = {}
    for unit, streamed, once in (("call", False, per_call), ("event", True, per_event)):
        clients = {name: make(streamed) for name, make in VARIANTS.items()}
        samples: dict[str, list[float]] = {name: [] for name in clients}
        for number in range(-1, rounds):
            for name, asked in clients.items():
                took = once(asked, number)
                if number >= 0:
                    samples[name].append(took)
        for name, took in samples.items():
            over = statistics.median(mine - bare for mine, bare in zip(took, samples["none"], strict=True))
            row = {"median_us": round(statistics.median(took), 2), "over_none_us": round(over, 2)}
            rows.setdefault(name, {})[unit] = row
            print(f"policy  {unit:6} {name:24} {row['median_us']:8.2f} us, {row['over_none_us']:+7.2f}", flush=True)
    return rows


def main() -> None:
    """Measure and write."""
    from run import commit, machine  # the other questions' frame

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int)
    rounds = parser.parse_args().rounds
    facts, rows = machine(), measure(rounds or ROUNDS)
    if rounds is None:
        date = datetime.now(UTC).isoformat(timespec="seconds")
        result = {"question": QUESTION, "commit": commit(), "date": date, "machine": facts, "rows": rows}
        target = HERE / "results" / f"policy-{result['commit']}.json"
        target.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
