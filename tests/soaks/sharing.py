"""
One limit shared by several processes: the targets of the design, with full counts.

In virtual time, 10,000 calls over four processes with 70, 10, 10 and 10 % of them, at each simulated provider.  In real
time, on real sockets, a provider of 3,000 requests a minute: eight processes of one host of which two are killed, and
four over Redis, which is killed and started again in the middle.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

from dragoman.testing import Server, limited, says
from dragoman.testing.quota import Kind, Quota
from dragoman.testing.virtual import Load, drive
from tests.limits.fleet import Fleet, Worker, fleet
from tests.services import RedisServer

RATE = 50.0
SEEDS = (1, 2, 3)
# kind -> share of the possible rate, 429s per answered call
KINDS: dict[Kind, tuple[float, float]] = {
    "strict": (0.99, 0.001),
    "announced": (0.99, 0.001),
    "lenient": (0.98, 0.001),
    "anthropic": (0.97, 0.001),
    "azure": (0.98, 0.005),
    "neighbour": (0.95, 0.01),
    "halved": (0.97, 0.01),
}


def sharing(scale: float = 1.0) -> dict[str, Any]:
    """10,000 calls in virtual time at each provider, 4,000 and 2,000 on real sockets."""
    problems: list[str] = []
    found: dict[str, Any] = {"virtual": _virtual(max(40, int(10_000 * scale)), problems)}
    count = max(4, int(500 * scale))
    victims = {2: 0.25, 5: 0.4} if scale >= 0.01 else {1: 0.25}
    found["host"] = _host(count, 8 if scale >= 0.01 else 3, victims, problems)
    found["redis"] = _redis(count, 4 if scale >= 0.01 else 2, problems)
    return found | {"problems": problems}


def _virtual(count: int, problems: list[str]) -> dict[str, dict[str, float]]:
    table: dict[str, dict[str, float]] = {}
    counts = (count * 7 // 10, count // 10, count // 10, count // 10)
    for kind, (share, refused) in KINDS.items():
        worst = table[kind] = {"share": 9.0, "refused": 0.0}
        for seed in SEEDS:
            loads = [Load(count=part, process=number) for number, part in enumerate(counts)]
            report = drive(Quota(kind, seed), loads, seed=seed, processes=4)
            figures = f"{report.share:.2%} of the rate, {report.refused_part:.3%} refused"
            if report.answered != sum(counts):
                problems.append(f"{kind} seed {seed}: {report.answered} of {sum(counts)} answered")
            if count >= 1500 and (report.share < share or report.refused_part > refused):
                problems.append(f"{kind} seed {seed}: {figures}")
            worst["share"] = min(worst["share"], round(report.share, 4))
            worst["refused"] = max(worst["refused"], round(report.refused_part, 5))
    return table


def _host(count: int, processes: int, victims: dict[int, float], problems: list[str]) -> dict[str, Any]:
    def kill(started: Fleet) -> None:
        for number, part in victims.items():
            started.at(processes * count / RATE * part)
            started.processes[number].kill()

    with tempfile.TemporaryDirectory(prefix="dragoman-soak-sharing-") as folder:
        found, workers = _real("host", [count] * processes, kill, {"XDG_RUNTIME_DIR": folder}, problems)
    lived = [worker for number, worker in enumerate(workers) if number not in victims]
    problems += [f"host: {len(worker.answers)} of {count} answered" for worker in lived if len(worker.answers) < count]
    whole = (processes - len(victims)) * count / RATE
    begin, end = 0.5 * whole, 0.8 * whole
    took = sorted(worker.until(end) - worker.until(begin) for worker in lived)
    found["turns_in_the_middle"] = took
    if count >= 100 and took[-1] > 1.1 * took[0] + 5:
        problems.append(f"host: processes had {took} turns in the same time")
    return found


def _redis(count: int, processes: int, problems: list[str]) -> dict[str, Any]:
    redis = RedisServer()

    def outage(started: Fleet) -> None:
        started.at(processes * count / RATE * 0.3)
        redis.kill()
        started.at(processes * count / RATE * 0.6)
        redis.start()

    try:
        found, workers = _real(redis.url, [count] * processes, outage, {}, problems)
    finally:
        redis.close()
    problems += [f"redis: {len(one.answers)} of {count} answered" for one in workers if len(one.answers) < count]
    return found


def _real(
    limit: str, counts: list[int], during: Callable[[Fleet], None], environment: dict[str, str], problems: list[str]
) -> tuple[dict[str, Any], list[Worker]]:
    step = limited("strict", says("ok"), requests=RATE * 60, tokens=1.5e9)
    with (
        Server(default=step) as server,
        fleet(limit, server.base_url("openai-chat"), counts, 20, environment) as started,
    ):
        during(started)
        workers = started.finish(timeout=60 + 3 * sum(counts) / RATE)
    last = max(at for worker in workers for at in worker.answers)
    share = max(0.0, step.admitted - RATE) / RATE / last
    name = limit.partition(":")[0]
    if sum(counts) >= 1000 and (share < 0.9 or step.refused > 0.005 * step.admitted):
        problems.append(f"{name}: {share:.1%} of the rate, {step.refused} of {step.admitted} refused")
    facts = {"admitted": step.admitted, "refused": step.refused, "seconds": round(last, 1), "share": round(share, 3)}
    return facts | {"load": round(os.getloadavg()[0], 1)}, workers
