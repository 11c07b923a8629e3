"""
What a failure means for a plan: whether the next target is asked, whether the target is to blame, and what is said.

Rule: the error that a plan ends with is one that a target gave, the one that tells most, and its message names every
target that was asked and why it did not answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.errors import (
    CircuitOpenError,
    ConfigError,
    DeadlineError,
    DragomanError,
    OverloadedError,
    RefusedLocally,
    ServerError,
    StatusError,
    TransportError,
    WireError,
)
from dragoman.policy.route.plans import Fallback
from dragoman.types.attempts import Attempt
from dragoman.types.http import Notice

_LONG: Final = 160  # characters of an error's message that a notice quotes


Classes = tuple[type[DragomanError], ...] | None
"""Errors that make another target be asked; None for the usual ones."""


class Reason(msgspec.Struct, frozen=True):
    """Why a target did not answer: `label` names the target."""

    label: str
    error: DragomanError

    def __str__(self) -> str:
        message = self.error.message
        short = message if len(message) <= _LONG else f"{message[: _LONG - 1]}…"
        return f"{self.label}: {type(self.error).__name__}: {short}"


def goes_on(error: DragomanError, on: Classes) -> bool:
    """Whether another target may do better: by the classes that the plan names, or by the usual ones."""
    if isinstance(error, CircuitOpenError):  # nothing was asked: the target is passed over
        return True
    if on is not None:
        return isinstance(error, on)
    return isinstance(error, Fallback.USUAL) or (isinstance(error, StatusError) and error.retryable)


def leaves(on: Classes) -> bool:
    """Whether a call that would have to wait for its turn may go to another target instead."""
    return on is None or issubclass(DeadlineError, on)


def blames(error: DragomanError | None) -> bool:
    """Whether an error speaks against the target's health: it, or the way to it, is not working."""
    return isinstance(error, ServerError | OverloadedError | TransportError | WireError)


def _weight(error: DragomanError) -> int:
    """What the provider said tells more than what the network did, that more than what was never sent."""
    kinds = (ConfigError, RefusedLocally, TransportError)
    return next((rank for rank, kind in enumerate(kinds) if isinstance(error, kind)), len(kinds))


def telling(errors: Sequence[DragomanError]) -> DragomanError:
    """
    The last of those that tell most.

    Where every target was passed over, that is the one which may be asked soonest.
    """
    if all(isinstance(error, CircuitOpenError) for error in errors):
        return min(errors, key=lambda error: error.retry_after or 0.0)
    most = max(map(_weight, errors))
    return next(error for error in reversed(errors) if _weight(error) == most)


def explained(error: DragomanError, reasons: Sequence[Reason], attempts: Sequence[Attempt]) -> DragomanError:
    """Tell an error what else was asked, and all that was sent."""
    error.attempts = tuple(attempts)
    if len(reasons) > 1:
        told = "; ".join(
            f"{reason.label}: {type(error).__name__}" if reason.error is error else str(reason) for reason in reasons
        )
        error.message = f"{error.message} [asked in turn: {told}]"
        error.args = (error.message,)
    return error


def unrecovered(error: DragomanError, reasons: Sequence[Reason]) -> DragomanError:
    """Tell the error by which an answer broke off why no other target went on."""
    told = "; ".join(map(str, reasons))
    error.message = f"{error.message} [and no other target went on: {told}]"
    error.args = (error.message,)
    return error


def passed(reason: Reason) -> Notice:
    """The notice of a target that did not answer, beside the answer of another."""
    return Notice("model", f"{reason}; another target was asked", adapted=False)
