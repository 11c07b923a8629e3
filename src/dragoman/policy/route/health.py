"""
What a client knows of its targets' health, and the middleware that learns it: one request, one outcome.

It sits just inside the retry, so that every attempt is counted, and one that would go to an open circuit is not made.
The outcome of a stream counts at its end.

Rule: the lock is held for the decision alone, never over a wait.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from dragoman.errors import CircuitOpenError, DragomanError, StatusError
from dragoman.policy.base import Context, Ending, Handler, Opened
from dragoman.policy.route.breaker import Breaker, Circuit
from dragoman.policy.route.choice import Speed
from dragoman.policy.route.reasons import blames
from dragoman.runtime import Runtime
from dragoman.secrets.secret import Secret
from dragoman.types.requests import ChatRequest

Place = tuple[str, str, str, str]
"""Provider, model, host and fingerprint of the key: whose health it is."""


_KEPT: Final = 4096  # targets


class _Lock:
    """One for all clients, held for microseconds.  A forked child gets its own: a thread of its parent may hold it."""

    def __init__(self) -> None:
        self.held = threading.RLock()  # the garbage collector may end a stream in the thread that holds it
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.held = threading.RLock()


_LOCK: Final = _Lock()


class Health:
    """
    Of one target.

    Attributes:
        circuit: Whether it may be asked; None if that is not watched.
        speed: How quick it is.
    """

    __slots__ = ("circuit", "speed")

    def __init__(self, breaker: Breaker | None) -> None:
        self.circuit = None if breaker is None else Circuit(breaker)
        self.speed = Speed()


class Watch:
    """
    Watches the targets of one client.

    Args:
        place: Where a model reference and a key lead.
        breaker: When to leave a target alone; None for never.
    """

    def __init__(self, place: Callable[[str, Secret | None], Place], breaker: Breaker | None) -> None:
        self._place = place
        self._breaker = breaker
        self._healths: dict[Place, Health] = {}
        self._found: dict[tuple[str, Secret | None], Health] = {}

    def of(self, model: str, key: Secret | None) -> Health:
        """The health of the target that `model` and `key` name."""
        health = self._found.get((model, key))
        if health is None:
            if len(self._found) >= _KEPT:  # who gives every call a key of its own must not fill the memory
                self._found.clear()
                self._healths.clear()
            fresh = Health(self._breaker)
            health = self._found[model, key] = self._healths.setdefault(self._place(model, key), fresh)
        return health

    def wait(self, model: str, key: Secret | None, now: float) -> float:
        """Seconds until a target may be asked; 0 for now."""
        circuit = self.of(model, key).circuit
        with _LOCK.held:
            return circuit.wait(now) if circuit is not None else 0.0

    def speed(self, model: str, key: Secret | None) -> tuple[float | None, int]:
        """Average seconds to a target's first content, if known, and the requests that it is busy with."""
        speed = self.of(model, key).speed
        return speed.seconds, speed.busy

    def wrap(self, handler: Handler, *, breaks: bool) -> Handler:
        """
        The middleware.

        Args:
            handler: Makes one request.
            breaks: Whether a target that failed too often is left alone; if not, its speed is learned only.
        """

        def handle(request: ChatRequest, context: Context) -> Awaitable[Opened]:
            health = self.of(request.model, context.credential)
            circuit = health.circuit if breaks else None
            if circuit is not None and context.signal is not None:
                provider, _, model = request.model.partition("/")
                context.at_end(partial(_shown, circuit, context, provider, model))
            return _watched(handler, request, context, health, circuit)

        return handle


async def _watched(
    handler: Handler, request: ChatRequest, context: Context, health: Health, circuit: Circuit | None
) -> Opened:
    ticket = _entered(circuit, request, context)
    runtime, speed = context.runtime, health.speed
    began = runtime.now()
    with _LOCK.held:
        speed.busy += 1
    try:
        opened = await handler(request, context)
    except DragomanError as error:
        bad = blames(error)
        with _LOCK.held:
            speed.busy -= 1
            if bad:
                speed.failed(runtime.now() - began)
        # What a provider says, even a no, shows that it works; what was never sent shows nothing.
        _settle(circuit, ticket, False if bad else True if isinstance(error, StatusError) else None, runtime)
        if bad and circuit is not None and not circuit.closed:
            context.most = 0  # the next attempt would not be let through: this one was the last
        raise
    except BaseException:
        with _LOCK.held:
            speed.busy -= 1
        _settle(circuit, ticket, None, runtime)
        raise
    with _LOCK.held:
        speed.took(runtime.now() - began)
    context.at_end(partial(_ended, speed, circuit, ticket, runtime))
    return opened


def _entered(circuit: Circuit | None, request: ChatRequest, context: Context) -> int:
    """
    Let a request through.

    Raises:
        CircuitOpenError: It is not.
    """
    if circuit is None:
        return 0
    now = context.runtime.now()
    with _LOCK.held:
        ticket, wait = circuit.enter(now), circuit.wait(now)
    if ticket is not None:
        return ticket
    provider, _, model = request.model.partition("/")
    raise CircuitOpenError(
        f"it failed too often of late, and is left alone for {wait:.1f} s: nothing was sent",
        provider=provider,
        model=model,
        retry_after=wait,
        attempts=tuple(context.attempts),
    )


def _settle(circuit: Circuit | None, ticket: int, succeeded: bool | None, runtime: Runtime) -> None:
    if circuit is not None:
        now = runtime.now()
        with _LOCK.held:
            circuit.settle(ticket, succeeded, now)


def _shown(circuit: Circuit, context: Context, provider: str, model: str, ending: Ending) -> None:
    """Tell observers how a circuit stands after a call."""
    if context.signal is not None:
        state = 0 if circuit.closed else 2 if circuit.wait(context.runtime.now()) else 1
        context.signal("circuit_state", state, provider=provider, model=model)


def _ended(speed: Speed, circuit: Circuit | None, ticket: int, runtime: Runtime, ending: Ending) -> None:
    """An answer that was left had begun to come, so its target works."""
    with _LOCK.held:
        speed.busy -= 1
    _settle(circuit, ticket, not blames(ending.error), runtime)
