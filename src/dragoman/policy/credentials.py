"""
The middleware that has a call use the right key: the one whose turn it is, looked up if need be, and another one where
the provider refused it.

A look-up may wait, which counts as connecting.  After a refusal (401) the key is looked up anew, or the next of several
is taken; only if there is another one is the error marked as one to try again, and then the retry, which owns all
attempts, does.

Rule: a key that someone else has chosen for the call (`context.credential`) is not touched.
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from dragoman.errors import AuthenticationError, ConfigError, TimeoutError
from dragoman.policy.base import Context, Handler, Opened
from dragoman.secrets.secret import Secret
from dragoman.types.requests import ChatRequest

if TYPE_CHECKING:
    from dragoman.secrets.source import KeySource

T = TypeVar("T")


class Credentials:
    """
    Gives the calls of one client their keys.

    Args:
        find: The source of the keys for a model, or None where there is one key or none, and nothing to choose.
    """

    def __init__(self, find: Callable[[str], KeySource | None]) -> None:
        self._find = find

    def wrap(self, handler: Handler) -> Handler:
        """The middleware for chat."""

        def handle(request: ChatRequest, context: Context) -> Awaitable[Opened]:
            source = None if context.credential is not None else self._find(request.model)
            if source is None:
                return handler(request, context)
            return under(source, lambda: handler(request, context), context)

        return handle


async def under(source: KeySource, once: Callable[[], Awaitable[T]], context: Context) -> T:
    """
    Do what makes one request, with a key of `source`.

    Raises:
        ConfigError: The key cannot be looked up.
        TimeoutError: Not in time (clock `connect` or `total`).
        AuthenticationError: The key was refused; retryable if there is another one now.
    """
    key = source.take() if source.ready else await in_time(source.take, context, source.provider)
    context.credential = key
    try:
        return await once()
    except AuthenticationError as error:
        if await _renewed(source, key, error, context):
            error.retryable, error.retry_after = True, 0.0
        raise
    finally:
        context.credential = None


async def in_time(work: Callable[[], T], context: Context, provider: str, model: str | None = None) -> T:
    """
    Do what looks for credentials and may wait, which counts as connecting.

    Raises:
        TimeoutError: It was not done in time.
    """
    until = context.clocks.until("connect", context.runtime.now())
    try:
        return await context.runtime.run_blocking(work, until)
    except builtins.TimeoutError as error:
        clock = context.clocks.ran_out("connect", context.runtime.now())
        raise TimeoutError(
            f"no credentials were found in time (clock: {clock}; raise it with Timeouts({clock}=...))",
            clock=clock,
            limit=getattr(context.clocks.timeouts, clock),
            provider=provider,
            model=model,
        ) from error


async def _renewed(source: KeySource, key: Secret, refusal: AuthenticationError, context: Context) -> bool:
    """Whether there is another key; why it could not be looked up is noted on the refusal, which is what happened."""
    try:
        return await in_time(lambda: source.renew(key), context, source.provider)
    except (ConfigError, TimeoutError) as error:
        refusal.add_note(f"the key could not be looked up again: {error}")
        return False
