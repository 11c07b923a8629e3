"""
Entries in the memory of this process.

What was used longest ago goes first when there are too many, or too many bytes.  A forked child begins with what its
parent had.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import NamedTuple

from dragoman.policy.cache.store import Found, Limits, Neighbour
from dragoman.runtime import Runtime

# Bytes that an entry takes beside its own: its key, its place and Python's objects.
_OVERHEAD = 400


class _Kept(NamedTuple):
    scope: bytes
    entry: bytes
    made: float
    until: float

    @property
    def size(self) -> int:
        return len(self.entry) + _OVERHEAD


class MemoryStore:
    """
    See `Store`.

    Attributes:
        place: `memory`.
        near: True.
        size: Bytes in use.
    """

    place = "memory"
    near = True

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._frames: OrderedDict[tuple[bytes, bytes], deque[Neighbour]] = OrderedDict()
        self.size = 0
        _all.add(self)

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> Found | None:
        """See `Store`."""
        now = runtime.now()
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.scope != scope:
                return None
            if now >= kept.until:
                self._remove(key)
                return None
            self._kept.move_to_end(key)
        return Found(kept.entry, max(0.0, now - kept.made))

    async def put(
        self, runtime: Runtime, scope: bytes, key: bytes, entry: bytes, ttl: float | None, until: float | None
    ) -> None:
        """See `Store`."""
        now = runtime.now()
        kept = _Kept(scope, entry, now, float("inf") if ttl is None else now + ttl)
        if kept.size > self._limits.size:
            return
        with self._lock:
            self._remove(key)
            self._kept[key] = kept
            self.size += kept.size
            while len(self._kept) > self._limits.entries or self.size > self._limits.size:
                self._remove(next(iter(self._kept)))

    async def drop(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> bool:
        """See `Store`."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.scope != scope:
                return False
            self._remove(key)
            return True

    async def clear(self, runtime: Runtime, scope: bytes | None, until: float | None) -> None:
        """See `Store`."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if scope in (None, kept.scope)]:
                self._remove(key)
            for frame in [frame for frame in self._frames if scope in (None, frame[0])]:
                del self._frames[frame]

    async def neighbours(
        self, runtime: Runtime, scope: bytes, frame: bytes, most: int, until: float | None
    ) -> Sequence[Neighbour]:
        """See `Store`."""
        with self._lock:
            return tuple(reversed(self._frames.get((scope, frame), ())))

    async def place_near(
        self, runtime: Runtime, scope: bytes, frame: bytes, neighbour: Neighbour, most: int, until: float | None
    ) -> None:
        """See `Store`."""
        with self._lock:
            others = self._frames.get((scope, frame), ())
            kept = deque((other for other in others if other.key != neighbour.key), maxlen=most)
            kept.append(neighbour)
            self._frames[scope, frame] = kept
            self._frames.move_to_end((scope, frame))
            while sum(map(len, self._frames.values())) > self._limits.entries:
                self._frames.popitem(last=False)

    def close(self) -> None:
        """Do nothing: the entries go with the store."""

    async def aclose(self) -> None:
        """Do nothing."""

    def forget_lock(self) -> None:
        """In a forked child: who holds the lock may be in the parent only."""
        self._lock = threading.Lock()

    def _remove(self, key: bytes) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size -= kept.size


_all: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _after_fork() -> None:
    for store in list(_all):
        store.forget_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
