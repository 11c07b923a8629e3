"""
`run` and `run_stream` as the two clients have them.

The loop itself is a capability and lives above the clients (`dragoman.tools`), so it is loaded by its name, when a
client first runs tools.

Rule: each round goes the way of any call, so every policy of the client holds for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, Unpack, cast

from dragoman.policy.base import Context, Opened
from dragoman.runtime import drive
from dragoman.types.requests import ChatRequest, Settings
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunDict, RunOptions, RunResponse, run_options
from dragoman.verbs.parts import Parts
from dragoman.verbs.run_stream import AsyncRunStream, OpenedRun, RunStream

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan


class Rounds:
    """
    What a run has of its client.

    Attributes:
        request: The first question.
        options: Limits and hooks.
        tools: What the model may call, as the caller gave it.
        total: Seconds for everything together, or None.
        runtime: Of the client.
        send: Asks for a whole answer, by the plan of the call.
        open: Asks for an answer whose first content has arrived.
    """

    def __init__(
        self,
        request: ChatRequest,
        options: RunOptions,
        tools: object,
        context: Context,
        send: Callable[[ChatRequest], Awaitable[ChatResponse]],
        open: Callable[[ChatRequest], Awaitable[Opened]],
    ) -> None:
        self.request = request
        self.options = options
        self.tools = tools
        self.total = context.clocks.timeouts.total
        self.runtime = context.runtime
        self.send = send
        self.open = open


class _Runs(Protocol):
    """What the capability gives."""

    def finished(self, rounds: Rounds) -> Awaitable[RunResponse]: ...

    def opened(self, rounds: Rounds) -> Awaitable[OpenedRun]: ...


def _runs() -> _Runs:
    return cast("_Runs", import_module("dragoman.tools.runs"))


class _Asking(Parts):
    """What both faces have for it."""

    def _rounds(
        self, model: str | Plan, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
    ) -> Rounds:
        options, rest = run_options(keywords)
        request, way = self._asked(model, messages, settings, rest)
        context = self._plain.context(request.timeout)
        send, opening = partial(self._send, way=way), partial(self._open, way=way)
        return Rounds(request, options, rest.get("tools"), context, send, opening)


class BlockingRuns(_Asking):
    """Tool loops of `Client`."""

    def run(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[RunDict],
    ) -> RunResponse:
        """
        Ask, run the tools that the model calls, and go on until it gives its answer.

        Args:
            model: As for `chat`.
            messages: As for `chat`.
            settings: Reusable settings; the keywords win.
            **keywords: `tools`, the functions; `timeout`, seconds for all rounds and tools together; `max_rounds`,
                `max_cost`, `parallel`, `tool_timeout`, `approve` and `on_error` as `RunOptions` describes them; and all
                other settings.  A `tool_choice` that wants a call holds for the first round only.

        Returns:
            The last answer; `.messages` is the whole exchange, `.rounds` each answer, and `.usage`, `.cost` and
            `.attempts` those of all.

        Raises:
            ConfigError: The call is wrong; nothing was sent.
            RunLimitError: The model was still calling tools when the rounds or the money ran out.
            ToolError: A tool failed, and `on_error` is `"raise"`.
            DragomanError: As `chat`.  Every error after the first answer has the exchange so far in `.messages`.
        """
        rounds = self._rounds(model, messages, settings, keywords)
        return drive(_finished(rounds))

    def run_stream(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[RunDict],
    ) -> RunStream:
        """
        Like `run`, as a stream: of each round's events, and of when tools start and end.

        Leaving the stream stops the tools and closes the upstream.  Arguments and errors as `run`.
        """
        rounds = self._rounds(model, messages, settings, keywords)
        return RunStream(drive(_opened(rounds)), rounds.request.output)


class AsyncRuns(_Asking):
    """Tool loops of `AsyncClient`.  Arguments, results and errors are those of `Client`."""

    async def run(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[RunDict],
    ) -> RunResponse:
        """Ask, run the tools that the model calls, and go on until it gives its answer.  As `Client.run`."""
        return await _finished(self._rounds(model, messages, settings, keywords))

    def run_stream(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[RunDict],
    ) -> AsyncRunStream:
        """Like `run`, as a stream, which is opened when it is entered or first read.  As `Client.run_stream`."""
        rounds = self._rounds(model, messages, settings, keywords)
        return AsyncRunStream(lambda: _opened(rounds), rounds.request.output)


async def _finished(rounds: Rounds) -> RunResponse:
    return await _runs().finished(rounds)


async def _opened(rounds: Rounds) -> OpenedRun:
    return await _runs().opened(rounds)
