"""
One connection to Redis on each face, over redis-py's own.

Only its connections and its protocol are used: its client and pool reconnect and send again by themselves, which a
command whose outcome is unknown must not be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from dragoman.drivers.base import Clockout, Lost, left, library
from dragoman.drivers.deadline_socket import DeadlineSocket
from dragoman.drivers.pool import silence
from dragoman.drivers.redis_address import Address
from dragoman.drivers.redis_failures import is_refusal

Command = Sequence[str | bytes | int | float]


class Refused(Exception):
    """The server answered with an error and ended the connection; the cause is redis-py's error."""


class BlockingLink:
    """A connection that one thread uses at a time."""

    def __init__(self, address: Address, until: float) -> None:
        """Open it.  A name that does not resolve may keep this beyond `until`: call it in a thread of its own."""
        module = library("redis.connection", "redis")
        wait = left(until)
        self._errors: tuple[type[Exception], ...] = (module.RedisError, OSError)
        self._connection = _with_deadline(getattr(module, address.kind))(
            **address.options, protocol=2, socket_timeout=wait, socket_connect_timeout=wait
        )
        self._connection.until = until
        try:
            self._connection.connect()
        except BaseException:
            self._connection.disconnect()
            raise

    def fileno(self) -> int:
        """Its descriptor, -1 once closed."""
        sock = self._connection._sock
        return -1 if sock is None else int(sock.fileno())

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """
        Send commands and return their answers; an error reply stands as an exception at its place.

        Raises:
            Clockout: `until` passed.
            Lost: The connection broke.
            Refused: The server did not take the commands.
        """
        connection = self._connection
        connection._sock.until = until
        packed = connection.pack_commands(commands)
        try:
            connection.send_packed_command(packed, check_health=False)
            return [self._answer() for _ in commands]
        except self._errors as error:
            raise (Refused if is_refusal(error) else Lost)(str(error)) from error

    def _answer(self) -> Any:
        try:
            return self._connection.read_response()
        except self._errors as error:
            if self._connection._sock is None:
                raise
            return error

    async def close(self) -> None:
        """End it now."""
        self._connection.disconnect()

    def drop(self) -> None:
        """End it now: it belongs to no loop."""
        self._connection.disconnect()


class AsyncLink:
    """A connection that one task of one loop uses at a time."""

    def __init__(self, address: Address) -> None:
        """Does nothing yet: `open` connects."""
        module = library("redis.asyncio.connection", "redis")
        self._errors: tuple[type[Exception], ...] = (module.RedisError, OSError)
        self._connection = getattr(module, address.kind)(
            **address.options, protocol=2, socket_timeout=None, socket_connect_timeout=None
        )

    async def open(self, until: float) -> None:
        """
        Connect, in the running loop.

        Raises:
            Clockout: `until` passed.
        """
        try:
            async with _Bounded(until):
                await self._connection.connect()
        except BaseException:
            await self.close()
            raise

    def fileno(self) -> int:
        """Its descriptor, -1 once closed."""
        writer = self._connection._writer
        if writer is None or writer.is_closing():
            return -1
        return int(writer.get_extra_info("socket").fileno())

    async def exchange(self, commands: Sequence[Command], until: float) -> list[Any]:
        """As on the blocking face."""
        connection = self._connection
        packed = connection.pack_commands(commands)
        try:
            async with _Bounded(until):
                await connection.send_packed_command(packed, check_health=False)
                return [await self._answer() for _ in commands]
        except self._errors as error:
            raise (Refused if is_refusal(error) else Lost)(str(error)) from error

    async def _answer(self) -> Any:
        try:
            return await self._connection.read_response()
        except self._errors as error:
            if not self._connection.is_connected:
                raise
            return error

    async def close(self) -> None:
        """End it now, whatever is still to be sent."""
        writer = self._connection._writer
        if writer is not None:
            writer.transport.abort()
        await self._connection.disconnect(nowait=True)

    def drop(self) -> None:
        """Let go of the socket."""
        silence(self.fileno())


class _Bounded:
    """`asyncio.timeout`, up to a time on the monotonic clock; when it passes, that is a `Clockout`."""

    def __init__(self, until: float) -> None:
        self._scope = asyncio.timeout(left(until))

    async def __aenter__(self) -> None:
        await self._scope.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError:
            raise Clockout from None


@lru_cache
def _with_deadline(kind: Any) -> Any:
    """A class of redis-py's connections whose socket has a deadline."""

    def connect(self: Any) -> DeadlineSocket:
        return DeadlineSocket(kind._connect(self), self.until)

    return type(kind.__name__, (kind,), {"_connect": connect})
