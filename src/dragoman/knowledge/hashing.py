"""
Vectors that need no model: hashed words and pieces of words.

Each word of a text, and each three letters of it, adds to a few of 480 numbers that a hash chooses.  So a misspelt or
inflected word is still near, and a Chinese word needs no dictionary.  A question's words weigh by how rare they are in
the base (idf); a document's do not, so that its vector stays right while the base grows.

It knows nothing of meaning: a synonym is as far as any other word.

Source: Weinberger et al., "Feature hashing for large scale multitask learning" (2009).
"""

from __future__ import annotations

import math
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from dragoman.knowledge.analysis import STOP, terms

MODEL: Final = "local/hash"
DIMENSIONS: Final = 480  # two such vectors fit into a page of SQLite; of 512 numbers, one
_PIECE: Final = 0.5  # weight of three letters beside the word itself


def document_vector(text: str) -> bytes:
    """The vector of a text, of length 1, as little-endian 32-bit floats."""
    counts = Counter(term for term in terms(text) if len(term) > 1 or term.isascii())
    return packed(_sum((term, 1 + math.log(count)) for term, count in counts.items()))


def question_vector(asked: Iterable[str], seen: Mapping[str, int], chunks: int) -> list[float]:
    """
    The vector of a question.

    Args:
        asked: Its terms.
        seen: In how many pieces each is; one that is missing is in none.
        chunks: How many pieces there are.
    """
    weights = ((term, math.log(1 + (chunks + 1) / (seen.get(term, 0) + 0.5))) for term in asked)
    return unit(_sum(weights))


def unit(vector: list[float]) -> list[float]:
    """The same direction, of length 1; a vector of nothing stays."""
    length = math.sqrt(sum(number * number for number in vector))
    return [number / length for number in vector] if length else vector


def packed(vector: list[float]) -> bytes:
    """A vector of length 1 as little-endian 32-bit floats."""
    numbers = array("f", unit(vector))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _sum(weights: Iterable[tuple[str, float]]) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for term, weight in weights:
        if term not in STOP:
            for at, part in _features(term):
                vector[at] += weight * part
    return vector


@lru_cache(65536)
def _features(term: str) -> tuple[tuple[int, float], ...]:
    found = [_feature(term, 1.0)]
    if len(term) > 3:
        edged = f"^{term}$"
        found += [_feature(edged[at : at + 3], _PIECE) for at in range(len(edged) - 2)]
    return tuple(found)


def _feature(text: str, weight: float) -> tuple[int, float]:
    number = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return number % DIMENSIONS, weight if number & 0x8000_0000 else -weight
