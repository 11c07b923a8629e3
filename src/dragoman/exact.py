"""
A chat request that another program has written already: its bytes are sent, and the bytes of its answer are kept.

The policies of a client see what such a request means, and decide as for any other.  Whoever wrote it reads the answer
as the provider wrote it.

Rule: the bytes are sent only while they are what is asked.  Where middleware has changed the request, or a plan asks
another model, it is encoded like every other request, and nothing is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dragoman.policy.base import Context
from dragoman.transport.base import Exchange, Transport
from dragoman.types.http import HttpRequest
from dragoman.types.requests import ChatRequest

if TYPE_CHECKING:
    from dragoman.call import Answer

# What a request may be directed to without being another one; for the model see `Exact.says`.
_DIRECTIONS: Final = frozenset({"model", "stream"})
_FIELDS: Final = tuple(name for name in ChatRequest.__struct_fields__ if name not in _DIRECTIONS)


class Exact:
    """
    One such request, for one call: set it as `Context.exact`.

    Args:
        chat: What it means; its model is `provider/model`.
        request: What it is; with its credential only if `authorized`.
        wire: Name of its dialect.
        authorized: Whether it is sent as it is, without the credential of its provider's row.

    Attributes:
        kept: The last answer that came to these bytes, or None.
        answer: Who reads it, from its first content on; None before.
    """

    def __init__(self, chat: ChatRequest, request: HttpRequest, wire: str, *, authorized: bool = False) -> None:
        self.chat = chat
        self.request = request
        self.wire = wire
        self.authorized = authorized
        self.kept: Kept | None = None
        self.answer: Answer | None = None

    def says(self, request: ChatRequest, context: Context) -> bool:
        """Whether the bytes are what is asked."""
        ours = self.chat
        if context.plan is not None or request.model != ours.model:
            return False
        return all(getattr(request, name) is getattr(ours, name) for name in _FIELDS)

    def over(self, transport: Transport) -> Transport:
        """A transport that keeps what it reads."""
        return _Keeping(transport, self)


class Kept:
    """
    An answer as it came.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
    """

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self._pieces: list[bytes] = []

    def keep(self, piece: bytes) -> None:
        """Some more bytes of the body have come."""
        self._pieces.append(piece)

    def take(self) -> bytes:
        """Hand out what has come since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class _Keeping:
    """A transport for one request."""

    def __init__(self, transport: Transport, exact: Exact) -> None:
        self._transport = transport
        self._exact = exact

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> Exchange:
        self._exact.kept = None
        exchange = await self._transport.open(request, connect_until=connect_until, until=until)
        kept = self._exact.kept = Kept(exchange.status, exchange.headers)
        return _Kept(exchange, kept)

    def close(self) -> None:
        self._transport.close()

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Kept:
    """An exchange whose body is kept."""

    def __init__(self, exchange: Exchange, kept: Kept) -> None:
        self.status = exchange.status
        self.headers = exchange.headers
        self._exchange = exchange
        self._kept = kept

    async def read(self, until: float | None) -> bytes:
        piece = await self._exchange.read(until)
        self._kept.keep(piece)
        return piece

    def release(self) -> None:
        self._exchange.release()

    def abort(self) -> None:
        self._exchange.abort()
