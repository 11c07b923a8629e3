"""What providers say about limits, from recordings and by table."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.corpus.recording import SAMPLE, Recording

from dragoman.errors import AuthenticationError, DragomanError, OverloadedError, QuotaError, RateLimitError
from dragoman.policy.limit.headers import DIALECTS, Snapshot, dialect_of, snapshots
from dragoman.policy.limit.refusals import Refusal, refusal
from dragoman.policy.limit.resets import reset_seconds

ROOT = Path(os.environ.get("DRAGOMAN_CORPUS", SAMPLE))
_TELLING = re.compile(r"ratelimit-.*(?:limit|remaining)|ratelimit-(?:limit|remaining)")


def _recorded() -> list[Recording]:
    paths = (path for path in sorted(ROOT.glob("*/*.json")) if path.parent.name != "sse")
    return [found for found in map(Recording, paths) if any("ratelimit" in name for name in found.headers)]


def _told(recording: Recording) -> tuple[Snapshot, ...]:
    return snapshots(dialect_of(recording.folder.partition("-")[0]), recording.headers)


def test_every_recorded_limit_is_read() -> None:
    """All recorded headers with limits are read, and what they say makes sense."""
    problems: list[str] = []
    recorded = _recorded()
    for recording in recorded:
        told = _told(recording)
        names = {name for name in recording.headers if _TELLING.search(name)}
        columns = dialect_of(recording.folder.partition("-")[0]).columns
        unread = names - {header for column in columns for header in (column.limit, column.remaining)}
        if not told or unread:
            problems.append(f"{recording.name}: {len(told)} limits, {sorted(unread)} not read")
        problems += [f"{recording.name}: {shot}" for shot in told if not _sensible(shot)]
    assert [] == problems
    assert len(recorded) >= 20


def _sensible(shot: Snapshot) -> bool:
    fits = shot.limit is None or shot.remaining is None or 0 <= shot.remaining <= shot.limit
    known = shot.limit is not None or shot.remaining is not None
    return fits and known and (shot.reset is None or 0 <= shot.reset < 86_400)


@pytest.mark.parametrize(
    ("text", "bare", "expected"),
    [
        pytest.param("6m0s", "s", 360.0, id="go"),
        pytest.param("1h2m3.5s", "s", 3723.5, id="go-long"),
        pytest.param("120ms", "s", 0.12, id="go-ms"),
        pytest.param("33011.38", "s", 33011.38, id="seconds"),
        pytest.param("500", "ms", 0.5, id="azure-ms"),
        pytest.param("1970-01-01T00:20:30Z", "s", 1230 - 1200, id="rfc3339"),
        pytest.param("2033-05-18T03:33:30+00:00", "s", 2_000_000_010 - 1200, id="rfc3339-offset"),
        pytest.param("2000000010", "s", 2_000_000_010 - 1200, id="epoch"),
        pytest.param("2000000010000", "s", 2_000_000_010 - 1200, id="epoch-ms"),
        pytest.param("Thu, 01 Jan 1970 00:20:30 GMT", "s", 30.0, id="http-date"),
        pytest.param("1970-01-01T00:00:00Z", "s", 0.0, id="past"),
        pytest.param("soon", "s", None, id="words"),
        pytest.param("-5", "s", None, id="negative"),
        pytest.param("1" * 100, "s", None, id="long"),
        pytest.param("", "s", None, id="empty"),
    ],
)
def test_resets(text: str, bare: str, expected: float | None) -> None:
    """Every form of a reset gives seconds; moments are read against the answer's own date."""
    assert expected == reset_seconds(text, "ms" if bare == "ms" else "s", 1200.0)


def test_moments_need_the_answers_date() -> None:
    """Without a date no clock of ours stands in for it."""
    assert reset_seconds("2026-03-18T17:50:11Z", "s", None) is None


@pytest.mark.parametrize(
    ("provider", "headers", "expected"),
    [
        pytest.param(
            "groq",
            {"x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": "14370"},
            ("requests/day", 14400.0, 14370.0, 86400.0),
            id="groq-requests-are-per-day",
        ),
        pytest.param(
            "mistral",
            {"x-ratelimit-limit-req-10-second": "60", "x-ratelimit-remaining-req-10-second": "58"},
            ("requests/10s", 60.0, 58.0, 10.0),
            id="mistral",
        ),
        pytest.param(
            "cerebras",
            {"x-ratelimit-limit-tokens-minute": "60000", "x-ratelimit-remaining-tokens-minute": "59000"},
            ("tokens/minute", 60000.0, 59000.0, 60.0),
            id="cerebras",
        ),
        pytest.param(
            "openrouter",
            {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1741305600000"},
            ("requests", 20.0, 0.0, None),
            id="openrouter",
        ),
        pytest.param(
            "huggingface",
            {"ratelimit": '"api";r=999;t=295', "ratelimit-policy": '"fixed window";"api";q=1000;w=300'},
            ("requests/api", 1000.0, 999.0, 300.0),
            id="standard",
        ),
        pytest.param(
            "azure",
            {"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "500"},
            ("tokens", None, 500.0, 60.0),
            id="azure-unknown-limit",
        ),
    ],
)
def test_dialects(provider: str, headers: dict[str, str], expected: tuple[str, float, float, float]) -> None:
    """The same header names mean what they mean at that provider."""
    (shot,) = snapshots(dialect_of(provider), headers)
    assert expected == (shot.dimension, shot.limit, shot.remaining, shot.period)


@pytest.mark.parametrize("value", ["-1", "0", "nan", "inf", "many", ""])
@pytest.mark.parametrize("provider", sorted(DIALECTS))
def test_what_is_not_a_limit_is_not_known(provider: str, value: str) -> None:
    """Numbers that cannot be limits give nothing, whatever the dialect."""
    dialect = dialect_of(provider)
    headers = {name: value for column in dialect.columns for name in (column.limit, column.remaining)}
    assert () == snapshots(dialect, headers)


def test_retry_after_on_a_good_answer_means_nothing() -> None:
    """Anthropic sends it with answers of status 200; no snapshot knows of it."""
    headers = {
        "anthropic-ratelimit-requests-limit": "4000",
        "anthropic-ratelimit-requests-remaining": "3999",
        "anthropic-ratelimit-requests-reset": "2025-11-15T20:26:33Z",
        "date": "Sat, 15 Nov 2025 20:26:32 GMT",
    }
    dialect = dialect_of("anthropic")
    assert snapshots(dialect, headers) == snapshots(dialect, headers | {"retry-after": "31"})
    assert 1.0 == snapshots(dialect, headers)[0].reset


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            RateLimitError(
                "Rate limit reached for model `x` on tokens per minute (TPM): Limit 6000, Used 5500, Requested 700. "
                "Please try again in 1.78s."
            ),
            Refusal(dimension="tokens", wait=1.78, limit=6000.0, requested=700.0),
            id="groq",
        ),
        pytest.param(
            RateLimitError(
                "Rate limit reached on requests per min (RPM): Limit 3, Used 3, Requested 1. try again in 20s"
            ),
            Refusal(dimension="requests", wait=20.0, limit=3.0, requested=1.0),
            id="openai",
        ),
        pytest.param(
            RateLimitError(
                "Resource has been exhausted", body='{"quotaId": "GenerateRequestsPerMinute", "retryDelay": "38s"}'
            ),
            Refusal(dimension="requests", wait=38.0),
            id="gemini",
        ),
        pytest.param(
            RateLimitError("exhausted", body='{"quotaId": "GenerateRequestsPerDayPerProject", "retryDelay": "38.5s"}'),
            Refusal(kind="daily", dimension="requests/day", wait=38.5),
            id="gemini-day",
        ),
        pytest.param(
            RateLimitError("Rate limit exceeded: spend-based limit over 10 minutes"), Refusal(kind="spend"), id="spend"
        ),
        pytest.param(
            RateLimitError("slow down, retry after 12 seconds", retry_after=3.0), Refusal(wait=3.0), id="header-wins"
        ),
        pytest.param(RateLimitError("Please retry after 250 milliseconds."), Refusal(wait=0.25), id="milliseconds"),
        pytest.param(QuotaError("You exceeded your current quota"), Refusal(kind="quota"), id="quota"),
        pytest.param(OverloadedError("busy", retry_after=2.0), Refusal(kind="overload", wait=2.0), id="overload"),
        pytest.param(AuthenticationError("who are you"), None, id="not-a-limit"),
    ],
)
def test_refusals(error: DragomanError, expected: Refusal | None) -> None:
    """The words of a refusal say which limit, for how long, and whether waiting helps."""
    assert expected == refusal(error)


def test_a_request_larger_than_the_limit_is_hopeless() -> None:
    """Who asks for more than the limit itself need not wait."""
    told = refusal(RateLimitError("Request too large on tokens per min (TPM): Limit 6000, Requested 9,000"))
    assert told is not None
    assert told.hopeless
