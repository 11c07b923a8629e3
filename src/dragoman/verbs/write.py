"""
`write` and `write_stream` as the two clients have them.

The loop itself is a capability and lives above the clients (`dragoman.writing`), so it is loaded by its name, when a
client first writes.

Rule: each round goes the way of any call, so every policy of the client holds for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, Unpack, cast

from dragoman.policy.base import Context, Opened
from dragoman.runtime import drive
from dragoman.stream import AsyncStream, Stream
from dragoman.types.models import Model
from dragoman.types.requests import ChatRequest, Settings
from dragoman.types.responses import ChatResponse
from dragoman.types.writing import WriteDict, WriteOptions, write_options
from dragoman.verbs.parts import Parts

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan


class WriteCall:
    """
    How a text is asked for: through its client, by the plan of its call.

    Attributes:
        request: The question.
        options: Limits and format.
        total: Seconds for everything together, or None.
        runtime: Of the client.
        facts: What is known of the model; None for a plan, whose models differ.
        wire: Its dialect; empty for a plan.
        send: Asks for a whole answer.
        open: Asks for an answer whose first content has arrived.
    """

    def __init__(
        self,
        request: ChatRequest,
        options: WriteOptions,
        context: Context,
        known: tuple[Model | None, str],
        send: Callable[[ChatRequest], Awaitable[ChatResponse]],
        open: Callable[[ChatRequest], Awaitable[Opened]],
    ) -> None:
        self.request = request
        self.options = options
        self.total = context.clocks.timeouts.total
        self.runtime = context.runtime
        self.facts, self.wire = known
        self.send = send
        self.open = open


class _Writes(Protocol):
    """What the capability gives."""

    def finished(self, call: WriteCall) -> Awaitable[ChatResponse]: ...

    def opened(self, call: WriteCall) -> Awaitable[Opened]: ...


def _writes() -> _Writes:
    return cast("_Writes", import_module("dragoman.writing.writes"))


class _Asking(Parts):
    """What both faces have for it."""

    def _write_call(
        self, model: str | Plan, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
    ) -> WriteCall:
        options, rest = write_options(keywords)
        request, way = self._asked(model, messages, settings, rest)
        context, routes = self._plain.context(request.timeout), self._plain.routes
        known: tuple[Model | None, str] = (None, "")
        if way is None and request.model not in routes.plans:
            provider, name = routes.names(request.model)
            known = routes.facts(provider, name), routes.providers[provider].wire
        send, opening = partial(self._send, way=way), partial(self._open, way=way)
        return WriteCall(request, options, context, known, send, opening)


class BlockingWriting(_Asking):
    """Long texts of `Client`."""

    def write(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[WriteDict],
    ) -> ChatResponse:
        """
        Ask for a text, and go on past the output cap until it is finished.

        Args:
            model: As for `chat`.
            messages: As for `chat`.
            settings: Reusable settings; the keywords win.
            **keywords: `format`, `max_rounds`, `max_tokens_total`, `max_cost`, `checkpoint`, and for reports `outline`,
                `words`, `parallel` and `numbering`, as `WriteOptions` describes them; `timeout`, seconds for
                everything together; and all other settings, which hold for every round.

        Returns:
            One answer with the whole text; `.usage`, `.cost` and `.attempts` are those of all rounds, and `.notices`
            says where they were joined.

        Raises:
            ConfigError: The call is wrong, or the checkpoint belongs to another one; nothing was sent.
            TruncatedError: A limit was reached, or the model does not get further; `.partial` has what was written.
            RefusalError: The model refused, at the start or in the middle.
            SchemaError: JSON was to be written, and it is none.
            StoreError: The checkpoint cannot be written.
            DragomanError: As `chat`.  Every error after the first word has what was written in `.partial`.
        """
        return drive(_finished(self._write_call(model, messages, settings, keywords)))

    def write_stream(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[WriteDict],
    ) -> Stream:
        """
        Like `write`, as one stream across all rounds.

        Between two rounds stands a `ProviderEvent` of the wire `dragoman` with `data["seam"]`.  Arguments and errors as
        `write`.
        """
        return Stream(drive(_opened(self._write_call(model, messages, settings, keywords))))


class AsyncWriting(_Asking):
    """Long texts of `AsyncClient`.  Arguments, results and errors are those of `Client`."""

    async def write(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[WriteDict],
    ) -> ChatResponse:
        """Ask for a text, and go on past the output cap until it is finished.  As `Client.write`."""
        return await _finished(self._write_call(model, messages, settings, keywords))

    def write_stream(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[WriteDict],
    ) -> AsyncStream:
        """Like `write`, as a stream, which is opened when it is entered or first read.  As `Client.write_stream`."""
        call = self._write_call(model, messages, settings, keywords)
        return AsyncStream(lambda: _opened(call))


async def _finished(call: WriteCall) -> ChatResponse:
    return await _writes().finished(call)


async def _opened(call: WriteCall) -> Opened:
    return await _writes().opened(call)
