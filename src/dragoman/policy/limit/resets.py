"""
The forms in which providers say when a limit comes back.

Durations as Go prints them (`6m0s`, `1.78s`, `120ms`), bare seconds, bare milliseconds (Azure), seconds or milliseconds
since 1970 (OpenRouter), RFC 3339 (Anthropic) and HTTP dates.

Rule: a moment is read against the answer's own `Date`, so that no clock of ours is needed and skew does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal

_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|us|µs|ns|d|h|m|s))+\Z")
_PIECE: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")
_SECONDS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

# Bare numbers above these are moments: no limit takes thirty years to come back.
_EPOCH_MS: Final = 1e12
_EPOCH_S: Final = 1e9
_LONGEST: Final = 64

BareUnit = Literal["s", "ms"]


def number(text: str | None) -> float | None:
    """
    A finite number, or None for anything else.

    >>> number("12"), number("nan"), number("soon"), number(None)
    (12.0, None, None, None)
    """
    if text is None or len(text) > _LONGEST:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def duration(text: str) -> float | None:
    """
    Seconds of a duration with units, or None.

    >>> duration("6m0s"), duration("120ms"), duration("1h2m3.5s"), duration("6")
    (360.0, 0.12, 3723.5, None)
    """
    text = text.strip()
    if len(text) > _LONGEST or not _DURATION.match(text):
        return None
    return sum(float(count) * _SECONDS[unit] for count, unit in _PIECE.findall(text))


def answered_at(headers: Mapping[str, str]) -> float | None:
    """Seconds since 1970 at which the provider says it answered (its `Date`), or None."""
    return _http_date(headers.get("date", ""))


def reset_seconds(text: str | None, bare: BareUnit, date: float | None) -> float | None:
    """
    Seconds until a limit is back, from any of the forms; None if it cannot be read.

    Args:
        text: The header's value.
        bare: Unit of a number without one.
        date: What the answer says the time is, in seconds since 1970.

    >>> reset_seconds("2026-03-18T17:50:11Z", "s", 1773856201.0)
    10.0
    """
    if not text or len(text) > _LONGEST:
        return None
    value = number(text)
    if value is not None:
        return _bare(value, bare, date)
    seconds = duration(text)
    if seconds is not None:
        return seconds
    moment = _rfc3339(text)
    moment = _http_date(text) if moment is None else moment
    return None if moment is None or date is None else max(0.0, moment - date)


def _bare(value: float, unit: BareUnit, date: float | None) -> float | None:
    if value < 0:
        return None
    if value < _EPOCH_S:
        return value * _SECONDS[unit]
    moment = value / 1000 if value >= _EPOCH_MS else value
    return None if date is None else max(0.0, moment - date)


def _rfc3339(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _http_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # 4 ms; few providers give a date

    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
