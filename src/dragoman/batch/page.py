"""
The report of a batch as one HTML page: tables, and plots as SVG inside of it.

Rule: the page needs nothing else, runs nothing, and everything that is not ours is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from html import escape
from itertools import pairwise

from dragoman.types.batches import BatchPoint, BatchReport

_WIDE, _HIGH, _LEFT, _UNDER = 640, 180, 64, 28

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1f24; max-width: 45rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .2rem 1rem .2rem 0; text-align: left; font-weight: normal }
th { color: #57606a } td { font-variant-numeric: tabular-nums }
svg { width: 100%; height: auto } .axis { stroke: #d0d7de } .line { fill: none; stroke: #0969da; stroke-width: 2 }
.bar { fill: #0969da } text { font: 11px system-ui, sans-serif; fill: #57606a }
.warn { background: #fff8c5; padding: .5rem 1rem }
@media (prefers-color-scheme: dark) {
  body { background: #0d1117; color: #e6edf3 } th, text { color: #8d96a0; fill: #8d96a0 } .axis { stroke: #30363d }
  .line { stroke: #4493f8 } .bar { fill: #4493f8 } .warn { background: #3a2d00 }
}
"""


def page(report: BatchReport, title: str) -> str:
    """
    Make the page.

    Args:
        report: What it says.
        title: Name of the batch, such as its output file.
    """
    remarks = [text for text in (report.waiting, report.stopped and f"stopped: {report.stopped}") if text]
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f'<p class="warn">{escape(text)}</p>' for text in remarks),
        _table(_figures(report)),
        _section("Cost by part", _table((name, dollars(part)) for name, part in report.cost_parts.items())),
        _section("Failed rows", _table((name, f"{count:,}") for name, count in report.errors.items())),
        _section("Rows per second", _over_time(report.timeline, lambda point: float(point.rows), rate=True)),
        _section("Spend, US dollars", _over_time(report.timeline, lambda point: float(point.cost), rate=False)),
        _section("Latency", _bars(list(report.latencies.items()))),
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{"".join(parts)}\n</body></html>\n'


def dollars(amount: Decimal) -> str:
    """An amount with at least four places, and as many more as a small one needs."""
    if not amount or amount >= Decimal("0.01"):
        return f"${amount:,.4f}"
    return f"${amount:,.8f}".rstrip("0")


def _figures(report: BatchReport) -> Iterable[tuple[str, str]]:
    of = "" if report.rows is None else f" of {report.rows:,}"
    yield "answered", f"{report.done:,}{of}"
    yield "failed", f"{report.failed:,}"
    yield "from earlier runs", f"{report.reused:,}"
    unpriced = f", and {report.unpriced:,} answers of unknown price" if report.unpriced else ""
    yield "cost", dollars(report.cost) + unpriced
    if report.projected is not None and report.left:
        yield "cost of all rows, projected", dollars(report.projected)
    yield "tokens in", f"{report.input_tokens:,}, of them {report.cached_tokens:,} cached"
    yield "tokens out", f"{report.output_tokens:,}"
    yield "requests", f"{report.attempts:,}, of them {report.refused:,} refused with 429"
    for name, at in report.latency_ms.items():
        yield f"latency, {name}", _milliseconds(at)
    yield "time", f"{report.seconds:,.1f} s"
    yield "rate", f"{report.rows_per_second:,.1f} rows/s, {report.tokens_per_minute:,.0f} tokens/min"


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{content}\n" if content else ""


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>\n" for name, value in rows)
    return f"<table>{cells}</table>" if cells else ""


# --- plots ------------------------------------------------------------------------------------------------------------


def _over_time(points: Sequence[BatchPoint], of: Callable[[BatchPoint], float], *, rate: bool) -> str:
    places = [(point.seconds, of(point)) for point in points]
    if rate:
        places = [
            (after[0], (after[1] - before[1]) / (after[0] - before[0]))
            for before, after in pairwise(places)
            if after[0] > before[0]
        ]
    if len(places) < 2:
        return ""
    end, most = places[-1][0], max(value for _, value in places)
    if not most:
        return ""
    spots = " ".join(f"{_x(at / end):.1f},{_y(value / most):.1f}" for at, value in places)
    return _frame(f'<polyline class="line" points="{spots}"/>', f"{most:,.6g}", "0 s", f"{end:,.0f} s")


def _bars(buckets: Sequence[tuple[float, int]]) -> str:
    if not buckets:
        return ""
    most, wide = max(count for _, count in buckets), 1 / len(buckets)
    bars = "".join(
        f'<rect class="bar" x="{_x(place * wide):.1f}" y="{_y(count / most):.1f}" '
        f'width="{max(1.0, (_WIDE - _LEFT) * wide - 1):.1f}" height="{_HIGH - _y(count / most):.1f}">'
        f"<title>from {_milliseconds(low)}: {count:,}</title></rect>"
        for place, (low, count) in enumerate(buckets)
    )
    return _frame(bars, f"{most:,}", _milliseconds(buckets[0][0]), f"{_milliseconds(buckets[-1][0])} (logarithmic)")


def _frame(content: str, most: str, first: str, last: str) -> str:
    axes = f'<path class="axis" d="M{_LEFT} 8V{_HIGH}H{_WIDE}" fill="none"/>'
    marks = (
        f'<text x="{_LEFT - 6}" y="16" text-anchor="end">{most}</text>'
        f'<text x="{_LEFT - 6}" y="{_HIGH}" text-anchor="end">0</text>'
        f'<text x="{_LEFT}" y="{_HIGH + 18}">{first}</text>'
        f'<text x="{_WIDE}" y="{_HIGH + 18}" text-anchor="end">{last}</text>'
    )
    return f'<svg viewBox="0 0 {_WIDE} {_HIGH + _UNDER}" role="img">{axes}{content}{marks}</svg>'


def _x(part: float) -> float:
    return _LEFT + part * (_WIDE - _LEFT)


def _y(part: float) -> float:
    return 8 + (1 - part) * (_HIGH - 8)


def _milliseconds(value: float) -> str:
    return f"{value / 1000:,.2f} s" if value >= 1000 else f"{value:,.3g} ms"
