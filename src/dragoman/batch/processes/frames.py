"""
What a driver and its worker say to each other over a socket pair.

    frame    length of the payload (8 bytes, little-endian), kind (1), payload

Rule: a frame is whole or is not there.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Final, cast

_HEAD: Final = struct.Struct("<QB")


class Say(IntEnum):
    """What a frame says."""

    ABOUT = 1  # who the worker is, from it, first of all
    OPEN = 2  # what its client is made of
    OPENED = 3  # empty, or why it cannot be made
    TAKE = 4  # rows
    DROP = 5  # numbers of rows
    TOLD = 6  # outcomes; of none, that it lives
    CLOSE = 7


class Frames(asyncio.Protocol):
    """
    One end.

    Args:
        take: Called with each frame that comes.
        over: Called once, when nothing can come any more.
    """

    def __init__(self, take: Callable[[int, bytes], None], over: Callable[[], None]) -> None:
        self._take = take
        self._over = over
        self._held = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        held = self._held
        held += data
        while len(held) >= _HEAD.size:
            length, kind = _HEAD.unpack_from(held)
            end = _HEAD.size + length
            if len(held) < end:
                return
            payload = bytes(memoryview(held)[_HEAD.size : end])
            del held[:end]
            self._take(kind, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over()

    def send(self, kind: Say, payload: bytes = b"") -> None:
        """Say something; it goes as the other end reads.  Nothing, once the connection is over."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines((_HEAD.pack(len(payload), kind), payload))

    def close(self) -> None:
        """Let the connection go at once.  Idempotent."""
        if self._transport is not None:
            self._transport.abort()
