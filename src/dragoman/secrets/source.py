"""
The keys of one provider: which is used next, which has become stale, which was refused.

A key is given as it is, or as a reference that is looked up when a call needs it and again when its time is over.
Several are used in turn; one that the provider refuses is left out until its time is over, unless all are.  Where the
place of a key cannot be asked any more, the key that was read there goes on being used: whether it is still good, the
provider says.

Rule: no lock is held while something is looked up.  Of the threads that need the same key one looks it up, the others
wait for that one; what a forked child inherits of it, it ignores.
"""

from __future__ import annotations

import copy
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Final

from dragoman.errors import ConfigError, DragomanError
from dragoman.secrets.lookup import look_up
from dragoman.secrets.reference import DEFAULT_TTL, Reference
from dragoman.secrets.secret import Secret

Key = Secret | Reference

# How soon a place is asked again that could not be asked, or that still had the key that was refused (seconds).
_AGAIN: Final = 30.0


class KeySource:
    """
    The keys of one provider.

    Args:
        keys: One or more.
        provider: Name of the row, for errors.
        source: Where they were given, for errors.
        environ: The environment variables.
        clock: Seconds that never go back.

    Attributes:
        provider: As given.
    """

    def __init__(
        self,
        keys: Iterable[Key],
        provider: str,
        source: str,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self._clock = clock
        self._slots = tuple(_Slot(key, provider, source, environ, clock) for key in keys)
        self._turns = count()

    def __repr__(self) -> str:
        return f"KeySource({', '.join(repr(slot.key) for slot in self._slots)})"

    @property
    def fixed(self) -> Secret | None:
        """The one key that there is and will be; None where they change."""
        key = self._slots[0].key
        return key if len(self._slots) == 1 and isinstance(key, Secret) else None

    @property
    def ready(self) -> bool:
        """Whether `take` returns at once."""
        now = self._clock()
        return all(slot.ready(now) for slot in self._slots)

    def take(self) -> Secret:
        """
        Return the key whose turn it is.  This may wait.

        Raises:
            ConfigError: It cannot be looked up.
        """
        return self._next(self._clock()).secret()

    def renew(self, used: Secret) -> bool:
        """
        The provider refused a key: look it up anew, or leave it out.  This may wait.

        Returns:
            Whether there is another to try.

        Raises:
            ConfigError: It cannot be looked up.
        """
        slot = next((slot for slot in self._slots if slot.holds(used)), None)
        if slot is None:  # another thread has renewed it since
            return True
        if slot.renewed(used):
            return True
        now = self._clock()
        slot.refused_until = now + slot.ttl
        return any(now >= other.refused_until for other in self._slots)  # never this one

    def _next(self, now: float) -> _Slot:
        start = next(self._turns) if len(self._slots) > 1 else 0
        turns = [self._slots[(start + i) % len(self._slots)] for i in range(len(self._slots))]
        soonest = min(turns, key=lambda slot: slot.refused_until)
        return next((slot for slot in turns if now >= slot.refused_until), soonest)


class _Flight:
    """One look-up that others wait for."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.secret: Secret | None = None
        self.error: DragomanError | None = None


class _Slot:
    """One of the keys."""

    def __init__(
        self, key: Key, provider: str, source: str, environ: Mapping[str, str], clock: Callable[[], float]
    ) -> None:
        self.key = key
        self.refused_until = self._again_at = float("-inf")
        self.ttl = key.ttl if isinstance(key, Reference) else DEFAULT_TTL
        self._provider = provider
        self._source = source
        self._environ = environ
        self._clock = clock
        # What was found and until when it is used, in one value, so that no thread sees one without the other.
        self._found: tuple[Secret, float] | None = (key, float("inf")) if isinstance(key, Secret) else None
        self._flights: dict[int, _Flight] = {}  # by process; setdefault and pop are atomic

    def ready(self, now: float) -> bool:
        found = self._found
        if isinstance(self.key, Reference) and self.key.kind.local:
            return True
        return found is not None and now < found[1]

    def holds(self, secret: Secret) -> bool:
        found = self._found
        return found is not None and found[0] == secret

    def secret(self) -> Secret:
        found = self._found
        if found is not None and self._clock() < found[1]:
            return found[0]
        try:
            return self._looked_up()
        except ConfigError as error:
            if found is None:
                raise
            self._go_on(found[0], error)
        return found[0]

    def renewed(self, used: Secret) -> bool:
        """Look up anew, and say whether something else was found; not again soon after it was not."""
        if not isinstance(self.key, Reference) or self._clock() < self._again_at:
            return False
        if self._looked_up() != used:
            self.refused_until = float("-inf")
            return True
        self._again_at = self._clock() + min(self.ttl, _AGAIN)
        return False

    def _go_on(self, secret: Secret, error: ConfigError) -> None:
        from logging import getLogger  # only who has trouble pays for it

        again = min(self.ttl, _AGAIN)
        self._found = secret, self._clock() + again
        getLogger("dragoman.secrets").warning("the key read before is used for %g s more: %s", again, error)

    def _looked_up(self) -> Secret:
        """Look the key up, or wait for the thread that does."""
        while True:
            mine = _Flight()
            flight = self._flights.setdefault(os.getpid(), mine)
            if flight is mine:
                return self._fly(mine)
            flight.done.wait()
            if flight.error is not None:
                raise copy.copy(flight.error)  # each thread has a traceback of its own
            if flight.secret is not None:
                return flight.secret

    def _fly(self, flight: _Flight) -> Secret:
        assert isinstance(self.key, Reference)  # the others are never looked up
        try:
            secret = flight.secret = look_up(self.key, self._environ, self._provider, self._source)
            if not self.holds(secret):
                self.refused_until = float("-inf")
            self._found = secret, self._clock() + self.ttl
        except DragomanError as error:
            flight.error = copy.copy(error)
            raise
        finally:
            self._flights.pop(os.getpid(), None)
            flight.done.set()
        return secret
