"""
Names that sort by time and need nobody to hand them out.

48 bits of milliseconds since 1970 and 80 random bits, in Crockford's base 32: 26 letters and digits that nobody
confuses.

Source: github.com/ulid/spec.
"""

from __future__ import annotations

import os
from typing import Final

_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 26


def ulid(at: float) -> str:
    """
    Make a name.

    Args:
        at: Seconds since 1970.
    """
    number = int(at * 1000) << 80 | int.from_bytes(os.urandom(10))
    return "".join(_LETTERS[number >> shift & 31] for shift in range(125, -1, -5))


def moment(name: str) -> float:
    """
    When a name was made, in seconds since 1970.

    >>> moment("01JD0000000000000000000000")
    1731900344.32
    """
    number = 0
    for letter in name.upper():
        number = number << 5 | _LETTERS.index(letter)
    return (number >> 80) / 1000
