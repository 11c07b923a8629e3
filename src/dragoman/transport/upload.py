"""
Bodies that are read from a file while they are sent.

Rule: no more than one piece is in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final

from dragoman.types.http import Upload

_PIECE: Final = 1 << 18


def size_of(upload: Upload) -> int:
    """Bytes of the whole body."""
    return len(upload.head) + _length(upload) + len(upload.tail)


def pieces(upload: Upload) -> Iterator[bytes]:
    """Read it piece by piece."""
    yield upload.head
    with upload.path.open("rb") as file:
        file.seek(upload.start)
        left = _length(upload)
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            left -= len(piece)
            yield piece
    yield upload.tail


class Pieces:
    """The same for aiohttp: from its start each time that it is asked for."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in pieces(self._upload):
            if piece:
                yield piece


def _length(upload: Upload) -> int:
    return upload.path.stat().st_size - upload.start if upload.length is None else upload.length
