"""
Where entries are kept: the seam.

A store knows scopes and keys as bytes, and entries as bytes with an age on its own clock.  It may lose any entry at any
time.

Rule: nobody waits long for a store, and one that fails is a miss: `Guarded` sees to both.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from dragoman.errors import StoreError
from dragoman.runtime import Runtime

T = TypeVar("T")

# Seconds that a call waits for its store.
PATIENCE: Final = 1.0
# Seconds for which a store that failed is not asked again.
REST: Final = 5.0

_log: Final = logging.getLogger("dragoman.cache")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    How much a store may hold.

    Attributes:
        entries: Answers.
        size: Bytes of them all together.
    """

    entries: int
    size: int


class Found(msgspec.Struct, frozen=True):
    """
    What was found.

    Attributes:
        entry: The bytes.
        age: Seconds since it was put there.
    """

    entry: bytes
    age: float


class Neighbour(msgspec.Struct, frozen=True):
    """
    A question that was asked before.

    Attributes:
        key: Of its answer.
        vector: Of its text: 32-bit floats.
    """

    key: bytes
    vector: bytes


class Store(Protocol):
    """
    Keeps entries.  `until` is a time on the runtime's clock, by which every call is over.

    Attributes:
        place: What it is, for people.
        near: Whether it keeps vectors, too.
    """

    @property
    def place(self) -> str: ...

    @property
    def near(self) -> bool: ...

    async def get(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> Found | None:
        """
        Find an entry that has not expired.

        Raises:
            StoreError: The store failed; so do all others.
        """
        ...

    async def put(
        self, runtime: Runtime, scope: bytes, key: bytes, entry: bytes, ttl: float | None, until: float | None
    ) -> None:
        """Keep an entry, for `ttl` seconds or until there is no room for it."""
        ...

    async def drop(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> bool:
        """Remove an entry: whether it was there."""
        ...

    async def clear(self, runtime: Runtime, scope: bytes | None, until: float | None) -> None:
        """Remove all entries of a scope, or all that there are."""
        ...

    async def neighbours(
        self, runtime: Runtime, scope: bytes, frame: bytes, most: int, until: float | None
    ) -> Sequence[Neighbour]:
        """The latest questions in a frame, newest first."""
        ...

    async def place_near(
        self, runtime: Runtime, scope: bytes, frame: bytes, neighbour: Neighbour, most: int, until: float | None
    ) -> None:
        """Remember a question in its frame, of which the latest `most` are kept."""
        ...

    def close(self) -> None:
        """Close what is open; a later call opens it again."""
        ...

    async def aclose(self) -> None:
        """Likewise, on the asyncio face."""
        ...


class Guarded:
    """
    A store that never fails: what it cannot do is not done, which is said once in the log.

    Attributes:
        failures: How often it could not.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failures = 0
        self._rests_until = 0.0
        self._said = False

    async def attempt(
        self, runtime: Runtime, total_until: float | None, ask: Callable[[float], Awaitable[T]], otherwise: T
    ) -> T:
        """
        Ask the store, and wait for a second at most.

        Args:
            runtime: Of the call.
            total_until: When the call must be over.
            ask: Gets the time by which the store must have answered.
            otherwise: What stands for the answer of a store that has failed.
        """
        now = runtime.now()
        if now < self._rests_until:
            return otherwise
        until = now + PATIENCE if total_until is None else min(now + PATIENCE, total_until)
        try:
            answer = await ask(until)
        except StoreError as error:
            self._failed(error, runtime.now())
            return otherwise
        if self._said:
            self._said = False
            _log.info("the cache in %s works again", self.store.place)
        return answer

    def _failed(self, error: StoreError, now: float) -> None:
        self.failures += 1
        self._rests_until = now + REST
        if not self._said:
            self._said = True
            _log.warning(
                "the cache in %s does not work, and calls go on without it: %s", self.store.place, error.message
            )
