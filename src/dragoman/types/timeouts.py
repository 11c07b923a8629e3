"""The four clocks of a call."""

from __future__ import annotations

import math

import msgspec

from dragoman.errors import ConfigError


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """
    How long a call may wait.  All values are seconds; None waits for ever.

    Attributes:
        connect: To open the connection: name resolution, proxy and TLS included.
        first_event: From the last byte sent to the first content event.  Reasoning models are silent for minutes, so
            this is longer than it looks reasonable.
        idle: Longest silence between data events; comments and pings do not count.
        total: The whole call, retries and waits included.

    Raises:
        ConfigError: A value is not a positive number.

    .. versionadded:: 0.1
    """

    connect: float | None = 10.0
    first_event: float | None = 600.0
    idle: float | None = 300.0
    total: float | None = 3600.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            check_seconds(getattr(self, name), f"timeouts.{name}")


def check_seconds(value: object, field: str) -> None:
    """Raise ConfigError unless `value` is None or a positive, finite number."""
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:  # type: ignore[operator,arg-type]
        raise ConfigError(f"{field} is {value!r}: give seconds as a positive number, or None for no limit", field=field)
