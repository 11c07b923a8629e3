"""
`conversation` of a client of either face, with another way to have a turn answered.

The kit's turn asks the model as often as its checks need, inside of one durable turn.  So it takes the verb as it is,
and puts its own coroutine where the client's stands.

Rule: stores are the client's: opened once, and closed with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from dragoman.client import AsyncClient, Client
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.verbs.talking import AsyncTalks

Send = Callable[[ChatRequest, Any], Awaitable[ChatResponse]]
"""Has a request answered, by a plan or by its model."""


class Answering(AsyncTalks):
    """
    Args:
        client: Whose models, stores and policies.
        send: Has a request answered; the client itself by default.
    """

    def __init__(self, client: Client | AsyncClient, send: Send | None = None) -> None:
        # The parts of a client that a conversation needs; `AsyncTalks` names them.
        self._plain = client._plain  # pyright: ignore[reportPrivateUsage]
        self._asked = client._asked  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]
        self._open = client._open  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]
        self._rounds = client._rounds  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]
        self._parsed = client._parsed  # type: ignore[method-assign]  # pyright: ignore[reportPrivateUsage]
        self._send = send or sender(client)  # type: ignore[method-assign,assignment]
        self._stores = client.__dict__.setdefault("_stores", {})


def sender(client: Client | AsyncClient) -> Send:
    """How a client has a request answered, as a coroutine for both faces."""
    return client._send  # pyright: ignore[reportPrivateUsage]
