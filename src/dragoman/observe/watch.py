"""
The middleware that lets observers look: outermost of the policies.

    observe -> cache -> budget -> route -> retry -> limit -> one request

Rules: when nobody looks, a call passes through one function and nothing else.  An observer that fails is logged; the
call goes on.  A stream that is left may end inside of the garbage collector, in the middle of whatever its thread was
doing, so that end is told in the background.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar, cast

from dragoman import background
from dragoman.errors import ConfigError, UnknownModelError
from dragoman.observe import logs
from dragoman.observe.base import LEFT, Call, End, Observer, Operation, Signal, SignalObserver
from dragoman.policy.base import Context, Ending, Handler, Opened
from dragoman.types.events import Event
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

A = TypeVar("A")
T = TypeVar("T")

_log: Final = logging.getLogger("dragoman.observe")

# References whose provider is remembered.
_MOST: Final = 1000


class Watch:
    """
    Shows the calls of one client to its observers.

    Args:
        observers: Who looks.
        locate: Finds the row that a reference names.

    Raises:
        ConfigError: One of them is no observer.
    """

    def __init__(
        self, observers: Iterable[Observer] = (), locate: Callable[[str], tuple[Provider, str]] | None = None
    ) -> None:
        self._observers = _checked(observers)
        self._signals = [cast("SignalObserver", one) for one in self._observers if hasattr(one, "signal")]
        self._find = locate
        self._rows: dict[str, Provider | None] = {}

    def wrap(self, handler: Handler) -> Handler:
        """The middleware for chat."""

        def handle(request: ChatRequest, context: Context) -> Awaitable[Opened]:
            observers = self._looking()
            return self._chat(handler, request, context, observers) if observers else handler(request, context)

        return handle

    async def plain(self, once: Callable[[], Awaitable[T]], operation: Operation, asked: str, context: Context) -> T:
        """
        Do what makes one call that is not chat, and show it.

        Args:
            once: What makes it.
            operation: What it is.
            asked: `provider/model`, or `provider/` where it is about none.
            context: The call.
        """
        observers = self._looking()
        if not observers:
            return await once()
        call = Call(operation, asked, context, time.time(), locate=self._row)
        ends = _begin(call, observers)
        try:
            value = await once()
        except BaseException as error:
            call.failed(error)
            _tell(call, ends)
            raise
        call.gave(value)
        _tell(call, ends)
        return value

    def signal(self, name: Signal, value: float, **labels: str) -> None:
        """Something has changed that belongs to no call; see `Observer`."""
        for observer in self._signals:
            _guarded(partial(observer.signal, name, value), labels)

    def _looking(self) -> Sequence[Observer]:
        return (*self._observers, logs.CALLS) if logs.wanted() else self._observers

    async def _chat(
        self, handler: Handler, request: ChatRequest, context: Context, observers: Sequence[Observer]
    ) -> Opened:
        call = Call("chat", request.model, context, time.time(), request=request, locate=self._row)
        ends = _begin(call, observers)
        if self._signals:
            context.signal = self.signal
        try:
            opened = await handler(request, context)
        except BaseException as error:
            call.failed(error)
            _tell(call, ends)
            raise
        if opened.response is not None:
            call.answered(opened, opened.response)
            _tell(call, ends)
            return opened
        call.first = context.runtime.now() - call.started
        call.opened = opened
        context.at_end(_Ended(call, ends))
        return _Watched(opened, call)

    def _row(self, asked: str) -> Provider | None:
        try:
            return self._rows[asked]
        except KeyError:
            row = self._located(asked)
        if len(self._rows) < _MOST:
            self._rows[asked] = row
        return row

    def _located(self, asked: str) -> Provider | None:
        if self._find is None:
            return None
        try:
            return self._find(asked)[0]
        except UnknownModelError:
            return None


class _Ended:
    """What the end of a stream calls."""

    __slots__ = ("_call", "_ends")

    def __init__(self, call: Call, ends: Sequence[End]) -> None:
        self._call = call
        self._ends = ends

    def __call__(self, ending: Ending) -> None:
        self._call.ended(ending)
        if self._call.status != LEFT or not background.submit(self._later):
            self._later()

    def _later(self) -> None:
        _tell(self._call, self._ends)


class _Watched:
    """A stream whose waits are measured.  Its first piece was there before it was asked for."""

    __slots__ = ("_first", "_more", "_now", "_opened", "_waits", "response")

    def __init__(self, opened: Opened, call: Call) -> None:
        self.response: ChatResponse | None = None
        self._opened = opened
        self._more = opened.more
        self._now = call.context.runtime.now
        self._waits = call.waits
        self._first = True

    async def more(self) -> list[Event]:
        since = self._now()
        events = await self._more()
        if self._first:
            self._first = False
        elif events:
            self._waits.append(self._now() - since)
        return events

    def folded(self) -> ChatResponse:
        return self._opened.folded()

    def abandon(self) -> None:
        self._opened.abandon()


def _begin(call: Call, observers: Sequence[Observer]) -> list[End]:
    ends: list[End] = []
    for observer in observers:
        end = _guarded(observer.begin, call)
        if end is not None:
            ends.append(end)
    return ends


def _tell(call: Call, ends: Sequence[End]) -> None:
    for end in ends:
        _guarded(end, call)


def _guarded(hook: Callable[[A], T], about: A) -> T | None:
    """Call what is foreign; what it raises, except what ends the program or the task, is logged."""
    try:
        return hook(about)
    except Exception:  # noqa: BLE001 - any error: who only looks must not cost the caller an answer that is paid for
        _log.exception("an observer failed; the call goes on")
        return None


def _checked(observers: Iterable[object]) -> tuple[Observer, ...]:
    if isinstance(observers, str) or not isinstance(observers, Iterable):
        raise ConfigError("observe is no list: give observe=[Prometheus()]", field="observe")
    given = tuple(observers)
    for at, one in enumerate(given):
        if isinstance(one, type) or not callable(getattr(one, "begin", None)):
            raise ConfigError(
                f"observe[{at}] is {one!r}: give an object with begin(call), as Prometheus() or LogStore()",
                field=f"observe[{at}]",
            )
    return cast("tuple[Observer, ...]", given)
