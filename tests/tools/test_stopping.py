"""How a run is stopped: limits, time, failures, and whoever leaves."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import threading
import time
from decimal import Decimal
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    Client,
    RunLimitError,
    TimeoutError,
    ToolCall,
    ToolEnded,
    ToolError,
    ToolStarted,
    Usage,
    tool,
)
from dragoman.testing import Server, calls, says
from dragoman.wire.turns import settle
from tests.tools.conftest import row
from tests.tools.test_run import results

AGAIN = says(tools=[("look", {})], usage=Usage(input_tokens=1_000_000, output_tokens=0))


def look() -> str:
    """Look."""
    return "nothing"


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [False, True])
def test_an_endless_loop_is_stopped(face: Any, server: Server, streams: bool) -> None:
    """After `max_rounds` answers the run ends with an error that has the whole exchange; nothing is run in vain."""
    server.default = calls(lambda request: says(tools=[ToolCall(id=f"c{len(request.messages)}", name="look")]))
    with pytest.raises(RunLimitError) as caught:
        (face.events if streams else face.run)("fake/m", "Go", tools=[look], max_rounds=3)

    error = caught.value
    assert ("rounds", 3, 3) == (error.limit, server.calls, len(error.attempts))
    told = ["nothing", "nothing", "The run was stopped before this tool ran."]
    assert told == [result.text for result in results(tuple(error.messages))]
    assert (tuple(error.messages), ()) == settle(tuple(error.messages))
    again = pickle.loads(pickle.dumps(error))
    assert (error.limit, error.messages, str(error)) == (again.limit, again.messages, str(again))


def test_a_run_stops_when_the_money_is_spent(make_face: Any, server: Server) -> None:
    """No further round is begun once `max_cost` is reached; what was spent is told."""
    server.default = AGAIN
    face = make_face(models={"fake/m": {"prices": [{"input": "1", "output": "2"}]}})

    with pytest.raises(RunLimitError) as caught:
        face.run("fake/m", "Go", tools=[look], max_cost=2)

    assert ("cost", 2) == (caught.value.limit, server.calls)
    assert caught.value.partial is not None
    assert Decimal(2) == caught.value.partial.cost


def test_a_limit_on_cost_needs_a_price(face: Any, server: Server) -> None:
    """Where a price is not known, `max_cost` cannot be kept: the run stops after its first round and says so."""
    server.default = AGAIN

    with pytest.raises(RunLimitError, match="not known") as caught:
        face.run("fake/m", "Go", tools=[look], max_cost=2)

    assert ("cost", 1) == (caught.value.limit, server.calls)


@pytest.mark.parametrize("streams", [False, True])
def test_one_deadline_holds_for_rounds_and_tools(face: Any, server: Server, streams: bool) -> None:
    """`timeout` counts everything: a tool that would take longer is left, and what it had not given is told."""
    server.script(says(tools=[("look", {}), ("hang", {})]))
    free = threading.Event()

    def hang() -> None:
        free.wait(5)

    began = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        (face.events if streams else face.run)("fake/m", "Go", tools=[look, hang], timeout=0.3)
    took = time.monotonic() - began
    free.set()

    assert ("total", 0.3) == (caught.value.clock, caught.value.limit)
    assert 0.25 < took < 2
    told = [result.text for result in results(tuple(caught.value.messages))]
    assert ["nothing", "The run was stopped while this tool ran; it may have had its effect."] == told


def test_a_round_gets_the_time_that_is_left(face: Any, server: Server) -> None:
    """A provider that is slow in a later round is not waited for beyond the deadline of the run."""
    server.script(says(tools=[("nap", {})]), says("Late.", latency=5))

    def nap() -> None:
        time.sleep(0.2)

    began = time.monotonic()
    with pytest.raises(TimeoutError) as caught:
        face.run("fake/m", "Go", tools=[nap], timeout=0.5)

    assert time.monotonic() - began < 2
    assert ("total", 0.5) == (caught.value.clock, caught.value.limit)
    assert ["user", "assistant", "tool"] == [message.role for message in caught.value.messages]


# --- tools that fail or hang ------------------------------------------------------------------------------------------


async def hangs() -> None:
    """Hang."""
    await asyncio.sleep(30)


async def deaf() -> None:
    """Hang, and hear nothing."""
    while True:
        try:
            await asyncio.sleep(0.3)
            return
        except asyncio.CancelledError:
            continue


def test_a_tool_that_hangs_is_left(face: Any, server: Server) -> None:
    """After `tool_timeout` the model is told, be the tool a function, a coroutine, or one deaf to being cancelled."""
    free = threading.Event()

    def blocks() -> None:
        free.wait(5)

    server.script(says(tools=[("blocks", {}), ("hangs", {}), ("deaf", {}), ("look", {})]), says("Done."))

    began = time.monotonic()
    answer = face.run("fake/m", "Go", tools=[blocks, hangs, deaf, look], tool_timeout=0.1)
    took = time.monotonic() - began
    free.set()

    late = "TimeoutError: it took longer than 0.1 s and was stopped"
    assert [late, late, late, "nothing"] == [result.text for result in results(answer.messages)]
    assert took < 2


def test_a_tool_may_have_its_own_timeout(face: Any, server: Server) -> None:
    """`@tool(timeout=...)` wins over that of the run."""
    patient = tool(name="patient", timeout=5)(lambda: time.sleep(0.2))
    hasty = tool(name="hasty", timeout=0.05)(hangs)
    server.script(says(tools=[("patient", {}), ("hasty", {})]), says("Done."))

    answer = face.run("fake/m", "Go", tools=[patient, hasty], tool_timeout=0.1)

    told = [result.text for result in results(answer.messages)]
    assert ["null", "TimeoutError: it took longer than 0.05 s and was stopped"] == told


def _fails() -> None:
    raise ValueError("disk full")


async def _gives_up() -> None:
    raise asyncio.CancelledError


async def _exits() -> None:
    raise SystemExit(3)


def _exits_too() -> None:
    raise SystemExit(3)


def _stops() -> None:
    raise StopIteration(3)


def test_whatever_a_tool_raises_is_told(face: Any, server: Server) -> None:
    """Not only ordinary exceptions: one that cancels itself or wants to exit does not take the others along."""
    tools = [_fails, _gives_up, _exits, _exits_too, _stops, look]
    server.script(says(tools=[(fn.__name__, {}) for fn in tools]), says("Done."))

    told = [result.text for result in results(face.run("fake/m", "Go", tools=tools).messages)]

    assert [
        "ValueError: disk full",
        "RuntimeError: it was cancelled",
        "RuntimeError: it tried to end the program (3)",
        "RuntimeError: it tried to end the program (3)",
        "RuntimeError: it raised StopIteration(3)",
        "nothing",
    ] == told


def test_a_failure_may_stop_the_run(face: Any, server: Server) -> None:
    """With `on_error="raise"` the error names the call, has the cause, and the exchange with a result for each call."""
    server.script(says(tools=[("hangs", {}), ("_fails", {})]))

    with pytest.raises(ToolError, match="disk full") as caught:
        face.run("fake/m", "Go", tools=[hangs, _fails], on_error="raise")

    error = caught.value
    assert "_fails" == error.call.name
    assert isinstance(error.__cause__, ValueError)
    assert 2 == len(results(tuple(error.messages)))
    assert "_fails" == pickle.loads(pickle.dumps(error)).call.name


@pytest.mark.parametrize("suspends", [False, True])
def test_a_failure_may_be_put_into_other_words(face: Any, server: Server, suspends: bool) -> None:
    """`on_error` may be a function of either kind: what it gives is what the model is told."""
    server.script(says(tools=[("_fails", {})]), says("Done."))

    def words(call: Any, error: BaseException) -> str:
        return f"{call.name} did not work: {type(error).__name__}"

    async def later(call: Any, error: BaseException) -> str:
        return words(call, error)

    answer = face.run("fake/m", "Go", tools=[_fails], on_error=later if suspends else words)

    result = results(answer.messages)[0]
    assert ("_fails did not work: ValueError", True) == (result.text, result.is_error)


def test_a_hook_that_fails_stops_the_run(face: Any, server: Server) -> None:
    """What `on_error` raises ends the run as a ToolError, nothing lost."""
    server.script(says(tools=[("_fails", {})]))

    def words(call: Any, error: BaseException) -> str:
        raise error

    with pytest.raises(ToolError, match="on_error failed") as caught:
        face.run("fake/m", "Go", tools=[_fails], on_error=words)

    assert 1 == len(results(tuple(caught.value.messages)))


# --- leaving ----------------------------------------------------------------------------------------------------------


class Watched:
    """A tool that knows when it was begun and when it was cancelled."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.cancelled = threading.Event()

    async def wait(self) -> None:
        """Wait."""
        self.begun.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def test_cancelling_ends_tools_and_call_at_once(server: Server) -> None:
    """A cancelled task of the async face is over within 100 ms, and its tools are cancelled."""
    watched, free = Watched(), threading.Event()
    server.script(says(tools=[("wait", {}), ("block", {})]))

    def block() -> None:
        free.wait(5)

    async def main() -> float:
        async with AsyncClient(providers=row(server)) as client:
            task = asyncio.create_task(client.run("fake/m", "Go", tools=[watched.wait, block]))
            await asyncio.to_thread(watched.begun.wait, 5)
            began = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            took = time.monotonic() - began
            await asyncio.to_thread(watched.cancelled.wait, 5)
            return took

    took = asyncio.run(main())
    free.set()

    assert took < 2
    assert watched.cancelled.is_set()


def test_leaving_a_stream_ends_its_tools(face: Any, server: Server) -> None:
    """Leaving a streamed run while a tool runs cancels the tool; the history is whole all the same."""
    watched = Watched()
    server.default = says(tools=[("wait", {})])

    events = face.events("fake/m", "Go", tools=[watched.wait], until=ToolStarted)

    assert isinstance(events[-1], ToolStarted)
    assert ["The run was stopped while this tool ran; it may have had its effect."] == [
        result.text for result in results(face.last.messages)
    ]
    if face.name == "async":  # its loop runs only when it is asked to
        face.runner.run(asyncio.sleep(0.01))
    assert watched.cancelled.wait(1)


def test_a_dropped_stream_ends_its_tools(server: Server) -> None:
    """A streamed run that nobody holds any more cancels its tools."""
    watched = Watched()
    server.script(says(tools=[("wait", {})]))
    with Client(providers=row(server)) as client:
        stream = client.run_stream("fake/m", "Go", tools=[watched.wait])
        for event in stream:
            if isinstance(event, ToolStarted):
                break
        assert watched.begun.wait(5)

        del stream
        gc.collect()

        assert watched.cancelled.wait(1)


def test_leaving_in_the_middle_of_an_answer_closes_the_upstream(face: Any, server: Server) -> None:
    """While the model still speaks, leaving closes its connection within 100 ms."""
    server.script(says("one two three four five six seven eight", pace=1.0))

    face.events("fake/m", "Go", after=3)
    left = time.monotonic()
    while server.requests[0].closed_at is None and time.monotonic() < left + 4:
        time.sleep(0.005)

    assert server.requests[0].closed_at is not None
    assert time.monotonic() - left < 3


def test_ctrl_c_ends_a_blocking_run(server: Server) -> None:
    """An interrupt while tools run comes out at once, and the tools are cancelled."""
    watched = Watched()
    server.script(says(tools=[("wait", {})]))

    def interrupt() -> None:
        if watched.begun.wait(5):  # else the run has failed before, and nobody waits for an interrupt
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with Client(providers=row(server)) as client, pytest.raises(KeyboardInterrupt):
        client.run("fake/m", "Go", tools=[watched.wait])
    thread.join()

    assert watched.cancelled.wait(1)


def test_a_late_result_is_dropped(face: Any, server: Server) -> None:
    """What a thread gives after its time changes nothing any more."""
    server.script(says(tools=[("late", {})]), says("Done.", latency=0.2))
    ended = threading.Event()

    def late() -> str:
        time.sleep(0.1)
        ended.set()
        return "late"

    events = face.events("fake/m", "Go", tools=[late], tool_timeout=0.02)

    assert ended.wait(1)
    assert [True] == [event.result.is_error for event in events if isinstance(event, ToolEnded)]
    assert "late" not in [result.text for result in results(face.last.response.messages)]
