"""`dragoman usage`: what the log comes to."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from dragoman.cli.usage.bars import bar, course
from dragoman.cli.usage.sums import percentile
from dragoman.observe.logfile import LogFile, Row
from tests.cli.program import Program, provider

NOW = time.time()


@pytest.fixture
def used(dragoman: Program) -> Program:
    """Thirty calls of two models over three days, one of which failed."""
    file = LogFile(dragoman.directory.parent / ".local" / "share" / "dragoman" / "logs.db")
    rows = [
        Row(
            id=f"ID{number:03}",
            at=NOW - (29 - number) * 8640,
            operation="chat",
            asked="openai/a" if number % 3 else "anthropic/b",
            provider="openai" if number % 3 else "anthropic",
            model="a" if number % 3 else "b",
            status="rate_limit" if number == 7 else "ok",
            error="RateLimitError" if number == 7 else None,
            seconds=float(number + 1),
            input_tokens=1000,
            output_tokens=100,
            cost=0.01 if number % 3 else None,
            key="ann" if number < 10 else None,
        )
        for number in range(30)
    ]
    file.path.parent.mkdir(parents=True)
    file.add(rows)
    file.close()
    return dragoman


def test_by_model(used: Program) -> None:
    """Calls, failures, tokens, cost and percentiles of each model, the costliest first."""
    a, b = json.loads(used("usage", "--json").out)

    assert ("openai/a", 20, 1, 20_000, 2_000, 0.2) == tuple(
        a[name] for name in ("name", "calls", "failed", "input_tokens", "output_tokens", "cost")
    )
    assert ("anthropic/b", 10, None) == (b["name"], b["calls"], b["cost"])
    assert (13.0, 28.0) == (b["p50"], b["p95"])


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("provider", {"openai": 20, "anthropic": 10}),
        ("key", {"-": 20, "ann": 10}),
        ("status", {"ok": 29, "rate_limit": 1}),
    ],
)
def test_by_something_else(used: Program, by: str, expected: dict[str, int]) -> None:
    """The same calls, added up otherwise."""
    found = json.loads(used("usage", "--by", by, "--json").out)

    assert expected == {one["name"]: one["calls"] for one in found}


def test_days_are_in_order(used: Program) -> None:
    """The oldest first; all calls are in them."""
    found = json.loads(used("usage", "--by", "day", "--json").out)

    assert sorted(one["name"] for one in found) == [one["name"] for one in found]
    assert 30 == sum(one["calls"] for one in found)


def test_since(used: Program) -> None:
    """Only calls that are no older."""
    found = json.loads(used("usage", "--since", "1d", "--json").out)

    assert 10 == sum(one["calls"] for one in found)


def test_the_table_and_csv_say_the_same(used: Program) -> None:
    """A table for people, and comma-separated values for programs."""
    table = used("usage").out.splitlines()
    lines = list(csv.DictReader(io.StringIO(used("usage", "--csv").out)))

    assert ["model", "calls", "failed", "in", "out", "cost", "p50", "s", "p95", "s"] == table[0].split()
    assert ["openai/a", "20", "1", "20000", "2000", "0.2000"] == table[1].split()[:6]
    assert ("openai/a", "20", "0.2") == (lines[0]["model"], lines[0]["calls"], lines[0]["cost"])


def test_a_name_is_no_formula(dragoman: Program) -> None:
    """What a spreadsheet would compute is written as text."""
    file = LogFile(dragoman.directory / "data" / "dragoman" / "logs.db")
    file.path.parent.mkdir(parents=True)
    file.add([Row(id="X", at=NOW, operation="chat", asked="=1+1", status="ok", seconds=1.0)])
    file.close()

    out = dragoman("usage", "--csv", XDG_DATA_HOME=str(dragoman.directory / "data")).out

    assert out.splitlines()[1].startswith("'=1+1,")


def test_the_plot_draws_bars_and_courses(used: Program) -> None:
    """By eighths of a block, the longest for the costliest."""
    a, b = used("usage", "--plot", PYTHONIOENCODING="utf-8").out.splitlines()[1:]

    assert "████████████████████" in a
    assert "$0.20" in a
    assert "22.0 k tok" in a
    assert "█" not in b.split("p95")[0]
    assert set(a.split(" s ")[-1].strip()) <= set("▁▂▃▄▅▆▇█ ")


def test_a_dumb_terminal_gets_ascii(used: Program) -> None:
    """TERM=dumb has no blocks."""
    out = used("usage", "--plot", TERM="dumb").out

    assert out.isascii()
    assert "####################" in out


@pytest.mark.parametrize("value", [0.0, 0.001, 1.0, 33.3, 100.0])
def test_bars_are_in_proportion(value: float) -> None:
    """As many eighths as the value's share; what is there at all is seen."""
    drawn = bar(value, 100.0, 20, blocks=True)
    eighths = sum(8 if sign == "█" else "▏▎▍▌▋▊▉".index(sign) + 1 for sign in drawn)

    assert eighths == (0 if value == 0 else max(1, int(160 * value / 100)))


def test_courses() -> None:
    """One sign for each step; nothing for nothing."""
    assert " ▁▄█" == course([0, 1, 4, 8], blocks=True)
    assert "   " == course([0, 0, 0], blocks=True)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 10), (0.95, 19), (1.0, 20), (0.01, 1)])
def test_percentiles_are_of_the_nearest_rank(share: float, expected: int) -> None:
    """A value that was really there."""
    assert expected == percentile(range(20, 0, -1), share)


def test_nothing_kept_is_said(dragoman: Program) -> None:
    """And how to keep calls; as JSON it is an empty list."""
    result = dragoman("usage")

    assert (0, "") == (result.code, result.out)
    assert "dragoman logs on" in result.err
    assert "[]\n" == dragoman("usage", "--json").out


def test_forms_exclude_each_other(dragoman: Program) -> None:
    """Exit code 2."""
    assert 2 == dragoman("usage", "--json", "--plot").code


def test_the_command_line_says_whose_key_it_used(dragoman: Program, server: object) -> None:
    """--by key shows the variable that the key came from, never the key."""
    dragoman("logs", "on")
    dragoman("ask", "-m", "openai/m", "hi", **provider(server.base_url()))  # type: ignore[attr-defined]

    out = dragoman("usage", "--by", "key").out

    assert "OPENAI_API_KEY" in out
    assert "sk-nobody" not in out


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    """A store from before calls had a key gets the column, and its calls stay."""
    path = tmp_path / "logs.db"
    old = LogFile(path)
    old.add([Row(id="A", at=1.0, operation="chat", asked="x/y", status="ok", seconds=1.0)])
    old.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE call DROP COLUMN key")
        connection.execute("PRAGMA user_version = 1")

    new = LogFile(path)
    new.add([Row(id="B", at=2.0, operation="chat", asked="x/y", status="ok", seconds=1.0, key="ann")])

    assert [("A", None), ("B", "ann")] == [(row.id, row.key) for row in new.each()]
    new.close()
