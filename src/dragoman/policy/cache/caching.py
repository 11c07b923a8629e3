"""
The middleware, outermost of those that decide: what it answers costs no budget, no limit and no network.

    look into the store -> wait for who asks the same -> look for a question nearly the same -> ask, and keep

Rule: a call is never worse off for the cache.  What cannot be looked up or kept is asked as if there were none.
"""

from __future__ import annotations

import logging
from typing import Final

from dragoman.errors import DragomanError
from dragoman.policy.base import Context, Handler, Opened
from dragoman.policy.cache.cache import Cache, Scope, scope_name
from dragoman.policy.cache.known import Asked, Credential, Known, Prepare
from dragoman.policy.cache.likeness import Likeness
from dragoman.policy.cache.similar import Embed, framed
from dragoman.policy.cache.visit import Visit
from dragoman.types.requests import ChatRequest

_log: Final = logging.getLogger("dragoman.cache")


class Caching:
    """
    Answers the calls of one client from a cache, and fills it.

    Args:
        cache: Shared by any number of clients.
        prepare: Encodes a request; need not look for a key.
        credential: The key for a provider.  Asked only for a cache without a scope.
        embed: Makes vectors with a model, for a cache with `Semantic(embed="provider/model")`.
    """

    def __init__(self, cache: Cache, prepare: Prepare, credential: Credential, *, embed: Embed | None = None) -> None:
        self._cache = cache
        self._known = Known(prepare, credential)
        self._likeness = Likeness(cache, cache.semantic, self.frame, embed) if cache.semantic is not None else None
        cache.shared.clients.add(self)

    def wrap(self, handler: Handler) -> Handler:
        """The middleware for chat."""

        async def handle(request: ChatRequest, context: Context) -> Opened:
            asked = None if request.reuse is False else self._asked(request, context)
            if asked is None:
                return await handler(request, context)
            return await Visit(self._cache, self._likeness, handler, request, context, asked).open()

        return handle

    def key(self, request: ChatRequest, context: Context, scope: Scope) -> tuple[bytes, bytes]:
        """
        Scope and key of a request, as stores know them.

        Raises:
            ConfigError: It has no scope, or cannot be sent.
        """
        asked = self._known(request, context, scope)
        return asked.scope, asked.key

    def frame(self, request: ChatRequest, context: Context) -> bytes:
        """What must be the same of two questions that are compared."""
        return self._known(framed(request), context, self._cache.scope).key

    def _asked(self, request: ChatRequest, context: Context) -> Asked | None:
        """What a call is known by; None if it is not cached."""
        scope = self._cache.scope
        if scope is not None:
            scope = scope_name(scope, request)
        try:
            asked = self._known(request, context, scope)
        except DragomanError:
            return None  # what is wrong with it, the call itself says
        if asked.why_not is None:
            return asked
        self._cache.shared.count("passed")
        context.cached = "pass"
        _log.debug("a call to %s is not cached: %s", request.model, asked.why_not)
        return None
