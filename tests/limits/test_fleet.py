"""
Processes that share a limit in real time; some of them are killed.

What is held against the limit is when turns were given, not when requests arrived: a machine with two processors that
has a dozen busy processes delivers them in heaps, which no limiter can know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dragoman.testing import Server, limited, says
from tests.limits.fleet import Fleet, Worker, fleet
from tests.services import PostgresServer, RedisServer

RPM = 6000
RATE = RPM / 60


def worst(workers: Sequence[Worker]) -> float:
    """The most that a bucket of this rate would have held of all turns together."""
    level, last = 0.0, 0.0
    found = 0.0
    for at in sorted(at for worker in workers for at in worker.answers):
        level = max(0.0, level - (at - last) * RATE) + 1
        last, found = at, max(found, level)
    return found


def share(workers: Sequence[Worker]) -> float:
    """Part of the possible rate; a second's worth comes at once."""
    times = [at for worker in workers for at in worker.answers]
    return (len(times) - RATE) / RATE / (max(times) - min(times))


def turns(limit: str, counts: Sequence[int], during: Callable[[Fleet], None] = lambda started: None) -> list[Worker]:
    """Let processes take so many turns each, fifty at a time."""
    with fleet(limit, str(RPM), counts, 50) as started:
        during(started)
        return started.finish()


def check(workers: Sequence[Worker], counts: Sequence[int]) -> None:
    """All had their turns, within the limit, at nearly all of it."""
    assert [(0, count) for count in counts] == [(worker.status, len(worker.answers)) for worker in workers]
    assert worst(workers) <= RATE
    assert share(workers) >= 0.9


def test_eight_processes_of_one_host_and_two_of_them_killed(runtime_dir: Path) -> None:
    """The other six go on, each at its turn, and the limit is used and kept."""

    def kill(started: Fleet) -> None:
        started.at(1.0)
        started.processes[2].kill()
        started.at(1.5)
        started.processes[5].kill()

    workers = turns("host", [80] * 8, kill)
    assert [-9, -9] == [workers[2].status, workers[5].status]
    lived = [worker for at, worker in enumerate(workers) if at not in (2, 5)]
    assert [(0, 80)] * 6 == [(worker.status, len(worker.answers)) for worker in lived]
    assert worst(workers) <= RATE
    # 500 or so in all, 100 of them at once; what the dead took in their last moments is lost.
    assert max(at for worker in lived for at in worker.answers) <= 6.0
    # Who comes first has what comes at once; from then on all who wait have the same.
    took = sorted(worker.until(2.5) - worker.until(1.6) for worker in lived if worker.answers[-1] > 2.5)
    assert took == [] or took[-1] - took[0] <= 8


def test_processes_of_one_host_that_want_different_amounts(runtime_dir: Path) -> None:
    """Who wants little has it soon, whoever else wants much."""
    counts = [350, 50, 50, 50]
    workers = turns("host", counts)
    check(workers, counts)
    assert max(worker.answers[-1] for worker in workers[1:]) < 0.75 * workers[0].answers[-1]


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_four_processes_go_on_while_redis_is_down(how: str) -> None:
    """Killed and started again empty, or stopped for a while: the limit is used and kept all the same."""
    redis = RedisServer()

    def outage(started: Fleet) -> None:
        started.at(1.0)
        (redis.kill if how == "kill" else redis.pause)()
        started.at(3.0)
        (redis.start if how == "kill" else redis.resume)()

    counts = [120] * 4
    try:
        workers = turns(redis.url, counts, outage)
    finally:
        redis.close()
    assert [(0, count) for count in counts] == [(worker.status, len(worker.answers)) for worker in workers]
    assert worst(workers) <= 1.1 * RATE
    assert share(workers) >= 0.6


def test_four_processes_share_by_postgres(postgres_server: PostgresServer) -> None:
    """The same by a row."""
    counts = [110] * 4
    check(turns(postgres_server.url, counts), counts)


@pytest.mark.parametrize("way", ["host", "redis"])
def test_clients_of_several_processes_are_answered(way: str, runtime_dir: Path, redis_server: RedisServer) -> None:
    """Four processes that know nothing of the limit learn it together, from a provider that counts and refuses."""
    step = limited("strict", says("ok"), requests=1800, tokens=1.5e9)
    limit = redis_server.url if way == "redis" else way
    with Server(default=step) as server, fleet(limit, server.base_url("openai-chat"), [25] * 4, 25) as started:
        workers = started.finish()
    assert [(0, 25)] * 4 == [(worker.status, len(worker.answers)) for worker in workers]
    assert 100 == step.admitted
    # None, on a machine with nothing else to do.  One that puts a process aside for half a second while it has the lock
    # makes the others go on alone, and they say so.
    assert step.refused <= (80 if any("not shared" in worker.words for worker in workers) else 20)
