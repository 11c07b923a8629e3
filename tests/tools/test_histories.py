"""Whatever happens in a run, every call in its history has a result."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import AsyncClient, Client, DragomanError, Message, ToolCall, ToolResult
from dragoman.testing import Server, says, status
from dragoman.wire.turns import settle
from tests.tools.conftest import row


def good(n: int) -> int:
    """Work."""
    return n


async def later(n: int) -> int:
    """Work later."""
    await asyncio.sleep(0.002)
    return n


def bad(n: int) -> int:
    """Fail."""
    raise ValueError(n)


async def slow(n: int) -> int:
    """Take too long."""
    await asyncio.sleep(5)
    return n


TOOLS = [good, later, bad, slow]

# Of what a model may ask for: tools of every kind, one that is not there, and arguments that do not fit.
_calls = st.lists(
    st.tuples(
        st.sampled_from(("good", "later", "bad", "slow", "nowhere")),
        st.sampled_from(({"n": 1}, {"n": "x"}, {}, {"n": 1, "m": 2})),
    ),
    min_size=1,
    max_size=4,
)
_ends = st.sampled_from(("answer", "status", "rounds", "deadline", "refused", "cut"))


def _script(rounds: list[list[tuple[str, Any]]], end: str) -> list[Any]:
    steps: list[Any] = []
    for number, asked in enumerate(rounds):
        made = [_call(f"c{number}-{i}", *call) for i, call in enumerate(asked)]
        last = number == len(rounds) - 1
        finish = {"refused": "content_filter", "cut": "length"}.get(end) if last else None
        steps.append(says(f"round {number}", tools=made, finish=finish))  # type: ignore[arg-type]
    return [*steps, status(400) if end == "status" else says("Done.")]


def _call(id: str, name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(id=id, name=name, arguments_json=json.dumps(arguments))


def _keywords(rounds: list[Any], end: str, hook: str) -> dict[str, Any]:
    limits: dict[str, dict[str, Any]] = {"rounds": {"max_rounds": len(rounds)}, "deadline": {"timeout": 0.05}}
    hooks: dict[str, dict[str, Any]] = {
        "none": {},
        "deny": {"approve": lambda call: call.name != "good"},
        "raise": {"on_error": "raise"},
    }
    return {"tools": TOOLS, "tool_timeout": 0.01, **limits.get(end, {}), **hooks[hook]}


def _check(messages: tuple[Message, ...]) -> None:
    """Each turn with calls is followed by their results, one each, in order; nothing is left to mend."""
    assert () == settle(messages)[1]
    for turn, after in zip(messages, (*messages[1:], None), strict=False):
        if turn.tool_calls:
            assert after is not None
            assert [call.id for call in turn.tool_calls] == [
                part.call_id for part in after.parts if isinstance(part, ToolResult)
            ]


@pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "async"])
@settings(max_examples=25, deadline=None)
@given(
    rounds=st.lists(_calls, min_size=1, max_size=3),
    end=_ends,
    hook=st.sampled_from(("none", "deny", "raise")),
    leave=st.none() | st.integers(1, 25),
)
def test_results_are_never_orphaned(
    blocking: bool, rounds: list[list[tuple[str, Any]]], end: str, hook: str, leave: int | None
) -> None:
    """Runs that end, fail, run out of rounds or time, are refused, or are left at any event: the history is whole."""
    keywords = _keywords(rounds, end, hook)
    began = time.monotonic()
    with Server(*_script(rounds, end)) as server:
        messages = _blocking(server, keywords, leave) if blocking else asyncio.run(_async(server, keywords, leave))
    _check(messages)
    assert time.monotonic() - began < 3  # `slow` was never waited for


def _blocking(server: Server, keywords: dict[str, Any], leave: int | None) -> tuple[Message, ...]:
    with Client(providers=row(server)) as client:
        try:
            with client.run_stream("fake/m", "Go", **keywords) as stream:
                for number, _ in enumerate(stream, 1):
                    _check(stream.messages)
                    if number == leave:
                        break
        except DragomanError as error:
            return tuple(error.messages)
        return stream.messages


async def _async(server: Server, keywords: dict[str, Any], leave: int | None) -> tuple[Message, ...]:
    async with AsyncClient(providers=row(server)) as client:
        if leave is None:
            try:
                return (await client.run("fake/m", "Go", **keywords)).messages
            except DragomanError as error:
                return tuple(error.messages)
        stream = client.run_stream("fake/m", "Go", **keywords)
        task = asyncio.create_task(stream.drain())
        await asyncio.wait({task}, timeout=leave / 1000)  # anywhere in the run
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return stream.messages
