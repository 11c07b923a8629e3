"""
Question: what does it cost a call to be observed?

The handler under the middleware answers at once with an answer that is ready, so that what is measured is the
middleware and its observers alone; a real call takes some hundred microseconds (`call`).  `nothing` is that handler by
itself, `off` a client without observers.  Each sample is a process of its own, and the cases take turns.

    python bench/observe.py [--rounds N]         writes results/observe-<commit>.json

Does not show: what exporters cost later (OpenTelemetry's sends spans from a thread of its own).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CALLS = 20_000
PIECES = 100  # of a stream

Setup = Callable[[], list[Any]]


# --- the cases --------------------------------------------------------------------------------------------------------


def _metrics() -> list[Any]:
    from dragoman.observe import Prometheus

    return [Prometheus()]


def _traced(*, spans: bool = True, metrics: bool = True) -> list[Any]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    from dragoman.observe import OpenTelemetry

    meters = MeterProvider([InMemoryMetricReader()])
    return [OpenTelemetry(TracerProvider(), meters, spans=spans, metrics=metrics)]


def _bare_span() -> Callable[[], None]:
    """What the SDK itself takes for a span with as many attributes."""
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider().get_tracer("bench")
    asked, told = {f"asked.{i}": "x" for i in range(5)}, {f"told.{i}": "x" for i in range(9)}

    def once() -> None:
        span = tracer.start_span("chat m", attributes=asked)
        span.set_attributes(told)
        span.end()

    return once


def _unconfigured() -> list[Any]:
    from dragoman.observe import OpenTelemetry

    return [OpenTelemetry()]


def _logged() -> list[Any]:
    logging.getLogger("dragoman").setLevel(logging.DEBUG)
    return []


def _stored() -> list[Any]:
    from dragoman.observe import LogStore

    return [LogStore(Path(tempfile.mkdtemp(prefix="dragoman-bench-")) / "logs.db")]


OBSERVERS: dict[str, Setup] = {
    "off": list,
    "metrics": _metrics,
    "metrics_8_processes": _metrics,
    "spans": lambda: _traced(metrics=False),
    "spans_without_sdk": _unconfigured,
    "otel_metrics": lambda: _traced(spans=False),
    "metrics_and_spans": lambda: [*_metrics(), *_traced(metrics=False)],
    "debug_log": _logged,
    "log_store": _stored,
}
CASES = ("nothing", *OBSERVERS, "bare_sdk_span")


# --- one sample -------------------------------------------------------------------------------------------------------


def measure(case: str) -> dict[str, float]:
    """Microseconds of CPU for one plain call, and for one streamed one."""
    if case == "bare_sdk_span":
        return {"plain_us": _timed(_bare_span(), CALLS)}
    count = 4_000 if case == "log_store" else CALLS  # no more than may wait, so that none is dropped
    return {
        "plain_us": _timed(_once(case, stream=False), count),
        "stream_us": _timed(_once(case, stream=True), CALLS // 20),
    }


def _once(case: str, *, stream: bool) -> Callable[[], None]:
    from dragoman import ChatRequest, ChatResponse, Context, Message, Timeouts, Usage
    from dragoman.observe.watch import Watch
    from dragoman.policy.base import Ending
    from dragoman.policy.deadline import Clocks
    from dragoman.runtime import BlockingRuntime, drive
    from dragoman.types.attempts import Attempt
    from dragoman.types.events import TextDelta

    runtime, usage = BlockingRuntime(), Usage(input_tokens=12, output_tokens=100)
    answer = ChatResponse(
        message=Message.assistant("word"), finish_reason="stop", usage=usage, model="m", provider="openai", id="a"
    )
    attempt = Attempt(provider="openai", model="m", outcome="ok", status=200)
    events = [TextDelta("word")]

    class Opened:
        """An answer that is ready; a stream's end is told as `call` tells it."""

        def __init__(self, context: Any) -> None:
            self.response = None if stream else answer
            self._context = context
            self._left = PIECES

        async def more(self) -> list[Any]:
            self._left -= 1
            if self._left >= 0:
                return events
            self._context.end(Ending(finish_reason="stop", usage=usage, provider="openai", model="m"))
            return []

        def folded(self) -> ChatResponse:
            return answer

        def abandon(self) -> None:
            pass

    async def handler(request: Any, context: Any) -> Any:
        context.attempts.append(attempt)
        return Opened(context)

    handle = handler if case == "nothing" else Watch(OBSERVERS[case]()).wrap(handler)
    request, clocks = ChatRequest("openai/m", "hello", stream=stream), Clocks(Timeouts(), runtime.now())

    async def call() -> None:
        opened = await handle(request, Context(runtime, clocks))
        if stream:
            while await opened.more():
                pass

    return lambda: drive(call())


def _written() -> None:
    """Wait for what is done in the background: it is part of the cost."""
    from dragoman import background

    if not background.flush(120):
        raise SystemExit("what is done in the background does not end")


def _timed(once: Callable[[], None], count: int) -> float:
    for _ in range(count // 10):
        once()
    _written()
    start = time.process_time()
    for _ in range(count):
        once()
    _written()
    return (time.process_time() - start) / count * 1e6


# --- all of them ------------------------------------------------------------------------------------------------------


def _sample(case: str) -> dict[str, float]:
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as directory:
        if case == "metrics_8_processes":
            environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        command = [sys.executable, str(HERE / "observe.py"), "--case", case]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case}: {done.stderr}")
    sample: dict[str, float] = json.loads(done.stdout)
    return sample


def _summary(samples: list[dict[str, float]], base: Mapping[str, float]) -> dict[str, Any]:
    least = {key: min(sample[key] for sample in samples) for key in samples[0]}
    middle = {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}
    return {
        key: {
            "min": round(least[key], 2),
            "median": round(middle[key], 2),
            "over_nothing": round(least[key] - base[key], 2),
        }
        for key in least
    }


def main(rounds: int) -> None:
    """Let the cases take turns, and keep what came out."""
    from run import commit, machine  # bench/run.py: the same facts as of every other question

    facts, taken = machine(), {case: [] for case in CASES}
    for number in range(rounds):
        for case, samples in taken.items():
            samples.append(_sample(case))
        print(f"bench: observe, round {number + 1} of {rounds}", file=sys.stderr)
    base = {key: min(sample[key] for sample in taken["nothing"]) for key in taken["nothing"][0]}
    report = {
        "question": "What does it cost a call to be observed?",
        "unit": "microseconds of CPU for a call; a streamed one has 100 pieces",
        "rounds": rounds,
        "cases": {case: _summary(samples, base) for case, samples in taken.items()},
        "machine": facts,
    }
    path = HERE / "results" / f"observe-{commit()}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    for case, row in report["cases"].items():
        print(
            f"{case:22}",
            "  ".join(f"{key} {value['min']:8.2f} (+{value['over_nothing']:.2f})" for key, value in row.items()),
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    if given.case:
        print(json.dumps(measure(given.case)))
    else:
        main(given.rounds)
