"""
Limits shared by all processes of this user on this machine: `Client(limit="host")`.

Each decision loads the state of its scope from a memory-mapped file under a lock of some microseconds, decides, and
stores it again.  If nobody else wrote meanwhile, what is in memory is the state, and nothing is loaded.

The clock is the system's monotonic one, the same in all processes; after a boot the state is nobody's.

Rule: nobody waits for a lock of this process or of another for longer than `_PATIENCE`.  If a process is stopped while
it holds the file's lock, the others go on alone until it is free again.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar
from weakref import WeakSet

from dragoman.errors import ConfigError
from dragoman.limits import later
from dragoman.limits.alone import Alone
from dragoman.limits.permits import Change, Note, SharedPermit, SharedPlace, given_up
from dragoman.limits.places import directory, epoch, file_name, holder, lives
from dragoman.limits.slots import SlotFile, fcntl
from dragoman.policy.limit import codec
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Cost, Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Permit, Place, wake
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import State
from dragoman.policy.limit.turns import Priority
from dragoman.runtime import Runtime, Waiter

R = TypeVar("R")

# Seconds for the file's lock: at once, in a wait that lets other tasks run, and until one goes on alone.
_GLANCE: Final = 0.002
_PATIENCE: Final = 0.5
# Seconds until a lock that was not to be had is tried again.
_RETRY: Final = 1.0
# Of the whole limit, what those who wait share in one round; how late a process may be; how long a look at most.
_QUANTUM, _GRACE, _LOOK = 0.002, 0.05, 0.05
# Files that are kept open (two descriptors each), and seconds after which one that is not used may be closed.
_MOST, _UNUSED = 32, 60.0

Act = Callable[[Scope, float], R]


class _Busy(Exception):
    """The file's lock is not to be had."""


class HostDesk:
    """
    One scope: its lines in this process, its state in a file.

    Attributes:
        alone: Whether the file cannot be reached.
        used: When it was last asked.
        scope: As this process sees it.
    """

    def __init__(self, path: str, limits: Sequence[Limit], peers: Peers, clock: str) -> None:
        self._file = SlotFile(path)
        self._lock = threading.Lock()
        self._notes: deque[Note] = deque()
        self._limits = limits
        self._clock = clock
        self._seen: tuple[int, int] = (0, 0)  # opening of the file, and number of the write that `scope` holds
        self._retry_at = 0.0
        self._closed = False
        self.alone = Alone(path)
        self.used = 0.0
        self.scope = Scope((), time.monotonic(), peers)
        self._configured = False

    # --- deciding -----------------------------------------------------------------------------------------------------

    async def ask(self, act: Act[R], runtime: Runtime) -> R:
        """Decide something with the state of all, or, if that is not to be had in time, with one's own part."""
        until = runtime.now() + _PATIENCE
        while True:
            try:
                return self.decide(act, _GLANCE)
            except _Busy:
                if runtime.now() >= until:
                    return self.decide(act, 0.0, give_up=True)
            await runtime.sleep(_GLANCE)

    def decide(self, act: Act[R], patience: float, *, give_up: bool = False) -> R:
        """
        Decide something under both locks.

        Raises:
            _Busy: The lock was not to be had within `patience`, and the caller did not want to go on alone.
        """
        with self._lock:
            result = self._decide(act, patience, give_up=give_up)
            woken = self.scope.woken()
        wake(woken)
        if self._notes:  # put down meanwhile, by this thread or by one that could not get the lock
            self._take_in()
        return result

    def _decide(self, act: Act[R], patience: float, *, give_up: bool) -> R:
        now = time.monotonic()
        if self.alone.parts and now < self._retry_at:
            return self._act(act, now)
        try:
            held = self._file.lock(patience)
        except (ConfigError, OSError) as error:
            return self._go_alone(act, str(error))
        if not held:
            if self.alone.parts or give_up:
                return self._go_alone(act, "another process holds the lock and does not go on")
            raise _Busy
        try:
            now = time.monotonic()
            self._load(now)
            result = self._act(act, now)
            self._store(now)
            return result
        except BaseException:
            self._seen = (0, 0)  # what is in memory may be half a decision
            raise
        finally:
            self._file.unlock()

    def _act(self, act: Act[R], now: float) -> R:
        scope = self.scope
        if self._notes:
            while self._notes:
                note = self._notes.popleft()
                if note.local is not None:
                    note.local(scope)
                if note.change is not None:
                    note.change(scope.state, now, self.alone.believes)
            scope.pump(now)
        return act(scope, now)

    def _go_alone(self, act: Act[R], why: str) -> R:
        now = time.monotonic()
        self._retry_at = now + _RETRY
        if not self.alone.parts:
            self.alone.begin(self.scope, now, why)
        return self._act(act, now)

    def _load(self, now: float) -> None:
        scope = self.scope
        seen = (self._file.opened, self._file.sequence)
        if seen == self._seen and not self.alone.parts:
            scope.attach(scope.state, now)
            return
        sequence, data = self._file.read()
        state = codec.decode(data, self._clock, now) or State.fresh(self._limits, now)
        if not self._configured:
            self._configured = True
            state.configure(self._limits, now)
        self._seen = (self._file.opened, sequence)
        if self.alone.parts:
            self.alone.end(scope, state, now)
        else:
            scope.attach(state, now)

    def _store(self, now: float) -> None:
        self.scope.publish(now)
        opened, sequence = self._seen
        self._file.write(codec.encode(self.scope.state, self._clock, now), sequence + 1)
        self._seen = (opened, sequence + 1)

    # --- coming back --------------------------------------------------------------------------------------------------

    def post(self, note: Note) -> None:
        """Take a note; never waits."""
        if not self._closed:
            self._notes.append(note)
            self._take_in()

    def _take_in(self) -> None:
        """Take in what was put down, if nobody else does; whoever has the lock looks again when it lets go."""
        while self._notes and self._lock.acquire(blocking=False):
            try:
                self._decide(_nothing, _GLANCE, give_up=False)
                woken = self.scope.woken()
            except _Busy:
                later.at(time.monotonic() + _GLANCE, self._take_in)
                return
            finally:
                self._lock.release()
            wake(woken)

    def refuse(
        self, grant: Grant, refusal: Refusal, told: Sequence[Snapshot], deadline: float | None, change: Change
    ) -> Decision:
        """A refusal that passes: a place at the head of the line, or the time that it would take."""

        def act(scope: Scope, now: float) -> Decision:
            return scope.rejected(grant, refusal, told if self.alone.believes else (), now, deadline)

        try:
            return self.decide(act, _GLANCE)
        except _Busy:
            return self.decide(act, _PATIENCE, give_up=True)

    # --- ending -------------------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether nothing here is about."""
        return not (self.scope.in_flight or self.scope.waiting or self._notes)

    def close(self) -> None:
        """Take no more notes.  In a forked child: the calls are the parent's."""
        self._closed = True
        self._notes.clear()
        self._file.close()


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


def _nothing(scope: Scope, now: float) -> None:
    """Only take in what was put down."""


_pacers: Final[WeakSet[HostPacer]] = WeakSet()


def _after_fork() -> None:
    for pacer in list(_pacers):
        pacer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
