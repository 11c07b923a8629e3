"""
What can be wrong with a cassette.

    ConfigError
    +- CassetteError         the file, or the use that is made of it
       +- UnmatchedError     a request that is not recorded (also an AssertionError)
       +- UnusedError        a recording that was not asked for (also an AssertionError)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dragoman.errors import ConfigError


class CassetteError(ConfigError):
    """A cassette cannot be read, written or used so.  Nothing was sent."""

    def __init__(self, message: str, *, field: str = "cassette", **facts: Any) -> None:
        super().__init__(message, field=field, **facts)


class Difference(msgspec.Struct, frozen=True):
    """
    Where a request differs from a recorded one.

    Attributes:
        path: Of the field: `method`, `path`, `query.version`, `body.messages[0].content`.
        recorded: What was recorded, as shown.
        sent: What was sent, as shown.
    """

    path: str
    recorded: str
    sent: str

    def __str__(self) -> str:
        return f"{self.path}: recorded {self.recorded}, sent {self.sent}"


class UnmatchedError(CassetteError, AssertionError):
    """
    A request that no recording answers; nothing was sent.

    Attributes:
        nearest: Number of the recording that comes nearest, from 1; None if there is none.
        differences: Field by field, how the request differs from that.
    """

    def __init__(
        self, message: str, *, nearest: int | None = None, differences: Sequence[Difference] = (), **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.nearest = nearest
        self.differences = tuple(differences)


class UnusedError(CassetteError, AssertionError):
    """Recordings that no request asked for."""
