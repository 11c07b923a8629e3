"""
Whose turn it is, for all clients of this process.

A pacer keeps the scopes and lets calls wait; `pacing` asks it.  Rule: the lock is held for the decision alone, never
over a wait, and whoever changes a scope wakes those that it names.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Protocol, cast

from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Cost, Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.limiter import Limiter, ScopeKey
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.turns import Priority
from dragoman.runtime import Runtime, Waiter


class Permit(Protocol):
    """
    Leave to send one request.  It ends once: settled, released or refused; none of these waits, any thread may call.

    Attributes:
        waited: Seconds spent in the line.
    """

    @property
    def waited(self) -> float: ...

    def heard(self, told: Sequence[Snapshot]) -> None:
        """The headers of a stream are here; its end follows."""
        ...

    def settled(self, actual: Cost | None, told: Sequence[Snapshot]) -> None:
        """The answer is whole, or left."""
        ...

    def released(self) -> None:
        """It was never sent, or failed for a reason that says nothing about limits."""
        ...

    def refused(self, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None) -> Place | Refuse:
        """The provider said 429: stand at the head of the line again, or give up."""
        ...


class Place(Protocol):
    """A place in the line that a refused call was given; it goes on by `again`, or leaves."""

    def leave(self) -> None:
        """Give it up.  Idempotent; nothing if the call has gone on."""
        ...


class Pacer(Protocol):
    """Lets calls wait for their turn."""

    async def admit(
        self,
        key: ScopeKey,
        limits: Sequence[Limit],
        cost: Cost,
        runtime: Runtime,
        priority: Priority,
        deadline: float | None,
    ) -> Permit | Refuse:
        """
        Wait for leave to send one request.

        Args:
            key: What the provider counts together.
            limits: Those that the user knows.
            cost: Estimate by unit.
            runtime: How to wait.
            priority: Class.
            deadline: When it must have gone, on the runtime's clock.
        """
        ...

    async def again(self, place: Place, runtime: Runtime) -> Permit | Refuse:
        """Wait at the place that a refusal gave."""
        ...


class ProcessPacer:
    """
    Scopes in the memory of this process, for any number of threads and event loops.

    Attributes:
        lock: Guards every scope; after a fork the child has one of its own.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._limiter = Limiter()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """In a child: the calls in flight are the parent's, and so may the lock be."""
        self.lock = threading.Lock()
        self._limiter = Limiter()

    async def admit(
        self,
        key: ScopeKey,
        limits: Sequence[Limit],
        cost: Cost,
        runtime: Runtime,
        priority: Priority,
        deadline: float | None,
    ) -> Permit | Refuse:
        now = runtime.now()
        with self.lock:
            scope = self._limiter.scope(key, now, limits)
            decision = scope.reserve(cost, now, priority, deadline)
            waiter = _watch(decision, runtime)
            woken = scope.woken()
        wake(woken)
        if type(decision) is Grant:
            return _Permit(self, scope, decision, runtime)
        return await self._follow(scope, decision, waiter, runtime)

    async def again(self, place: Place, runtime: Runtime) -> Permit | Refuse:
        stood = cast("_Place", place)
        scope, ticket = stood.scope, stood.ticket
        stood.gone = True
        with self.lock:
            decision = scope.resume(ticket, runtime.now())
            waiter = _watch(decision, runtime)
            woken = scope.woken()
        wake(woken)
        return await self._follow(scope, decision, waiter, runtime)

    async def _follow(
        self, scope: Scope, decision: Decision, waiter: Waiter | None, runtime: Runtime
    ) -> Permit | Refuse:
        """Wait as often as one is told to."""
        while type(decision) is Wait:
            ticket = decision.ticket
            assert waiter is not None  # who waits has one
            try:
                await waiter.wait(decision.until if decision.until < float("inf") else None)
            except BaseException:
                self._give_up(scope, ticket, runtime)
                raise
            with self.lock:
                decision = scope.resume(ticket, runtime.now())
                waiter = _watch(decision, runtime)
                woken = scope.woken()
            wake(woken)
        return decision if type(decision) is Refuse else _Permit(self, scope, cast("Grant", decision), runtime)

    def _give_up(self, scope: Scope, ticket: Ticket, runtime: Runtime) -> None:
        now = runtime.now()
        with self.lock:
            scope.cancel(ticket, now)
            if ticket.grant is not None:
                scope.release(ticket.grant, now)
            woken = scope.woken()
        wake(woken)


class _Permit:
    """A grant of a scope in this process."""

    __slots__ = ("_grant", "_pacer", "_runtime", "_scope")

    def __init__(self, pacer: ProcessPacer, scope: Scope, grant: Grant, runtime: Runtime) -> None:
        self._pacer = pacer
        self._scope = scope
        self._grant = grant
        self._runtime = runtime

    @property
    def waited(self) -> float:
        return self._grant.waited

    def heard(self, told: Sequence[Snapshot]) -> None:
        with self._pacer.lock:
            self._scope.hear(self._grant, told, self._runtime.now())
            woken = self._scope.woken()
        wake(woken)

    def settled(self, actual: Cost | None, told: Sequence[Snapshot]) -> None:
        with self._pacer.lock:
            self._scope.settle(self._grant, actual, told, self._runtime.now())
            woken = self._scope.woken()
        wake(woken)

    def released(self) -> None:
        with self._pacer.lock:
            self._scope.release(self._grant, self._runtime.now())
            woken = self._scope.woken()
        wake(woken)

    def refused(self, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None) -> Place | Refuse:
        with self._pacer.lock:
            decision = self._scope.rejected(self._grant, refusal, told, self._runtime.now(), deadline)
            woken = self._scope.woken()
        wake(woken)
        if type(decision) is Refuse:
            return decision
        return _Place(self._pacer, self._scope, self._grant.ticket, self._runtime)


class _Place:
    """The ticket of a refused call."""

    __slots__ = ("_pacer", "_runtime", "gone", "scope", "ticket")

    def __init__(self, pacer: ProcessPacer, scope: Scope, ticket: Ticket, runtime: Runtime) -> None:
        self._pacer = pacer
        self._runtime = runtime
        self.scope = scope
        self.ticket = ticket
        self.gone = False

    def leave(self) -> None:
        if self.gone:
            return
        self.gone = True
        now = self._runtime.now()
        with self._pacer.lock:
            self.scope.cancel(self.ticket, now)
            if self.ticket.grant is not None:
                self.scope.release(self.ticket.grant, now)
            woken = self.scope.woken()
        wake(woken)


def wake(tickets: Sequence[Ticket]) -> None:
    """Set the waiters of those who should ask again."""
    for ticket in tickets:
        waiter = cast("Waiter | None", ticket.waiter)
        if waiter is not None:
            waiter.set()


def _watch(decision: Decision, runtime: Runtime) -> Waiter | None:
    """Give whoever waits something to be woken by; under the lock, so that no waking is lost."""
    if type(decision) is not Wait:
        return None
    waiter = decision.ticket.waiter = runtime.waiter()
    return waiter
