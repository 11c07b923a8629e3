"""Figures of a run: the projected bill, parts of the cost, latencies, attempts; as text, JSON and a page."""

from __future__ import annotations

import asyncio
import json
import random
import xml.etree.ElementTree as ElementTree
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client, ConfigError, Limit, Retry
from dragoman.batch.figures import Latencies, Projection, Timeline
from dragoman.batch.page import page
from dragoman.batch.recall import standing
from dragoman.cli.batch_report import as_json, lines, progress
from dragoman.testing import Server, calls, says, status
from dragoman.types.batches import BatchPoint, BatchReport
from dragoman.types.usage import Usage
from tests.batch.rows import line, write

PRICED = {"prices": [{"input": "2", "output": "8", "cache_read": "0.5"}], "max_output": 4000}


def _priced(url: str) -> dict[str, Any]:
    return {
        "providers": {"fake": {"base_url": url, "api_key": "k", "wire": "openai-chat"}},
        "models": {"fake/m": PRICED},
        "limit": None,
        "retry": Retry(base=0.001),
    }


@pytest.mark.parametrize("short_first", [True, False])
def test_the_bill_is_known_after_200_rows(tmp_path: Path, short_first: bool) -> None:
    """Prompts and answers of many lengths, sorted by length or not, slow where they are long: within 5 % at row 200."""
    rng = random.Random(8)
    words = [max(1, round(rng.lognormvariate(4, 0.7))) for _ in range(2000)]
    if short_first:
        words.sort()
    source = write(tmp_path / "in.jsonl", (line(number, "w " * count) for number, count in enumerate(words)))
    lengths = random.Random(9)

    async def ask(chat: Any) -> Any:
        read = len(chat.messages[0].text) // 2 + 8
        given = max(1, round(read * 0.8 * lengths.uniform(0.6, 1.4)))
        await asyncio.sleep(given / 20_000)
        return says("ok", usage=Usage(input_tokens=read, output_tokens=given))

    projected: list[Decimal] = []
    with Server(default=calls(ask)) as server, Client(**_priced(server.base_url())) as client:
        batch = client.batch(source, model="fake/m", start=False, window=64)
        for number, _ in enumerate(batch.results()):
            if number >= 199 and not projected:
                report = batch.report
                assert report.projected is not None
                assert report.done < 1200  # it is early
                projected.append(report.projected)
        bill = batch.report

    assert bill.cost == bill.projected
    assert pytest.approx(float(bill.cost), rel=0.05) == float(projected[0])


def test_rows_count_in_their_order_for_the_projection() -> None:
    """The fastest of those under way are not taken for all; one row that stalls does not hold the estimate for ever."""
    projection = Projection()
    projection.total = 1000 * 10
    for place in (3, 1, 2):
        projection.add(place, 10, 0.001)
    assert projection.left(997) is None
    projection.add(0, 10, 0.005)
    assert pytest.approx(996 * 0.002) == projection.left(996)

    stalled = Projection()
    stalled.total = 6000 * 10
    for place in range(1, 5001):
        stalled.add(place, 10, 0.001)
    assert pytest.approx(1.0) == stalled.left(1000)


def test_latencies_are_right_to_a_twentieth_and_small() -> None:
    """Percentiles of a hundred thousand latencies over six orders of magnitude, in a few hundred numbers."""
    rng = random.Random(1)
    values = sorted(10 ** rng.uniform(-1, 5) for _ in range(100_000))
    latencies = Latencies()
    for value in values:
        latencies.add(value)

    for part in (0.5, 0.9, 0.99):
        assert pytest.approx(values[int(part * len(values))], rel=0.05) == latencies.at(part)
    assert len(latencies.table()) < 200
    assert 100_000 == sum(latencies.table().values())
    assert None is Latencies().at(0.5)


def test_a_timeline_stays_small() -> None:
    """However long a run is, it has at most 256 points, and the last one."""
    timeline = Timeline()
    for second in range(100_000):
        timeline.add(BatchPoint(seconds=second, rows=second, failed=0, tokens=0, cost=Decimal(0)))
    timeline.add(BatchPoint(seconds=99_999.1, rows=7, failed=0, tokens=0, cost=Decimal(0)), last=True)

    points = timeline.points()
    assert 64 <= len(points) <= 256
    assert (0, 7) == (points[0].rows, points[-1].rows)


def _flaky(chat: Any) -> Any:
    text = chat.messages[0].text
    if text == "hello 3":
        return status(400)
    return says("ok", usage=Usage(input_tokens=100, output_tokens=10, cache_read_tokens=60))


def test_the_report_has_cost_by_part_latencies_and_attempts(tmp_path: Path) -> None:
    """The same from the run and, later or from another process, from the journal; as text, JSON and a page."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(10)))
    with Server(status(429), default=calls(_flaky)) as server, Client(**_priced(server.base_url())) as client:
        live = client.batch(source, tmp_path / "out.jsonl", window=2).report
    kept, _ = standing(tmp_path / "out.jsonl")

    for report in (live, kept):
        assert (9, 1, 11, 1) == (report.done, report.failed, report.attempts, report.refused)
        parts = {"input": Decimal("0.00072"), "cache_read": Decimal("0.00027"), "output": Decimal("0.00072")}
        assert parts == report.cost_parts
        assert report.cost == sum(parts.values())
        assert {"p50", "p90", "p99"} == set(report.latency_ms)
        assert 540 == report.cached_tokens
        text = "\n".join(lines(report))
        assert "cache_read $0.00027" in text
        assert "11, of them 1 refused with 429" in text
        told = json.loads(json.dumps(as_json(report)))
        assert pytest.approx(0.00171) == told["cost"]
        assert {"BadRequestError": 1} == told["errors"]


def test_the_line_of_progress(tmp_path: Path) -> None:
    """Done, failed, rows a second, tokens a minute against the limit, spend and what it will be, and the time left."""
    report = BatchReport(
        rows=1000,
        done=200,
        failed=3,
        cost=Decimal("1.5"),
        projected=Decimal("7.5"),
        rows_per_second=12.34,
        tokens_per_minute=90_000,
        tokens_limit=100_000,
        eta_seconds=3725,
    )
    expected = "203/1,000 rows, 3 failed, 12.3/s, 90,000 of 100,000 tokens/min, $1.5000 of $7.5000, 1:02:05 left"
    assert expected == progress(report)


def test_tokens_are_held_against_the_limit_that_is_known() -> None:
    """Where the client knows a limit of tokens, the report says it, and the time left is by it."""
    slow = Limit(dimension="tokens", amount=60_000)

    async def ask(chat: Any) -> Any:
        await asyncio.sleep(0.01)
        return says("ok", usage=Usage(input_tokens=50, output_tokens=50))

    with Server(default=calls(ask)) as server:
        options = {**_priced(server.base_url()), "limit": "process", "limits": {"fake": [slow]}}
        with Client(**options) as client:
            batch = client.batch([f"hello {number}" for number in range(400)], model="fake/m", start=False, window=4)
            for number, _ in enumerate(batch.results()):
                if number == 20:
                    report = batch.report
                    break

    assert 60_000 == report.tokens_limit
    assert report.eta_seconds is not None
    assert report.eta_seconds >= 25  # 379 rows of 100 tokens at 1,000 a second


def test_the_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    """One document without scripts or addresses, with three plots; what came from outside is text."""
    points = tuple(
        BatchPoint(seconds=at, rows=at * 10, failed=0, tokens=at, cost=Decimal(at) / 100) for at in range(20)
    )
    report = BatchReport(
        rows=200,
        done=150,
        failed=2,
        errors={"<script>alert(1)</script>": 2},
        cost=Decimal("0.19"),
        projected=Decimal("0.25"),
        cost_parts={"input": Decimal("0.19")},
        latency_ms={"p50": 12.0},
        latencies={10.0: 5, 11.0: 0, 12.0: 7},
        waiting='"><img src=x onerror=alert(1)>',
        timeline=points,
    )
    html = page(report, "<out> & 'more'.jsonl")

    assert 3 == html.count("<svg")
    for foreign in ("<script", "<img", "<out>", "http://", "https://", "src="):
        assert foreign not in html.replace("&quot;&gt;&lt;img src=x", "")
    body = html.partition("<body>")[2].partition("</body>")[0]
    ElementTree.fromstring(f"<body>{body}</body>")  # well formed
    assert "$0.2500" in html
    assert "<svg" not in page(BatchReport(), "nothing yet")


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The error names the option."""
    from dragoman.cli.batch_report import write_page

    with pytest.raises(ConfigError, match="cannot write") as raised:
        write_page(BatchReport(), str(tmp_path / "none" / "x.html"), "x")
    assert "html" == raised.value.field
