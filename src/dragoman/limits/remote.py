"""
Limits shared between hosts: `Client(limit="redis://...")` or `Client(limit="postgresql://...")`.

Who comes is let go from the slice at hand, or stands in line; whoever is first in line asks the store for all
(`remote_desk`).  While the store cannot be reached, each process goes on with its part (`alone`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from secrets import token_hex
from typing import Final
from weakref import WeakSet

from dragoman.limits.permits import SharedPermit, SharedPlace, given_up
from dragoman.limits.places import scope_name
from dragoman.limits.remote_desk import RemoteDesk
from dragoman.limits.stores import Store
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.codec import VERSION
from dragoman.policy.limit.grants import Cost, Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Permit, Place
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.turns import Priority
from dragoman.runtime import Runtime

# Seconds after which a worker that was not heard of is gone.
_LEASE: Final = 60.0
# Of the whole limit, what those who wait share in one round; how late a worker may be; how long a look at most.
_QUANTUM, _GRACE, _LOOK = 0.1, 0.25, 0.1
_MOST, _UNUSED = 1024, 60.0


class RemotePacer:
    """
    Lets calls of all processes that use one store wait for their turn.

    Args:
        store: Where the scopes are kept.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begin()
        _pacers.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._desks: dict[ScopeKey, tuple[RemoteDesk, list[float]]] = {}
        self._holder = token_hex(6)

    def forget(self) -> None:
        """In a child: the calls in flight are the parent's, and so may the locks be."""
        for desk, _ in self._desks.values():
            desk.close()
        self._begin()

    @property
    def alone(self) -> bool:
        """Whether the store cannot be reached at present."""
        return any(desk.alone.parts for desk, _ in list(self._desks.values()))

    async def admit(
        self,
        key: ScopeKey,
        limits: Sequence[Limit],
        cost: Cost,
        runtime: Runtime,
        priority: Priority,
        deadline: float | None,
    ) -> Permit | Refuse:
        """Wait for leave to send one request."""
        desk = self._desk(key, limits)
        since = runtime.now()
        left = None if deadline is None else deadline - since
        tickets: list[Ticket] = []

        def act() -> Decision:
            ticket = desk.begin(dict(cost), priority)
            tickets.append(ticket)
            return _watched(desk.enter(ticket, left), runtime)

        decision = desk.locked(act)
        if isinstance(decision, Wait):
            decision = await self._follow(desk, tickets[0], decision, runtime, deadline)
        return decision if isinstance(decision, Refuse) else _permit(desk, decision, runtime, since)

    async def again(self, place: Place, runtime: Runtime) -> Permit | Refuse:
        """Wait at the place that a refusal gave."""
        assert isinstance(place, SharedPlace)
        place.gone = True
        desk: RemoteDesk = place.desk
        since = runtime.now()
        first = Wait(place.ticket, float("-inf"))
        decision = await self._follow(desk, place.ticket, first, runtime, place.deadline)
        return decision if isinstance(decision, Refuse) else _permit(desk, decision, runtime, since)

    async def _follow(
        self, desk: RemoteDesk, ticket: Ticket, decision: Decision, runtime: Runtime, deadline: float | None
    ) -> Decision:
        """Ask, or wait to be told, until there is an answer."""

        def look() -> Decision:
            return _watched(desk.look(ticket), runtime)

        try:
            while True:
                decision = desk.locked(look)
                if not isinstance(decision, Wait):
                    return decision
                if decision.until <= desk.offers.now() and not desk.alone.parts:
                    await desk.exchange(runtime, deadline)
                    decision = desk.locked(look)
                    if not isinstance(decision, Wait):
                        return decision
                if deadline is not None and runtime.now() >= deadline:
                    late = desk.locked(lambda: desk.too_late(ticket))
                    if isinstance(late, Refuse):
                        desk.post(given_up(ticket))
                    return late
                until = desk.until(decision)
                if deadline is not None:
                    until = deadline if until is None else min(until, deadline)
                await ticket.waiter.wait(until)
        except BaseException:
            desk.post(given_up(ticket))
            raise

    def _desk(self, key: ScopeKey, limits: Sequence[Limit]) -> RemoteDesk:
        now = time.monotonic()
        with self._lock:
            found = self._desks.get(key)
            if found is None:
                self._make_room(now)
                peers = Peers(self._holder, _lives, quantum=_QUANTUM, grace=_GRACE, look=_LOOK)
                name = f"{VERSION}:{scope_name(key)}"
                found = self._desks[key] = (RemoteDesk(self._store, name, limits, peers), [now])
            found[1][0] = now
            return found[0]

    def _make_room(self, now: float) -> None:
        if len(self._desks) >= _MOST:
            for key, (desk, used) in list(self._desks.items()):
                if desk.idle and used[0] < now - _UNUSED:
                    desk.close()
                    del self._desks[key]


def _permit(desk: RemoteDesk, decision: Decision, runtime: Runtime, since: float) -> Permit:
    assert isinstance(decision, Grant)
    return SharedPermit(desk, decision, runtime.now() - since)


def _watched(decision: Decision, runtime: Runtime) -> Decision:
    """Give whoever waits something to be woken by; under the lock, so that no waking is lost."""
    if isinstance(decision, Wait):
        decision.ticket.waiter = runtime.waiter()
    return decision


def _lives(name: str, seen: float, now: float) -> bool:
    return now - seen < _LEASE


_pacers: Final[WeakSet[RemotePacer]] = WeakSet()


def _after_fork() -> None:
    for pacer in list(_pacers):
        pacer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
