"""
What a transport raises, written down and raised again.

Rule: it comes back as what it was, so that whatever is above the transport cannot tell the difference.  A clock that
ran out says only in which phase; which of the four clocks it was is worked out by the call that waits.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.errors import DragomanError, TransportError, WireError
from dragoman.testing.cassette.model import Failure
from dragoman.testing.cassette.scrub import Scrubber
from dragoman.transport.base import Clockout, Disconnected

_FACTS: Final = ("status", "code", "field", "retryable", "retry_after", "path", "answered")
# Errors that are made of a message and facts.
_PLAIN: Final = (DragomanError.__init__, WireError.__init__, errors.StreamInterrupted.__init__)


def failure_of(error: BaseException, after: float) -> Failure | None:
    """Write down what was raised, not scrubbed yet; None for what is no failure: a cancel, Ctrl-C."""
    if isinstance(error, Clockout):
        return Failure(kind="timeout", after=after, sent=error.sent)
    if isinstance(error, Disconnected):
        return Failure(
            kind="disconnected", after=after, message=error.reason, answered=error.answered, reused=error.reused
        )
    if not isinstance(error, DragomanError):
        return None
    facts = {name: value for name in _FACTS if (value := getattr(error, name, None)) is not None}
    return Failure(kind="error", after=after, message=error.message, error=_class(type(error)).__name__, facts=facts)


def scrubbed(failure: Failure, scrubber: Scrubber) -> Failure:
    """Return a failure without secrets."""
    facts = {name: scrubber.text(one) if isinstance(one, str) else one for name, one in failure.facts.items()}
    return msgspec.structs.replace(failure, message=scrubber.text(failure.message), facts=facts)


def raised(failure: Failure) -> Exception:
    """
    Return what is to be raised.

    Raises:
        ValueError: No error is called so, or it has no such facts.
    """
    if failure.kind == "timeout":
        return Clockout(sent=failure.sent)
    if failure.kind == "disconnected":
        return Disconnected(failure.message, answered=failure.answered, reused=failure.reused)
    kind: Any = getattr(errors, failure.error, None)
    if not (isinstance(kind, type) and issubclass(kind, DragomanError) and kind.__init__ in _PLAIN):
        raise ValueError(f"error is {failure.error!r}: give the name of a class of dragoman.errors")
    try:
        return kind(failure.message, **failure.facts)
    except TypeError as error:
        raise ValueError(f"facts of {failure.error}: {error}") from error


def _class(kind: type[DragomanError]) -> type[DragomanError]:
    """The class, or the nearest above it that is one of ours and is made of a message and facts."""
    above = (
        one for one in kind.__mro__ if issubclass(one, DragomanError) and getattr(errors, one.__name__, None) is one
    )
    return next((one for one in above if one.__init__ in _PLAIN), TransportError)
