"""
All vectors of a base in memory, and which are nearest to one.

With numpy it is one product.  Without it, a vector that is mostly zeros (`local/hash` of a question) is multiplied
column by column; a full one is first compared by the signs of its numbers, a bit each, which finds the few hundred
that are then multiplied exactly.

Rule: vectors have length 1, so that the product is the cosine.
"""

from __future__ import annotations

import heapq
import sys
from array import array
from collections.abc import Collection, Iterable, Sequence
from importlib import import_module
from itertools import compress
from operator import mul
from typing import Any, Final

_SIGNS: Final = bytes(int(byte >= 128) for byte in range(256))
_CANDIDATES: Final = 400  # pieces that are multiplied exactly, at least
_SPARSE: Final = 4  # a question with fewer than one number in so many that is not zero is multiplied by columns

Found = list[tuple[int, float]]
"""Number of a piece and its cosine, the nearest first."""


class Vectors:
    """
    Args:
        rows: Number of a piece, number of its document, vector as little-endian 32-bit floats.
        numpy: Whether numpy is used, if it is there.
    """

    def __init__(self, rows: Sequence[tuple[int, int, bytes]], *, numpy: bool = True) -> None:
        self.chunks = [row[0] for row in rows]
        self.documents = [row[1] for row in rows]
        self._data = b"".join(row[2] for row in rows)
        self.dimensions = len(rows[0][2]) // 4 if rows else 0
        self._numpy = _library() if numpy else None
        self._matrix: Any = None
        self._numbers: array[float] = array("f")
        self._signs: list[int] = []
        if self._numpy is not None:
            matrix = self._numpy.frombuffer(self._data, dtype="<f4")
            self._matrix = matrix.reshape(len(rows), self.dimensions) if rows else matrix

    def nearest(self, question: Sequence[float], count: int, documents: Collection[int] | None = None) -> Found:
        """
        The nearest pieces.

        Args:
            question: A vector of length 1.
            count: How many at most.
            documents: Numbers of the documents in which to look; None for all.
        """
        if not self.chunks or len(question) != self.dimensions or not any(question):
            return []
        allowed = None if documents is None else [document in documents for document in self.documents]
        if self._matrix is not None:
            found = self._by_numpy(question, count, allowed)
        elif sum(1 for number in question if number) * _SPARSE < self.dimensions:
            found = self._by_columns(question, count, allowed)
        else:
            found = self._by_signs(question, count, allowed)
        return [(self.chunks[at], score) for score, at in found if score > 0]

    def _by_numpy(self, question: Sequence[float], count: int, allowed: list[bool] | None) -> list[tuple[float, int]]:
        numpy: Any = self._numpy
        scores = self._matrix @ numpy.asarray(question, dtype="<f4")
        if allowed is not None:
            scores = numpy.where(numpy.asarray(allowed), scores, -2.0)
        best = numpy.argpartition(-scores, min(count, len(scores)) - 1)[:count]
        # The product may differ in its last bit from machine to machine: equal ones stand in the order of the pieces.
        return sorted(((round(float(scores[at]), 6), int(at)) for at in best), key=_order)

    def _by_columns(self, question: Sequence[float], count: int, allowed: list[bool] | None) -> list[tuple[float, int]]:
        numbers, width = self._floats(), self.dimensions
        scores = [0.0] * len(self.chunks)
        for column, weight in enumerate(question):
            if weight:
                scores = [score + weight * x for score, x in zip(scores, numbers[column::width], strict=True)]
        return _best(zip(scores, range(len(scores)), strict=True), count, allowed)

    def _by_signs(self, question: Sequence[float], count: int, allowed: list[bool] | None) -> list[tuple[float, int]]:
        numbers, width = self._floats(), self.dimensions
        asked = _bits(_bytes(array("f", question)))
        told = int.from_bytes(bytes(1 if number else 0 for number in question), "little")  # zeros have no sign
        far = [(((signs ^ asked) & told).bit_count(), at) for at, signs in enumerate(self._signs_of_all())]
        near = heapq.nsmallest(max(_CANDIDATES, 8 * count), compress(far, allowed) if allowed is not None else far)
        exact = ((sum(map(mul, question, numbers[at * width : (at + 1) * width])), at) for _, at in near)
        return _best(exact, count, None)

    def _floats(self) -> array[float]:
        if not self._numbers:
            self._numbers = array("f", self._data)
            if sys.byteorder == "big":
                self._numbers.byteswap()
        return self._numbers

    def _signs_of_all(self) -> list[int]:
        if not self._signs:
            width = 4 * self.dimensions
            self._signs = [_bits(self._data[at : at + width]) for at in range(0, len(self._data), width)]
        return self._signs


def _best(scored: Iterable[tuple[float, int]], count: int, allowed: list[bool] | None) -> list[tuple[float, int]]:
    chosen = scored if allowed is None else compress(scored, allowed)
    return heapq.nsmallest(count, ((round(score, 6), at) for score, at in chosen), key=_order)


def _order(pair: tuple[float, int]) -> tuple[float, int]:
    return -pair[0], pair[1]


def _bits(data: bytes) -> int:
    """The signs of little-endian floats: the highest bit of every fourth byte, in a byte each."""
    return int.from_bytes(data[3::4].translate(_SIGNS), "little")


def _bytes(numbers: array[float]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _library() -> Any:
    try:
        return import_module("numpy")
    except ImportError:
        return None  # it is only faster with it
