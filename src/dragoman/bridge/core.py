"""Where a request of an SDK goes: to chat, or beside it; the same for both faces."""

from __future__ import annotations

from dragoman.bridge import beside, chat
from dragoman.bridge.again import Failures
from dragoman.bridge.asked import Asked
from dragoman.bridge.reply import Reply, refused
from dragoman.bridge.rows import Rows, wire_of
from dragoman.errors import DragomanError, StatusError, TransportError, WireError
from dragoman.plain import Plain
from dragoman.transport.base import Limits


class Bridge:
    """
    Answers the requests of SDKs, with one client.

    Args:
        plain: The client.
    """

    def __init__(self, plain: Plain) -> None:
        self._plain = plain
        self._rows = Rows(plain.routes)
        self._failures = Failures()

    async def answer(self, asked: Asked) -> Reply:
        """
        Have a request answered.

        Raises:
            TransportError: The network failed, or a clock ran out.
            WireError: What came is not the protocol.
        """
        failed = self._failures.of(asked)
        if failed is not None:
            raise failed
        dialect = wire_of(asked.method, asked.path)
        try:
            return await self._answer(asked, dialect)
        except (TransportError, WireError) as error:
            self._failures.keep(asked, error)
            raise
        except DragomanError as error:
            return refused(error, None, dialect or "openai-chat")

    async def _answer(self, asked: Asked, dialect: str | None) -> Reply:
        row = self._rows.at(asked.url, dialect, asked.credential.headers)
        request = chat.decode(asked, dialect) if row is not None else None
        if row is None or request is None or dialect is None:
            return await beside.answer(self._plain, row, asked)
        return await chat.answer(self._plain, row, asked, request, dialect)


def too_large(path: str) -> Reply:
    """The answer to a request whose body is above the limit."""
    error = StatusError(
        f"the request's body is larger than {Limits.body} bytes; nothing was sent: send it in parts", status=413
    )
    return refused(error, None, wire_of("POST", path) or "openai-chat")
