"""
What all drivers share: how long they wait, and how they say what went wrong.

Rule: an error says what is known of the outcome.  What was never sent has not happened and may be tried again; what
was sent and not answered may have happened, so nobody here sends it a second time.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any, Final, Protocol

from dragoman.errors import ConfigError, StoreError

# Seconds that a call without a deadline waits for its turn, for a lock or for an answer.  (Ten writers on one SQLite
# file were seen to need more than 5.)
PATIENCE: Final = 30.0


class Driver(Protocol):
    """What can be closed; a later call opens again what it needs."""

    def close(self) -> None:
        """Close what is idle, now; what is in use is closed after its use.  Idempotent, from any thread."""
        ...

    async def aclose(self) -> None:
        """Like `close`, and return when the connections of the running loop are closed."""
        ...


class Clockout(Exception):
    """The deadline passed while waiting for the server."""


class Lost(Exception):
    """The connection broke.  The text says how."""


def deadline(until: float | None) -> float:
    """When a call has to be over, on the monotonic clock."""
    return time.monotonic() + PATIENCE if until is None else until


def left(until: float) -> float:
    """Seconds until then, never negative."""
    return max(0.0, until - time.monotonic())


def library(name: str, extra: str) -> Any:
    """
    Import a module of an optional library.

    Raises:
        ConfigError: It is not installed; the message says how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        top = name.partition(".")[0]
        raise ConfigError(f'{extra} URLs need {top}: pip install "dragoman[{extra}]"', field="url") from error


def too_late(place: str, *, sent: bool) -> StoreError:
    """The deadline passed."""
    if sent:
        return unknown(f"{place} did not answer in time")
    return StoreError(f"{place} could not be asked in time; nothing was sent", retryable=True)


def unreachable(place: str, why: str) -> StoreError:
    """There is no connection."""
    return StoreError(f"cannot connect to {place}: {why}; is it running, and is the URL right?", retryable=True)


def unknown(what: str) -> StoreError:
    """It was sent, and nobody knows what came of it."""
    return StoreError(f"{what}; whether it was done is not known", outcome_unknown=True)
