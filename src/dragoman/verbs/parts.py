"""
What the verbs of a client may count on.

The verbs are written in modules of their own, as classes that both clients inherit; these are the client's own methods
that they call.

Rule: declarations only; `client.py` has what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.client import AsyncClient, Messages
    from dragoman.plain import Plain
    from dragoman.policy.base import Opened
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.way import Way
    from dragoman.types.requests import ChatRequest, Settings
    from dragoman.types.responses import ChatResponse


class Parts:
    """The client, as its verbs know it."""

    _plain: Plain
    _closed: bool
    _again: Callable[..., AsyncClient]

    if TYPE_CHECKING:

        def _asked(
            self, model: str | Plan, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
        ) -> tuple[ChatRequest, Way | None]: ...

        async def _whole(self, request: ChatRequest, way: Way | None = None) -> ChatResponse: ...

        async def _send(self, request: ChatRequest, way: Way | None = None) -> ChatResponse: ...

        async def _open(self, request: ChatRequest, way: Way | None = None) -> Opened: ...
