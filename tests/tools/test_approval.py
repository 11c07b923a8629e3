"""Whoever must be asked is asked before a call is made."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from dragoman import RunError, TimeoutError, ToolCall, ToolStarted
from dragoman.testing import Server, says
from tests.tools.test_run import results, weather

CALLS = [("weather", {"city": "Paris"}), ("weather", {"city": "Rome"})]


@pytest.mark.parametrize("suspends", [False, True])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(True, "Rome: sun for 1 day(s)", id="yes"),
        pytest.param(False, "The call was not allowed.", id="no"),
        pytest.param("Rome is off limits.", "The call was not allowed. Rome is off limits.", id="no, with a reason"),
        pytest.param({"city": "Oslo"}, "Oslo: sun for 1 day(s)", id="with other arguments"),
    ],
)
def test_a_call_is_made_as_it_was_allowed(face: Any, server: Server, suspends: bool, answer: Any, told: str) -> None:
    """A hook of either kind says yes, no, why not, or with what; the model's own call stays as it was."""

    def hook(call: ToolCall) -> Any:
        return answer if "Rome" in call.arguments_json else True

    async def later(call: ToolCall) -> Any:
        await asyncio.sleep(0)
        return hook(call)

    server.script(says(tools=CALLS), says("Done."))

    events = face.events("fake/m", "Go", tools=[weather], approve=later if suspends else hook)

    messages = face.last.response.messages
    assert ["Paris: sun for 1 day(s)", told] == [result.text for result in results(messages)]
    assert [{"city": "Paris"}, {"city": "Rome"}] == [call.arguments for call in messages[1].tool_calls]
    started = [event.call.arguments for event in events if isinstance(event, ToolStarted)]
    assert ([{"city": "Paris"}, answer] if isinstance(answer, dict) else [{"city": "Paris"}]) == started[:2] or answer


def test_nobody_is_asked_about_a_call_that_cannot_be_made(face: Any, server: Server) -> None:
    """Unknown tools and bad arguments go back to the model first."""
    asked: list[str] = []

    def hook(call: ToolCall) -> bool:
        asked.append(call.arguments_json)
        return True

    server.script(says(tools=[("nowhere", {}), ("weather", {}), *CALLS]), says("Done."))
    face.run("fake/m", "Go", tools=[weather], approve=hook)

    assert ['{"city":"Paris"}', '{"city":"Rome"}'] == asked


def test_arguments_that_a_hook_changed_are_checked(face: Any, server: Server) -> None:
    """What the hook puts in must fit as what the model sends."""
    server.script(says(tools=CALLS[:1]), says("Done."))

    answer = face.run("fake/m", "Go", tools=[weather], approve=lambda call: {"town": "Oslo"})

    assert "unknown field `town`" in results(answer.messages)[0].text


def test_a_blocking_hook_is_asked_where_the_caller_is(server: Server, face: Any) -> None:
    """On the blocking face the hook runs in the caller's own thread, where `input()` works; else it must not block."""
    where: list[bool] = []

    def hook(call: ToolCall) -> bool:
        where.append(threading.current_thread() is threading.main_thread())
        return True

    server.script(says(tools=CALLS[:1]), says("Done."))
    face.run("fake/m", "Go", tools=[weather], approve=hook)

    assert [face.name == "blocking"] == where


@pytest.mark.parametrize("answer", [None, 1, [True]])
def test_only_a_clear_yes_is_a_yes(face: Any, server: Server, answer: Any) -> None:
    """A hook that returns nothing, or something else, stops the run, and no tool has run."""
    server.script(says(tools=CALLS[:1]))

    with pytest.raises(RunError, match="give True, False") as caught:
        face.run("fake/m", "Go", tools=[weather], approve=lambda call: answer)

    assert ["The run was stopped before this tool ran."] == [
        result.text for result in results(tuple(caught.value.messages))
    ]


def test_a_hook_that_fails_stops_the_run(face: Any, server: Server) -> None:
    """What the hook raises is the cause of a RunError that has the exchange so far."""
    server.script(says(tools=CALLS[:1]))

    def hook(call: ToolCall) -> bool:
        raise TimeoutErrorOfTheHook("nobody there")

    with pytest.raises(RunError, match="nobody there") as caught:
        face.run("fake/m", "Go", tools=[weather], approve=hook)

    assert isinstance(caught.value.__cause__, TimeoutErrorOfTheHook)
    assert 1 == len(results(tuple(caught.value.messages)))


class TimeoutErrorOfTheHook(OSError):
    """Whatever a hook may raise."""


def test_waiting_for_approval_counts(face: Any, server: Server) -> None:
    """A hook that answers too late does so beyond the deadline of the run."""
    server.script(says(tools=CALLS[:1]))

    async def hook(call: ToolCall) -> bool:
        await asyncio.sleep(30)
        return True

    with pytest.raises(TimeoutError) as caught:
        face.run("fake/m", "Go", tools=[weather], approve=hook, timeout=0.3)

    assert ("total", 1) == (caught.value.clock, len(results(tuple(caught.value.messages))))
