"""
What is written down of one request: its line in the ledger of its call, and what its error should know.

Rule: one request is one line.  A failure after the first content replaces what stood there.
"""

from __future__ import annotations

import logging
from typing import Final

from dragoman.errors import DragomanError, StreamInterrupted, TimeoutError, WireError
from dragoman.policy.base import Context
from dragoman.redact import forget_locals
from dragoman.transfer import Transfer
from dragoman.types.attempts import Attempt
from dragoman.wire.status import request_id_of

# The same as `observe.logs` says of a call's beginning and end, and redacted there.
_log: Final = logging.getLogger("dragoman.call")


class Entry:
    """
    The line of one request.

    Args:
        context: The call, whose ledger it stands in.
        transfer: The request.
        provider: Name of the provider row.
        model: Model name as sent; empty where none was.
    """

    def __init__(self, context: Context, transfer: Transfer, provider: str, model: str) -> None:
        self._context = context
        self._transfer = transfer
        self._provider = provider
        self._model = model
        self._slot: int | None = None  # where the line stands
        self._waited, context.waited = context.waited, 0.0
        self._paced, context.paced = context.paced, 0.0
        if context.slots is not None:
            self._reserve(context.slots)

    def _reserve(self, slots: list[int]) -> None:
        """A request beside others has its line from the start, so that lines stand in the order of sending."""
        self._slot = len(self._context.attempts)
        slots.append(self._slot)
        pending = Attempt(provider=self._provider, model=self._model, outcome="pending", waited=self._waited)
        self._context.attempts.append(pending)

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request, once its headers are there."""
        return request_id_of(self._transfer.headers)

    def write(self, outcome: str, error: DragomanError | None = None, *, maybe_billed: bool = False) -> None:
        """Write the line, or replace it."""
        transfer, ledger = self._transfer, self._context.attempts
        attempt = Attempt(
            provider=self._provider,
            model=self._model,
            outcome=outcome,
            status=transfer.status,
            code=error.code if error else None,
            request_id=self.request_id,
            waited=self._waited,
            paced=self._paced,
            seconds=self._context.runtime.now() - transfer.sent_at,
            maybe_billed=maybe_billed or (error is not None and _maybe_billed(error)),
        )
        if _log.isEnabledFor(logging.DEBUG):
            self._say(attempt)
        if self._slot is None:
            self._slot = len(ledger)
            ledger.append(attempt)
        else:
            ledger[self._slot] = attempt

    def _say(self, attempt: Attempt) -> None:
        _log.debug(
            "call=%s request provider=%s model=%s outcome=%s status=%s code=%s request_id=%s waited=%.6f seconds=%.6f",
            self._context.key,
            attempt.provider,
            attempt.model,
            attempt.outcome,
            attempt.status,
            attempt.code,
            attempt.request_id,
            attempt.waited,
            attempt.seconds,
        )

    def cancelled(self, error: BaseException) -> None:
        """Write the line of a request that its caller stopped waiting for; the provider may work on, and charge."""
        self.write(type(error).__name__, maybe_billed=True)

    def complete(self, error: DragomanError) -> None:
        """Write the line of a request that failed, and tell its error who, which request, and what came before."""
        forget_locals(error)
        error.provider = error.provider or self._provider
        error.model = error.model or self._model or None
        error.request_id = error.request_id or self.request_id
        self.write(type(error).__name__, error)
        error.attempts = tuple(self._context.attempts)


def _maybe_billed(error: DragomanError) -> bool:
    """Whether the provider may charge: the request left, and nothing says that it was refused."""
    if isinstance(error, TimeoutError):
        return error.clock != "connect"
    return isinstance(error, StreamInterrupted | WireError)
