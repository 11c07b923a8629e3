"""
What a provider's 429 says: which limit, for how long, and whether waiting helps at all.

Some vendors send no headers and say it in the body: Gemini's `RetryInfo` and `QuotaFailure`, Groq's
`Limit 6000, Used 5500, Requested 700`, OpenAI's `Please try again in 1.78s`.

Rule: only a rate is waited for.  A daily cap is parked until it is back; quota and spend limits fail at once.
An overload (503, 529) says nothing about any limit.

Sources: FACTS section 2; Gemini error details (google.rpc); messages of Groq and OpenAI as public issues show them.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from dragoman.errors import DragomanError, OverloadedError, QuotaError, RateLimitError
from dragoman.policy.limit.resets import duration

RefusalKind = Literal["rate", "daily", "spend", "quota", "overload"]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """
    Why a provider refused.

    Attributes:
        kind: `rate` passes in seconds, `daily` at the provider's midnight; `spend` and `quota` do not pass by waiting.
        dimension: The limit that it names (`tokens`, `requests/day`), or None.
        wait: Seconds that it asks to wait, or None.
        limit: The limit that it states, or None.
        requested: What this request would have cost, or None.
    """

    kind: RefusalKind = "rate"
    dimension: str | None = None
    wait: float | None = None
    limit: float | None = None
    requested: float | None = None

    @property
    def passes(self) -> bool:
        """Whether waiting helps, and the scope is to be slowed down for all until then."""
        return self.kind in ("rate", "daily") and not self.hopeless

    @property
    def hopeless(self) -> bool:
        """Whether the request is larger than the limit itself, so that it can never pass."""
        return self.limit is not None and self.requested is not None and self.requested > self.limit > 0


_WAIT: Final = re.compile(r"(?:try again|retry) (?:in|after)\s+(\d[\d.]*\s?(?:[a-zµ]|\d|\.){0,40})", re.IGNORECASE)
_RETRY_DELAY: Final = re.compile(r'"retryDelay"\s*:\s*"(\d{1,9}(?:\.\d{1,9})?)s"')
_NUMBERS: Final = tuple(
    (name, re.compile(rf"\b{name}:?\s+(\d[\d,]{{0,18}})", re.IGNORECASE)) for name in ("limit", "requested")
)
_WORD: Final = re.compile(r"\s*(milliseconds?|seconds?|minutes?|hours?)\.?")
_WORDS: Final = {"mi": "m", "ms": "ms", "se": "s", "ho": "h"}

# First match wins.  Gemini's quota ids end in the period (`GenerateRequestsPerDayPerProjectPerModel`).
_DAILY: Final = re.compile(r"per[ _-]?day|PerDay|\b(?:RPD|TPD)\b|daily", re.IGNORECASE)
_SPEND: Final = re.compile(r"spend(?:ing)?[ _-]?(?:limit|cap|based)|budget", re.IGNORECASE)
_DIMENSIONS: Final = tuple(
    (name, re.compile(words, re.IGNORECASE))
    for name, words in (
        ("input", r"\bITPM\b|input[ _-]?tokens?"),
        ("output", r"\bOTPM\b|output[ _-]?tokens?"),
        ("images", r"images per|\bIPM\b"),
        ("tokens", r"\bTP[MDH]\b|tokens? per|token[ _-]?(?:rate|quota|limit)|TokensPer"),
        ("requests", r"\bRP[MDSH]\b|requests? per|request[ _-]?(?:rate|limit|count)|RequestsPer|number of requests?"),
    )
)


def refusal(error: DragomanError) -> Refusal | None:
    """
    What an error says about limits, or None if it says nothing about any.

    >>> from dragoman.errors import RateLimitError
    >>> told = refusal(RateLimitError("Rate limit reached on tokens per min (TPM): Please try again in 1.78s."))
    >>> (told.dimension, told.wait)
    ('tokens', 1.78)
    """
    text = f"{error.message}\n{error.body or ''}"
    if isinstance(error, OverloadedError):
        return Refusal(kind="overload", wait=error.retry_after)
    if isinstance(error, QuotaError):
        kind: RefusalKind = "daily" if _DAILY.search(text) else "spend" if _SPEND.search(text) else "quota"
    elif isinstance(error, RateLimitError):
        kind = "spend" if _SPEND.search(text) else "daily" if _DAILY.search(text) else "rate"
    else:
        return None
    facts = {name: _number(pattern, text) for name, pattern in _NUMBERS}
    wait = error.retry_after if error.retry_after is not None else waiting(text)
    return Refusal(kind=kind, dimension=_dimension(text, kind), wait=wait, **facts)


def waiting(text: str) -> float | None:
    """
    Seconds that a text asks to wait, or None.

    >>> waiting('Please try again in 6m0s.'), waiting('"retryDelay": "38s"'), waiting("retry after 12 seconds")
    (360.0, 38.0, 12.0)
    """
    delay = _RETRY_DELAY.search(text)
    if delay is not None:
        return float(delay[1])
    found = _WAIT.search(text)
    if found is None:
        return None
    shown = found[1].rstrip(". ")
    digits = re.match(r"[\d.]+", shown)
    word = _WORD.match(text, found.start(1) + (digits.end() if digits else 0))
    if digits and word:
        unit = "ms" if word[1].startswith("milli") else _WORDS[word[1][:2]]
        return duration(digits[0] + unit)
    return duration(shown.split(" ")[0]) or duration(f"{shown.split(' ')[0]}s")


def _number(pattern: re.Pattern[str], text: str) -> float | None:
    found = pattern.search(text)
    return float(found[1].replace(",", "")) if found else None


def _dimension(text: str, kind: RefusalKind) -> str | None:
    unit = next((name for name, words in _DIMENSIONS if words.search(text)), None)
    return f"{unit}/day" if unit is not None and kind == "daily" else unit
