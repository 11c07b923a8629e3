"""
Limits shared by all processes of this user on this machine: `Client(limit="host")`.

Each scope has a memory-mapped file, locked for some microseconds for each decision (`host_desk`, `slots`).  The clock
is the system's monotonic one, the same in all processes; after a boot the state is nobody's.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final
from weakref import WeakSet

from dragoman.limits.host_desk import Act, HostDesk
from dragoman.limits.permits import SharedPermit, SharedPlace, given_up
from dragoman.limits.places import directory, epoch, file_name, holder, lives
from dragoman.limits.slots import fcntl
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Cost, Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Permit, Place
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.turns import Priority
from dragoman.runtime import Runtime, Waiter

# Of the whole limit, what those who wait share in one round; how late a process may be; how long a look at most.
_QUANTUM, _GRACE, _LOOK = 0.002, 0.05, 0.05
# Files that are kept open (two descriptors each), and seconds after which one that is not used may be closed.
_MOST, _UNUSED = 32, 60.0


class HostPacer:
    """
    Lets calls of all processes of this user on this machine wait for their turn.

    Raises:
        ConfigError: This system cannot, or the directory is not this user's alone.
    """

    def __init__(self) -> None:
        fcntl()
        self._directory = directory()
        self._begin()
        _pacers.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._desks: dict[ScopeKey, HostDesk] = {}
        self._holder = holder()
        self._clock = epoch()

    def forget(self) -> None:
        """In a child: the calls in flight are the parent's, and so may the locks be."""
        for desk in self._desks.values():
            with suppress(OSError, BufferError):
                desk.close()
        self._begin()

    @property
    def alone(self) -> bool:
        """Whether a scope cannot be shared at present."""
        return any(desk.alone.parts for desk in list(self._desks.values()))

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

        Raises:
            ConfigError: The file of this scope cannot be opened.
        """
        desk = self._desk(key, limits)

        def act(scope: Scope, now: float) -> tuple[Decision, Waiter | None]:
            return _watched(scope.reserve(cost, now, priority, deadline), runtime)

        return await self._follow(desk, act, None, runtime)

    async def again(self, place: Place, runtime: Runtime) -> Permit | Refuse:
        """Wait at the place that a refusal gave."""
        assert isinstance(place, SharedPlace)
        place.gone = True
        desk: HostDesk = place.desk
        return await self._follow(desk, partial(_resume, place.ticket, runtime), place.ticket, runtime)

    async def _follow(
        self,
        desk: HostDesk,
        act: Act[tuple[Decision, Waiter | None]],
        ticket: Ticket | None,
        runtime: Runtime,
    ) -> Permit | Refuse:
        """Wait as often as one is told to."""
        since = runtime.now()
        try:
            while True:
                decision, waiter = await desk.ask(act, runtime)
                if isinstance(decision, Grant):
                    return SharedPermit(desk, decision, runtime.now() - since)
                if isinstance(decision, Refuse):
                    return decision
                ticket = decision.ticket
                act = partial(_resume, ticket, runtime)
                assert waiter is not None  # who waits has one
                await waiter.wait(decision.until if decision.until < float("inf") else None)
        except BaseException:
            if ticket is not None:
                desk.post(given_up(ticket))
            raise

    def _desk(self, key: ScopeKey, limits: Sequence[Limit]) -> HostDesk:
        with self._lock:
            desk = self._desks.get(key)
            if desk is None:
                self._make_room()
                peers = Peers(self._holder, lives, quantum=_QUANTUM, grace=_GRACE, look=_LOOK)
                path = os.path.join(self._directory, file_name(key))
                desk = self._desks[key] = HostDesk(path, limits, peers, self._clock)
            desk.used = time.monotonic()
            return desk

    def _make_room(self) -> None:
        if len(self._desks) >= _MOST:
            before = time.monotonic() - _UNUSED
            idle = [key for key, desk in self._desks.items() if desk.idle and desk.used < before]
            if idle:
                self._desks.pop(min(idle, key=lambda key: self._desks[key].used)).close()


def _resume(ticket: Ticket, runtime: Runtime, scope: Scope, now: float) -> tuple[Decision, Waiter | None]:
    return _watched(scope.resume(ticket, now), runtime)


def _watched(decision: Decision, runtime: Runtime) -> tuple[Decision, Waiter | None]:
    """Give whoever waits something to be woken by; under the lock, so that no waking is lost."""
    if not isinstance(decision, Wait):
        return decision, None
    waiter = decision.ticket.waiter = runtime.waiter()
    return decision, waiter


_pacers: Final[WeakSet[HostPacer]] = WeakSet()


def _after_fork() -> None:
    for pacer in list(_pacers):
        pacer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
