"""The client of such a batch: its policies are in this process, and its workers are real."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import Budget, Cache, Client, ConfigError, Context, Handler, Limit, Message, Timeouts
from dragoman.batch.processes.posts import usual
from dragoman.batch.processes.spread import Spread, spread
from dragoman.testing import Server, echo
from dragoman.types.batching import BatchOptions
from dragoman.types.placement import Placement, placement_of
from dragoman.types.requests import ChatRequest
from tests.batch.processes.running import MARK, gone
from tests.services import wait_for


@pytest.mark.parametrize(
    ("keywords", "field"),
    [
        pytest.param({"engine": "threads"}, "engine", id="engine"),
        pytest.param({"engine": "processes", "workers": 0}, "workers", id="no workers"),
        pytest.param({"engine": "processes", "workers": True}, "workers", id="workers as a truth"),
        pytest.param({"engine": "processes", "workers": 1.5}, "workers", id="part of a worker"),
        pytest.param({"engine": "processes", "ray": {}}, "ray", id="ray of no ray"),
        pytest.param({"engine": "processes", "mode": "auto"}, "engine", id="mode"),
        pytest.param({"workers": 2}, "workers", id="workers of no engine"),
    ],
)
def test_bad_options_name_their_field(keywords: dict[str, Any], field: str) -> None:
    """Nothing is sent and no process is started."""
    with pytest.raises(ConfigError) as raised:
        BatchOptions(**keywords)
    assert field == raised.value.field


def test_as_many_workers_as_are_good_for_something() -> None:
    """One for each processor, two to four; and never more than there are rows at once."""

    def client(budget: Budget | None, kind: Callable[..., Spread]) -> Spread:
        return kind(**{**ARGUMENTS, "budget": budget})

    placement = placement_of("processes", None, None)
    assert placement is not None
    assert 2 <= usual() <= 4
    assert (f"asked by {usual()} worker processes",) == spread(client, None, placement, 100).notes()
    assert ("asked by 1 worker process",) == spread(client, None, placement, 1).notes()


def test_policies_are_in_this_process(options: dict[str, Any], echoing: Server, tmp_path: Path) -> None:
    """Middleware, observers, cache, plans and budgets are those of the client, and are there once."""
    seen: list[str] = []
    ended: list[str] = []

    class Watching:
        def begin(self, call: Any) -> Callable[[Any], None]:
            return lambda call: ended.append(call.status)

    def shout(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Any:
            seen.append(request.messages[-1].text)
            return await handler(request.directed(messages=(Message.user(seen[-1].upper()),)), context)

        return handle

    options["models"] = {"fake/m": {"prices": [{"input": "1", "output": "1"}]}}
    with Client(**options, middleware=[shout], observe=[Watching()], cache=Cache(), budget=Budget(usd=1)) as client:
        rows = [f"row {number % 5}" for number in range(10)]
        first = client.batch(rows, model="fake/m", engine="processes", workers=2, window=1)
        again = client.batch(rows, model="fake/m", engine="processes", workers=2)

    assert sorted(f"ROW {number % 5}" for number in range(10)) == sorted(row.text or "" for row in first)
    assert 5 == echoing.calls
    assert 20 == len(seen) == len(ended)
    assert (10, 10) == (first.report.done, again.report.done)


def test_a_limit_is_one_for_all_workers(options: dict[str, Any], echoing: Server) -> None:
    """Three workers together send what one process may, and are known here to have."""
    limits = {"fake": [Limit(dimension="requests", amount=20, period=1, burst=0.1)]}
    with Client(**options, limits=limits) as client:
        batch = client.batch([f"{n}" for n in range(30)], model="fake/m", engine="processes", workers=3)
    times = sorted(request.received_at for request in echoing.requests)

    assert 30 == batch.report.done
    assert times[-1] - times[0] >= 0.75 * (30 - 8) / 20
    worst = max(sum(at <= one < at + 0.5 for one in times) for at in times)
    assert worst <= 22


ARGUMENTS: dict[str, Any] = {
    "providers": None,
    "models": None,
    "timeouts": None,
    "proxy": None,
    "tls": None,
    "strict": False,
}


def test_a_worker_that_hangs_is_replaced_after_its_lease(options: dict[str, Any]) -> None:
    """One that stands still and says nothing is ended, and its rows are asked by another."""

    async def go() -> tuple[str, list[str], tuple[str, ...]]:
        placement = Placement(engine="processes", workers=1, lease=2)
        async with Spread(placement, **{**ARGUMENTS, **options}) as client:
            assert "one" == (await client.chat("fake/m", "one")).text
            pid = _only_worker()
            os.kill(pid, signal.SIGSTOP)
            answer = await client.chat("fake/m", "two")
            gone([pid])
            return answer.text, [one.outcome for one in answer.attempts], client.notes()

    text, ledger, notes = asyncio.run(go())

    assert ("two", ["WorkerLost", "ok"]) == (text, ledger)
    assert "of which 1 was lost" in notes[0]
    wait_for(lambda: not _workers(), 10)


def test_a_row_that_is_left_is_left_by_its_worker(options: dict[str, Any]) -> None:
    """Who stops waiting has the worker's request ended; its line is in the ledger."""

    async def go(server: Server) -> None:
        async with Spread(Placement(engine="processes", workers=1), **{**ARGUMENTS, **options}) as client:
            task = asyncio.create_task(client.chat("fake/m", "one"))
            await asyncio.to_thread(wait_for, lambda: server.calls == 1, 10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.to_thread(wait_for, lambda: server.connections == 0, 10)

    with Server(default=echo(latency=20)) as server:
        row = {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}
        options["providers"] = {"fake": row}
        asyncio.run(go(server))


def test_what_no_worker_can_read_is_said(options: dict[str, Any], echoing: Server) -> None:
    """A value of a class that only this program has cannot be made again; nothing is sent, and no process is left."""
    here = globals()
    here["Hidden"] = type("Hidden", (Timeouts,), {"__module__": __name__}, frozen=True)
    try:
        with Client(**options, timeouts=here["Hidden"]()) as client, pytest.raises(ConfigError) as raised:
            client.batch(["a"], model="fake/m", engine="processes", workers=1)
    finally:
        del here["Hidden"]

    assert "engine" == raised.value.field
    assert "modules that can be imported" in raised.value.message
    assert (0, []) == (echoing.calls, _workers())


def _workers() -> list[int]:
    from tests.batch.processes import running

    return [pid for pid in running._running(MARK) if running._parent(pid) == os.getpid()]


def _only_worker() -> int:
    (pid,) = _workers()
    return pid
