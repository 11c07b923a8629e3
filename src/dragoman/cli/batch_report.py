"""The report of a batch for people and for programs: as text, as JSON, as a page, as a line that changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from dragoman.batch.page import dollars, page
from dragoman.errors import ConfigError
from dragoman.types.batches import BatchReport


def as_json(report: BatchReport) -> dict[str, Any]:
    """The report with its amounts as numbers."""
    told: dict[str, Any] = msgspec.to_builtins(report, str_keys=True)
    told["cost"] = float(report.cost)
    told["projected"] = None if report.projected is None else float(report.projected)
    told["cost_parts"] = {name: float(part) for name, part in report.cost_parts.items()}
    told["timeline"] = [{**point, "cost": float(point["cost"])} for point in told["timeline"]]
    return told


def write_page(report: BatchReport, path: str, title: str) -> None:
    """
    Write the report as a page.

    Raises:
        ConfigError: It cannot be written there.
    """
    try:
        Path(path).write_text(page(report, title), "utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}", field="html") from error


def lines(report: BatchReport) -> Iterator[str]:
    """What is to be said at the end, beside the report's own line."""
    if report.cost_parts:
        yield "cost: " + ", ".join(f"{name} {dollars(part)}" for name, part in report.cost_parts.items())
    if report.latency_ms:
        yield "latency: " + ", ".join(f"{name} {at:,.0f} ms" for name, at in report.latency_ms.items())
    if report.attempts:
        yield f"requests: {report.attempts:,}, of them {report.refused:,} refused with 429"
    yield f"time: {report.seconds:,.1f} s, {report.rows_per_second:,.1f} rows/s, {_tokens(report)}"


def progress(report: BatchReport) -> str:
    """The line that changes while it runs."""
    settled = report.done + report.failed
    of = "" if report.rows is None else f"/{report.rows:,}"
    text = f"{settled:,}{of} rows, {report.failed:,} failed, {report.rows_per_second:,.1f}/s, {_tokens(report)}"
    text += f", {dollars(report.cost)}"
    if report.projected is not None and report.left:
        text += f" of {dollars(report.projected)}"
    if report.waiting:
        return f"{text}; {report.waiting}"
    if report.eta_seconds is not None and report.left:
        text += f", {_time(report.eta_seconds)} left"
    return text


def _tokens(report: BatchReport) -> str:
    of = "" if report.tokens_limit is None else f" of {report.tokens_limit:,.0f}"
    return f"{report.tokens_per_minute:,.0f}{of} tokens/min"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
