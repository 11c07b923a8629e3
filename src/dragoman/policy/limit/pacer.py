"""
Whose turn it is, for all clients of this process.

A pacer keeps the scopes and lets calls wait; `pacing` asks it.  Rule: the lock is held for the decision alone, never
over a wait, and whoever changes a scope wakes those that it names.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol, cast

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


Change = Callable[[Scope, float], None]
"""What is to be changed in a scope, at a time."""

Note = tuple[Change, Scope]

# So many limits of which nothing is known are kept at hand.
_MOST_FREE: Final = 1024


class ProcessPacer:
    """
    Scopes in the memory of this process, for any number of threads and event loops.

    A call may end in any thread, even in one that is deciding: the garbage collector runs the end of a dropped stream
    wherever it likes.  So an end is a note, which is put down without a lock; whoever has the lock, or can get it at
    once, takes the notes in.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limiter = Limiter()
        self._free: dict[ScopeKey, Scope] = {}
        self._notes: deque[Note] = deque()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """In a child: the calls in flight are the parent's, and so may the lock be."""
        self._lock = threading.Lock()
        self._limiter = Limiter()
        self._free = {}
        self._notes = deque()

    async def admit(
        self,
        key: ScopeKey,
        limits: Sequence[Limit],
        cost: Cost,
        runtime: Runtime,
        priority: Priority,
        deadline: float | None,
    ) -> Permit | Refuse:
        free = self._free.get(key)
        if free is not None and free.unlimited:
            return _Free(self, free, cost, priority, runtime)
        now = runtime.now()
        with self._lock:
            woken = self._take_in(now)
            scope = self._limiter.scope(key, now, limits)
            if scope.unlimited:
                self._keep_free(key, scope)
            decision = scope.reserve(cost, now, priority, deadline)
            waiter = _watch(decision, runtime)
            woken += scope.woken()
        self._after(woken, runtime)
        if type(decision) is Grant:
            return _Permit(self, scope, decision, runtime)
        return await self._follow(scope, decision, waiter, runtime)

    def rate(self, key: ScopeKey, unit: str, now: float) -> float | None:
        """How many of a unit each second a scope allows; None where no limit on it is known."""
        with self._lock:
            scope = self._limiter.find(key)
            buckets = scope.buckets.values() if scope is not None else ()
            return min((bucket.effective(now) for bucket in buckets if bucket.unit == unit), default=None)

    async def again(self, place: Place, runtime: Runtime) -> Permit | Refuse:
        stood = cast("_Place", place)
        stood.gone = True
        decision, waiter = self._resumed(stood.scope, stood.ticket, runtime)
        return await self._follow(stood.scope, decision, waiter, runtime)

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
                self.post(partial(_give_up, ticket), scope, runtime)
                raise
            decision, waiter = self._resumed(scope, ticket, runtime)
        return decision if type(decision) is Refuse else _Permit(self, scope, cast("Grant", decision), runtime)

    def _resumed(self, scope: Scope, ticket: Ticket, runtime: Runtime) -> tuple[Decision, Waiter | None]:
        now = runtime.now()
        with self._lock:
            woken = self._take_in(now)
            decision = scope.resume(ticket, now)
            waiter = _watch(decision, runtime)
            woken += scope.woken()
        self._after(woken, runtime)
        return decision, waiter

    def refuse(
        self,
        scope: Scope,
        grant: Grant,
        refusal: Refusal,
        told: Sequence[Snapshot],
        runtime: Runtime,
        until: float | None,
    ) -> Decision:
        """What is decided for a call that the provider refused."""
        now = runtime.now()
        with self._lock:
            woken = self._take_in(now)
            decision = scope.rejected(grant, refusal, told, now, until)
            woken += scope.woken()
        self._after(woken, runtime)
        return decision

    def granted(self, scope: Scope, cost: Cost, at: float, priority: Priority) -> Grant:
        """Write a call down that went, at that time, when nothing was limited."""
        with self._lock:
            return scope.adopt(cost, at, priority)

    def post(self, change: Change, scope: Scope, runtime: Runtime) -> None:
        """Put a note down; it is taken in at once if nobody is deciding.  Never waits, any thread may call."""
        self._notes.append((change, scope))
        self._after((), runtime)

    def _after(self, woken: Sequence[Ticket], runtime: Runtime) -> None:
        """Without the lock: wake, and take in what was put down meanwhile, unless another thread will do so."""
        wake(woken)
        while self._notes and self._lock.acquire(blocking=False):
            try:
                woken = self._take_in(runtime.now())
            finally:
                self._lock.release()
            wake(woken)

    def _take_in(self, now: float) -> list[Ticket]:
        """Under the lock: what has come back, and who is to be woken for it."""
        woken: list[Ticket] = []
        while self._notes:
            change, scope = self._notes.popleft()
            change(scope, now)
            woken += scope.woken()
        return woken

    def _keep_free(self, key: ScopeKey, scope: Scope) -> None:
        if len(self._free) >= _MOST_FREE:
            self._free.clear()
        self._free[key] = scope


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
        grant = self._grant
        self._pacer.post(lambda scope, now: scope.hear(grant, told, now), self._scope, self._runtime)

    def settled(self, actual: Cost | None, told: Sequence[Snapshot]) -> None:
        grant = self._grant
        self._pacer.post(lambda scope, now: scope.settle(grant, actual, told, now), self._scope, self._runtime)

    def released(self) -> None:
        grant = self._grant
        self._pacer.post(lambda scope, now: scope.release(grant, now), self._scope, self._runtime)

    def refused(self, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None) -> Place | Refuse:
        decision = self._pacer.refuse(self._scope, self._grant, refusal, told, self._runtime, deadline)
        if type(decision) is Refuse:
            return decision
        return _Place(self._pacer, self._scope, self._grant.ticket, self._runtime)


class _Free:
    """
    Leave where nothing is limited: nothing is written down, until an answer speaks of limits after all.

    Attributes:
        waited: None did.
    """

    __slots__ = ("_at", "_cost", "_pacer", "_priority", "_real", "_runtime", "_scope", "waited")

    def __init__(self, pacer: ProcessPacer, scope: Scope, cost: Cost, priority: Priority, runtime: Runtime) -> None:
        self.waited = 0.0
        self._pacer = pacer
        self._scope = scope
        self._cost = cost
        self._priority: Priority = priority
        self._runtime = runtime
        self._at = runtime.now()
        self._real: _Permit | None = None

    def heard(self, told: Sequence[Snapshot]) -> None:
        if told:
            self._permit().heard(told)

    def settled(self, actual: Cost | None, told: Sequence[Snapshot]) -> None:
        if told or self._real is not None:
            self._permit().settled(actual, told)
        else:  # without the lock: one that two threads count at once may be lost, which does no harm
            self._scope.state.answers.add(self._runtime.now())

    def released(self) -> None:
        if self._real is not None:
            self._real.released()

    def refused(self, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None) -> Place | Refuse:
        return self._permit().refused(refusal, told, deadline)

    def _permit(self) -> _Permit:
        """What would have been granted when it was sent."""
        if self._real is None:
            grant = self._pacer.granted(self._scope, self._cost, self._at, self._priority)
            self._real = _Permit(self._pacer, self._scope, grant, self._runtime)
        return self._real


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
        if not self.gone:
            self.gone = True
            self._pacer.post(partial(_give_up, self.ticket), self.scope, self._runtime)


def _give_up(ticket: Ticket, scope: Scope, now: float) -> None:
    scope.cancel(ticket, now)
    if ticket.grant is not None:
        scope.release(ticket.grant, now)


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
