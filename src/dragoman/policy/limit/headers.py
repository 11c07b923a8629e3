"""
What providers say about their limits, as data.

A dialect is a table of columns: for each dimension the names of the headers that hold its limit, what remains of it and
when it is back.  The same name means different things to different vendors (`x-ratelimit-limit-requests` is per minute
at OpenAI and per day at Groq), so a header is read only through the dialect of its provider.

A dimension is `unit` or `unit/what`: the unit is what a call is charged in (`requests`, `tokens`, `input`, `output`,
`images`), the rest tells several limits of one unit apart (`tokens/month`, `requests/day`).

Rule: a limit of 0 or less is not known (Azure sends -1 and 0).

Sources: FACTS section 2; the 147 recorded exchanges with such headers; rate limit pages of the providers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from dragoman.policy.limit.resets import BareUnit, answered_at, number, reset_seconds

ResetKind = Literal["full", "window", "unknown"]

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86400.0
MONTH: Final = 30 * DAY
# No limit takes longer to be back: the clock that said so is wrong, and would stop every call.
_LONGEST: Final = 32 * DAY
# A longer text is no span of time but a moment, which is read beside the answer's own date (1760000000).
_SPAN: Final = 9


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one answer says of one dimension.

    Attributes:
        dimension: `unit` or `unit/what`.
        limit: The most there can be, or None if not known.
        remaining: What was left when the request was admitted, or None.
        reset: Seconds until the limit is back, or None.
        kind: What `reset` counts to: the bucket being `full`, the end of a `window`, or not known.
        period: Seconds over which `limit` is counted, where the provider says so, or None.
        grain: Granularity of `remaining`, which is rounded down.
        blur: By how many seconds `reset` may be off.
        burst: Seconds of the rate that may come at once; None for the whole limit.
    """

    dimension: str
    limit: float | None = None
    remaining: float | None = None
    reset: float | None = None
    kind: ResetKind = "full"
    period: float | None = None
    grain: float = 1.0
    blur: float = 0.001
    burst: float | None = None

    @property
    def unit(self) -> str:
        """What a call is charged in."""
        return self.dimension.partition("/")[0]


class Column(msgspec.Struct, frozen=True):
    """Where a dialect says what of one dimension; names of headers in lower case, empty where it has none."""

    dimension: str
    limit: str
    remaining: str
    reset: str = ""
    renewal: str = ""  # header with the period in seconds
    period: float | None = None
    grain: float = 1.0
    burst: float | None = None


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """
    How one vendor writes its limits.

    Attributes:
        columns: One for each dimension.
        bare: Unit of a reset without one.
        kind: What a reset counts to.
        blur: By how many seconds a reset may be off.
        reserves_output: The provider charges `max_tokens` at admission, not what is generated.
        counts_cached: Tokens read from the prompt cache count.
    """

    columns: tuple[Column, ...]
    bare: BareUnit = "s"
    kind: ResetKind = "full"
    blur: float = 0.001
    reserves_output: bool = False
    counts_cached: bool = True


def _triple(what: str, dimension: str, *, burst: float | None = None, period: float | None = None) -> Column:
    """A column of the `x-ratelimit-{limit,remaining,reset}-*` family."""
    return Column(
        dimension,
        f"x-ratelimit-limit-{what}",
        f"x-ratelimit-remaining-{what}",
        f"x-ratelimit-reset-{what}",
        renewal=f"x-ratelimit-renewalperiod-{what}",
        burst=burst,
        period=period,
    )


def _anthropic(what: str, dimension: str, burst: float, grain: float) -> Column:
    base = f"anthropic-ratelimit-{what}-"
    return Column(dimension, base + "limit", base + "remaining", base + "reset", grain=grain, burst=burst)


# Limits by the minute are enforced over shorter times (OpenAI: "quantized"; Anthropic: "60 requests per minute may be
# enforced as 1 request per second"), so no more than this comes at once.
REQUEST_BURST: Final = 1.0
TOKEN_BURST: Final = 5.0
# Azure counts in windows of 1 or 10 s of its own clock: what comes at once is added to what the window brings anyway.
AZURE_BURST: Final = 0.25

_PERIODS: Final = (("minute", MINUTE), ("hour", HOUR), ("day", DAY))

_OPENAI: Final = Dialect(
    columns=(
        _triple("requests", "requests", burst=REQUEST_BURST),
        _triple("tokens", "tokens", burst=TOKEN_BURST),
        _triple("tokens_usage_based", "tokens/usage", burst=TOKEN_BURST),
        _triple("project-requests", "requests/project", burst=REQUEST_BURST),
        _triple("project-tokens", "tokens/project", burst=TOKEN_BURST),
        _triple("input-images", "images", burst=TOKEN_BURST),
    ),
    kind="unknown",  # compatible servers give the end of a window under the same names
    reserves_output=True,
)
_AZURE: Final = Dialect(
    columns=(
        _triple("requests", "requests", burst=AZURE_BURST, period=MINUTE),
        _triple("tokens", "tokens", burst=AZURE_BURST, period=MINUTE),
    ),
    bare="ms",  # recorded: 500 after one request of 120 a minute, 7 after 14 tokens of 120,000
    reserves_output=True,
)
_GROQ: Final = Dialect(
    columns=(_triple("requests", "requests/day", period=DAY), _triple("tokens", "tokens", period=MINUTE))
)
_ANTHROPIC: Final = Dialect(
    columns=(
        _anthropic("requests", "requests", REQUEST_BURST, 1.0),
        _anthropic("input-tokens", "input", TOKEN_BURST, 1000.0),
        _anthropic("output-tokens", "output", TOKEN_BURST, 1000.0),
        _anthropic("tokens", "tokens", TOKEN_BURST, 1000.0),
    ),
    blur=2.0,  # the moment and the `Date` are both in whole seconds
    counts_cached=False,
)
_MISTRAL: Final = Dialect(
    columns=(
        _triple("req-second", "requests/second", period=1.0),
        _triple("req-10-second", "requests/10s", period=10.0),
        _triple("req-minute", "requests", period=MINUTE),
        _triple("tokens-minute", "tokens", period=MINUTE),
        _triple("tokens-month", "tokens/month", period=MONTH),
    )
)
_CEREBRAS: Final = Dialect(
    columns=tuple(
        _triple(f"{unit}-{name}", f"{unit}/{name}", period=period)
        for unit in ("requests", "tokens")
        for name, period in _PERIODS
    ),
    kind="window",
    reserves_output=True,
)
_PLAIN: Final = Dialect(
    columns=(Column("requests", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"),), kind="window"
)

DIALECTS: Final[dict[str, Dialect]] = {
    "openai": _OPENAI,
    "azure": _AZURE,
    "groq": _GROQ,
    "anthropic": _ANTHROPIC,
    "mistral": _MISTRAL,
    "cerebras": _CEREBRAS,
    "openrouter": _PLAIN,
    "together": _PLAIN,
}

_IETF_POLICY: Final = re.compile(r'(?:"([^"]{1,64})"|([\w*.-]{1,64}))\s*((?:;\s*[a-z]{1,4}=\d{1,15}\s*){1,8})')
_IETF_FIELD: Final = re.compile(r"\b([a-z]{1,4})=(\d{1,15})")


def dialect_of(provider: str) -> Dialect:
    """The dialect of a provider row; those without one of their own write OpenAI's headers, or none."""
    return DIALECTS.get(provider) or DIALECTS.get(provider.partition("-")[0]) or _OPENAI


def snapshots(dialect: Dialect, headers: Mapping[str, str]) -> tuple[Snapshot, ...]:
    """
    What an answer says about limits, whatever its status; `retry-after` is not read here.

    Args:
        dialect: Of the provider.
        headers: Of the answer, names in lower case.

    >>> told = {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499"}
    >>> [(s.dimension, s.limit, s.remaining) for s in snapshots(dialect_of("openai"), told)]
    [('requests', 500.0, 499.0)]
    """
    found: list[Snapshot] = []
    date: float | None = None
    for column in dialect.columns:
        if column.limit in headers or column.remaining in headers:
            if date is None and len(headers.get(column.reset, "")) > _SPAN:
                date = answered_at(headers)
            found.append(_snapshot(dialect, column, headers, date))
    if not found and "ratelimit" in headers:
        return _standard(headers)
    return tuple(shot for shot in found if shot.limit is not None or shot.remaining is not None)


def _snapshot(dialect: Dialect, column: Column, headers: Mapping[str, str], date: float | None) -> Snapshot:
    limit = number(headers.get(column.limit))
    limit = limit if limit is not None and limit > 0 else None
    remaining = number(headers.get(column.remaining))
    # Without a limit, `0` is as often "not known" as "nothing left": Azure's Responses API sends both so.
    known = remaining is not None and (remaining > 0 or (remaining == 0 and limit is not None))
    renewal = number(headers.get(column.renewal)) if column.renewal else None
    reset = reset_seconds(headers.get(column.reset), dialect.bare, date)
    return Snapshot(
        dimension=column.dimension,
        limit=limit,
        remaining=remaining if known else None,
        reset=reset if reset is not None and reset <= _LONGEST else None,
        kind=dialect.kind,
        period=renewal if renewal is not None and renewal > 0 else column.period,
        grain=column.grain,
        blur=dialect.blur,
        burst=column.burst,
    )


def _standard(headers: Mapping[str, str]) -> tuple[Snapshot, ...]:
    """`RateLimit` and `RateLimit-Policy` of the IETF draft (draft-ietf-httpapi-ratelimit-headers)."""
    policies = _fields(headers.get("ratelimit-policy", ""))
    return tuple(
        Snapshot(
            dimension=f"requests/{name}",
            limit=policies.get(name, {}).get("q"),
            remaining=now.get("r"),
            reset=now.get("t"),
            kind="window",
            period=policies.get(name, {}).get("w"),
            blur=1.0,
        )
        for name, now in _fields(headers["ratelimit"]).items()
    )


def _fields(text: str) -> dict[str, dict[str, float]]:
    """`"name";r=999;t=295` by name; a name may be preceded by remarks in quotes (Hugging Face's "fixed window")."""
    return {
        quoted or token: {key: float(value) for key, value in _IETF_FIELD.findall(rest)}
        for quoted, token, rest in _IETF_POLICY.findall(text[:4096])
    }
