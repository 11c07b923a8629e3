"""
10,000 mixed calls from eight processes: answers, faults, repeats, streams that are left, cancels, on both faces.

The processes count together, by prometheus-client's files.  What the counters say must be what the callers lived
through, and what the provider saw.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from dragoman import AsyncClient, ChatResponse, Client, DragomanError, Retry
from dragoman.observe import Prometheus
from dragoman.observe.base import status_of
from tests.soaks.figures import PATIENT, rows
from tests.soaks.provider import Provider

MODEL: Final = "openai/gpt-5.6-luna"
PROCESSES: Final = 8
AT_ONCE: Final = 8

Tally = Counter[str]
"""How many calls ended in each way, and under `tokens` what the answers say they used."""

# What the provider does, and whether the answer is streamed.
KINDS: Final = (
    ("one_packet", False),
    ("one_packet", True),
    ("once:status_500", False),
    ("once:status_500", True),
    ("status_500", False),
    ("status_400", True),
    ("cut_in_text", True),
    ("stall_in_text", True),  # and it is left
    ("stall_before_answer", False),  # and it is cancelled, where there is somebody to cancel it
)


def _told(tally: Tally, answer: ChatResponse) -> None:
    tally["ok"] += 1
    tally["tokens"] += answer.usage.output_tokens or 0


# --- what a process does ----------------------------------------------------------------------------------------------


def _blocking(client: Client, kind: str, stream: bool, question: str, tally: Tally) -> None:
    if kind == "stall_before_answer":
        return _blocking(client, "one_packet", stream, question, tally)
    try:
        if not stream:
            _told(tally, client.chat(MODEL, f"{kind} {question}"))
            return None
        with client.stream(MODEL, f"{kind} {question}") as answer:
            if kind == "stall_in_text":
                next(answer)
                tally["left"] += 1
            else:
                _told(tally, answer.drain())
    except DragomanError as error:
        tally[status_of(type(error))] += 1
    return None


async def _asynchronous(client: AsyncClient, kind: str, stream: bool, question: str, tally: Tally) -> None:
    try:
        if kind == "stall_before_answer":
            await _cancelled(client.chat(MODEL, f"{kind} {question}"), tally)
        elif not stream:
            _told(tally, await client.chat(MODEL, f"{kind} {question}"))
        else:
            async with client.stream(MODEL, f"{kind} {question}") as answer:
                if kind == "stall_in_text":
                    await anext(answer)
                    tally["left"] += 1
                else:
                    _told(tally, await answer.drain())
    except DragomanError as error:
        tally[status_of(type(error))] += 1


async def _cancelled(asking: Awaitable[ChatResponse], tally: Tally) -> None:
    task = asyncio.ensure_future(asking)
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    tally["cancelled"] += 1


async def _all_asynchronous(options: dict[str, Any], count: int, rng: random.Random, tally: Tally) -> None:
    numbers = iter(range(count))
    async with AsyncClient(**options) as client:

        async def worker() -> None:
            for number in numbers:
                kind, stream = rng.choice(KINDS)
                await _asynchronous(client, kind, stream, f"async {number}", tally)

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def work(url: str, count: int, seed: int) -> Tally:
    """Half of the calls on each face."""
    tally: Tally = Counter()
    rng = random.Random(seed)
    retry = Retry(base=0.001, cap=0.002)
    options = {"providers": rows(url), "timeouts": PATIENT, "retry": retry, "limit": None, "observe": [Prometheus()]}
    with Client(**options) as client:
        for number in range(count // 2):
            kind, stream = rng.choice(KINDS)
            _blocking(client, kind, stream, f"blocking {number}", tally)
    asyncio.run(_all_asynchronous(options, count - count // 2, rng, tally))
    return tally


# --- what is found ----------------------------------------------------------------------------------------------------


def counters(scale: float = 1.0) -> dict[str, Any]:
    """10,000 calls."""
    processes = PROCESSES if scale >= 0.01 else 2
    each = max(2 * len(KINDS), int(10_000 * scale) // processes)
    with tempfile.TemporaryDirectory(prefix="dragoman-counters-") as directory:
        environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": directory}
        with Provider() as provider:
            tally = _lived(provider.url, processes, each, environ)
            requests = provider.requests()
        counted = _counted(environ)
    lived = {status: number for status, number in tally.items() if status != "tokens"}
    calls = {labels["status"]: number for labels, number in counted("dragoman_requests_total")}
    classic = {labels["status"]: number for labels, number in counted("openai_calls_total")}
    arrived = len({request.key for request in requests})
    repeats = sum(number for _, number in counted("dragoman_retries_total"))
    tokens = sum(number for labels, number in counted("dragoman_tokens_total") if labels["type"] == "output")
    open_ones = sum(number for _, number in counted("dragoman_inflight"))
    checks: tuple[tuple[str, Any, Any], ...] = (
        ("calls by status", lived, calls),
        ("openai_calls_total", lived, classic),
        ("calls made", processes * each, sum(calls.values())),
        ("requests that the provider saw, less first ones", len(requests) - arrived, repeats),
        ("tokens of the answers", tally["tokens"], tokens),
        ("calls in flight", 0, open_ones),
    )
    problems = [
        f"{what}: {expected} expected, {found} counted" for what, expected, found in checks if expected != found
    ]
    if not 0 <= sum(calls.values()) - arrived <= lived.get("cancelled", 0):
        problems.append(f"{sum(calls.values())} calls, and the provider saw {arrived}: only cancels may be missing")
    return {
        "processes": processes,
        "calls": lived,
        "requests": len(requests),
        "repeats": int(repeats),
        "tokens": int(tokens),
        "problems": problems,
    }


def _lived(url: str, processes: int, each: int, environ: dict[str, str]) -> Tally:
    command = [sys.executable, "-m", "tests.soaks.counters", url, str(each)]
    workers = [
        subprocess.Popen([*command, str(seed)], env=environ, stdout=subprocess.PIPE, text=True)
        for seed in range(processes)
    ]
    tally: Tally = Counter()
    for worker in workers:
        out, _ = worker.communicate(timeout=600)
        if worker.returncode:
            raise RuntimeError(f"a process ended with {worker.returncode}")
        tally.update(json.loads(out))
    return tally


Counted = Callable[[str], list[tuple[dict[str, str], float]]]


def _counted(environ: dict[str, str]) -> Counted:
    """What all processes counted together, as `dragoman metrics` gives it: name to (labels, value)."""
    from prometheus_client.parser import text_string_to_metric_families

    shown = subprocess.run(
        [sys.executable, "-m", "dragoman", "metrics"], env=environ, capture_output=True, text=True, check=True
    ).stdout
    samples = [sample for family in text_string_to_metric_families(shown) for sample in family.samples]
    return lambda name: [(sample.labels, sample.value) for sample in samples if sample.name == name]


if __name__ == "__main__":
    print(json.dumps(work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
