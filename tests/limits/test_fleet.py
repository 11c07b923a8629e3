"""Processes that share a limit, on real sockets, against a provider that counts; some of them are killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dragoman.testing import Server, limited, says
from tests.limits.fleet import Fleet, Worker, fleet
from tests.services import PostgresServer, RedisServer

RPM = 6000.0
RATE = RPM / 60


def run(
    limit: str, counts: Sequence[int], during: Callable[[Fleet], None], environment: dict[str, str] | None = None
) -> tuple[list[Worker], int, float]:
    """What each did, how many were refused, and the part of the possible rate."""
    step = limited("strict", says("ok"), requests=RPM, tokens=1.5e9)
    with (
        Server(default=step) as server,
        fleet(limit, server.base_url("openai-chat"), counts, 20, environment) as started,
    ):
        during(started)
        workers = started.finish()
    last = max(max(worker.answers) for worker in workers if worker.answers)
    possible = (step.admitted - RATE) / RATE  # a second's worth comes at once
    return workers, step.refused, possible / last


def check(workers: Sequence[Worker], counts: Sequence[int], refused: int, share: float) -> None:
    """All calls of those who lived are answered, with hardly a refusal, at a good part of the rate."""
    assert [(0, count) for count in counts] == [(worker.status, len(worker.answers)) for worker in workers]
    assert 0.005 * sum(counts) >= refused
    assert 0.6 <= share <= 1.05  # processes start and end within the few seconds; the machine may be busy


def test_eight_processes_of_one_host_and_two_of_them_killed(runtime_dir: Path) -> None:
    """The other six are answered, each at its turn, and the limit is used and kept."""

    def kill(started: Fleet) -> None:
        started.at(1.0)
        started.processes[2].kill()
        started.at(1.5)
        started.processes[5].kill()

    workers, refused, share = run("host", [75] * 8, kill)
    assert [-9, -9] == [workers[2].status, workers[5].status]
    lived = [worker for at, worker in enumerate(workers) if at not in (2, 5)]
    check(lived, [75] * 6, refused, share)
    # Who comes first has the burst; from then on all have the same.
    later = sorted(worker.until(3.0) - worker.until(1.5) for worker in lived if worker.until(3.0) < 75)
    assert not later or later[-1] <= 2 * later[0] + 10


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_four_processes_go_on_while_redis_is_down(how: str) -> None:
    """Killed and started again empty, or stopped for a while: the limit is kept all the same."""
    redis = RedisServer()

    def outage(started: Fleet) -> None:
        started.at(1.0)
        (redis.kill if how == "kill" else redis.pause)()
        started.at(2.5)
        (redis.start if how == "kill" else redis.resume)()

    try:
        workers, refused, share = run(redis.url, [110] * 4, outage)
    finally:
        redis.close()
    check(workers, [110] * 4, refused, share)


def test_four_processes_share_by_postgres(postgres_server: PostgresServer) -> None:
    """The same by a row."""
    workers, refused, share = run(postgres_server.url, [90] * 4, lambda started: None)
    check(workers, [90] * 4, refused, share)
