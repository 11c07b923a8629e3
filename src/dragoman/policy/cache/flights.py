"""
Several who ask the same at the same time, in one process: one of them asks, the others wait for the answer.

A flight is there from before its first visitor looks into the store until the answer is in the store, so that nobody
can look too early and ask too late.  If whoever leads is cancelled or leaves, the next one leads; if the provider
refuses, the others ask for themselves.

Rule: the lock is held for the decision alone, never over a wait.
"""

from __future__ import annotations

import os
import threading
import weakref
from contextvars import ContextVar
from typing import Final

from dragoman.runtime import Runtime, Waiter
from dragoman.types.http import Notice

# The streams that this thread or task, or the one that started it, has led with.
_READING: ContextVar[tuple[object, ...]] = ContextVar("dragoman_reading", default=())
_MOST: Final = 64


class Landed:
    """
    How a flight ended.

    Attributes:
        answer: The encoded answer, or None: the others have to ask for themselves.
        notices: What who gets it should know.
    """

    __slots__ = ("answer", "notices")

    def __init__(self, answer: bytes | None, notices: tuple[Notice, ...] = ()) -> None:
        self.answer = answer
        self.notices = notices


FAILED: Final = Landed(None)


class Flight:
    """
    One question that is being asked.

    Attributes:
        landed: How it ended, or None.
        leader: A value that only who leads has; None while nobody does.
    """

    __slots__ = ("key", "landed", "leader", "visitors", "waiters")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.landed: Landed | None = None
        self.leader: object | None = None
        self.visitors = 0
        self.waiters: list[Waiter] = []


class Flights:
    """All flights of one store in this process, for any number of threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._open: dict[bytes, Flight] = {}
        _all.add(self)

    def visit(self, key: bytes) -> Flight:
        """Come to ask; `leave` follows."""
        with self._lock:
            flight = self._open.get(key)
            if flight is None:
                flight = self._open[key] = Flight(key)
            flight.visitors += 1
            return flight

    def stay(self, flight: Flight) -> None:
        """One who leads does not go yet: his stream is still read.  Another `leave` follows."""
        with self._lock:
            flight.visitors += 1
        _READING.set((*_READING.get()[-_MOST:], flight.leader))

    def is_ours(self, flight: Flight) -> bool:
        """Whether who asks leads it himself, with a stream that he would have to read to its end first."""
        return flight.leader is not None and any(flight.leader is one for one in _READING.get())

    def leave(self, flight: Flight) -> None:
        """Go; with the last visitor the flight is over."""
        with self._lock:
            flight.visitors -= 1
            if flight.visitors <= 0 and self._open.get(flight.key) is flight:
                del self._open[flight.key]

    def lead(self, flight: Flight, runtime: Runtime) -> Waiter | None:
        """Take the lead, or get something to wait for; None for who leads, and where it has landed."""
        with self._lock:
            if flight.landed is not None:
                return None
            if flight.leader is None:
                flight.leader = object()
                return None
            waiter = runtime.waiter()
            flight.waiters.append(waiter)
            return waiter

    def land(self, flight: Flight, landed: Landed) -> None:
        """Tell all who wait; the first word holds.  Whoever comes until `close` is told, too."""
        with self._lock:
            if flight.landed is None:
                flight.landed = landed
            waiters, flight.waiters = flight.waiters, []
        for waiter in waiters:
            waiter.set()

    def close(self, flight: Flight) -> None:
        """The store has the answer, or none: who comes now begins anew."""
        with self._lock:
            if self._open.get(flight.key) is flight:
                del self._open[flight.key]

    def hand_over(self, flight: Flight) -> None:
        """Who leads gives up: the first of the others to come back leads."""
        with self._lock:
            flight.leader = None
            waiters, flight.waiters = flight.waiters, []
        for waiter in waiters:
            waiter.set()

    def forget(self) -> None:
        """In a forked child: who leads is in the parent, and so may be who holds the lock."""
        self._lock = threading.RLock()
        self._open = {}


_all: weakref.WeakSet[Flights] = weakref.WeakSet()


def _after_fork() -> None:
    for flights in list(_all):
        flights.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
