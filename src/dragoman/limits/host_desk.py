"""
One scope that is kept in a file, as one process sees it.

Each decision loads the state under the file's lock, decides, and stores it again.  If nobody else wrote meanwhile, what
is in memory is the state, and nothing is loaded.

Rule: nobody waits for a lock under which nothing happens.  If a process is stopped while it holds the file's lock, the
others go on alone until it is free again.  A lock that only passes from hand to hand on a busy machine is waited for:
whoever goes on alone before the limits are known may send far more than they allow.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from dragoman.errors import ConfigError
from dragoman.limits import later
from dragoman.limits.alone import Alone
from dragoman.limits.permits import Change, Note
from dragoman.limits.slots import SlotFile
from dragoman.policy.limit import codec
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Decision, Grant
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.pacer import wake
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import State
from dragoman.runtime import Runtime

R = TypeVar("R")
Act = Callable[[Scope, float], R]
"""Decides something at a time."""

# Seconds for the file's lock: at once, in a wait that lets other tasks run; without any write until one goes on alone,
# and how often it was looked at meanwhile, because a machine that is put aside as a whole looks seldom; and at most.
_GLANCE: Final = 0.002
_PATIENCE: Final = 0.5
_LOOKS: Final = 60
_LONGEST: Final = 5.0
# Seconds until a lock that was not to be had is tried again.
_RETRY: Final = 1.0


class _Busy(Exception):
    """The file's lock is not to be had."""


class _Stillness:
    """How long nothing has happened under a lock that others hold."""

    __slots__ = ("_looks", "_since", "_written")

    def __init__(self) -> None:
        self.over()

    def over(self) -> None:
        """The lock was had."""
        self._written, self._since, self._looks = -1, 0.0, 0

    def seen(self, written: int, now: float) -> bool:
        """It was not to be had; `written` is the number of the newest write: whether whoever has it does not go on."""
        if written != self._written:
            self._written, self._since, self._looks = written, now, 0
        self._looks += 1
        return self._looks >= _LOOKS and now - self._since >= _PATIENCE


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
        self._still = _Stillness()
        self._retry_at = 0.0
        self._closed = False
        self.alone = Alone(path)
        self.used = 0.0
        self.scope = Scope((), time.monotonic(), peers)
        self._configured = False

    # --- deciding -----------------------------------------------------------------------------------------------------

    async def ask(self, act: Act[R], runtime: Runtime) -> R:
        """Decide something with the state of all, or, if that is not to be had in time, with one's own part."""
        until = runtime.now() + _LONGEST
        while True:
            try:
                return self.decide(act, _GLANCE)
            except _Busy:
                if self._still.seen(self._file.sequence, time.monotonic()) or runtime.now() >= until:
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
        self._still.over()
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


def _nothing(scope: Scope, now: float) -> None:
    """Only take in what was put down."""
