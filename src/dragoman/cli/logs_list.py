"""`dragoman logs list`, `search` and `tail`: calls as lines."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import cut, line_width
from dragoman.cli.output import print_json, print_table, safe, talk, write
from dragoman.cli.words import t
from dragoman.observe.logfile import Filter, LogFile, Row
from dragoman.observe.place import default_path

T = TypeVar("T")

_HEADS: Final = ("id", "when", "model", "status", "in", "out", "cost", "s", "prompt")
_LOOK: Final = 0.3  # seconds between two looks for new calls
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])\Z")


def seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """`90s`, `2h`, `7d` as seconds."""
    if value is None:
        return None
    found = _AGE.match(value.strip().lower())
    if found is None:
        raise click.BadParameter(t("logs.no_time", value=value), ctx, param)
    return float(found[1]) * _UNITS[found[2]]


def open_file() -> LogFile:
    """The store of this user."""
    return LogFile(default_path(os.environ))


def filters(command: Callable[..., T]) -> Callable[..., T]:
    """Options that choose calls."""
    for option in (
        click.option("--since", callback=seconds, metavar="AGE", help="No older than this: 30m, 2h, 7d."),
        click.option("--failed", is_flag=True, help="Only calls that failed."),
        click.option("--status", metavar="NAME", help="Only calls that ended so: ok, left, rate_limit, timeout..."),
        click.option("--model", metavar="TEXT", help="Only models whose name has this."),
    ):
        command = option(command)
    return command


def chosen(
    model: str | None, status: str | None, failed: bool, since: float | None, words: Sequence[str] = ()
) -> Filter:
    """What the options choose."""
    start = None if since is None else time.time() - since
    return Filter(model=model, status=status, failed=failed, since=start, words=tuple(words))


@click.command("list", context_settings=CONTEXT)
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@filters
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def LIST(count: int, as_json: bool, **options: Any) -> int:
    """Show the last calls, the newest last."""
    _show([row for _, row in open_file().last(count, chosen(**options))], as_json)
    return exits.OK


@click.command("search", context_settings=CONTEXT)
@click.argument("words", nargs=-1, required=True)
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@filters
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def SEARCH(words: tuple[str, ...], count: int, as_json: bool, **options: Any) -> int:
    """Show the last calls that have all WORDS in the question or the answer; words may be parts of words."""
    _show([row for _, row in open_file().last(count, chosen(**options, words=words))], as_json)
    return exits.OK


@click.command("tail", context_settings=CONTEXT)
@click.option("-n", "count", type=click.IntRange(0), default=10, show_default=True, help="How many to begin with.")
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@filters
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def TAIL(count: int, follow: bool, as_json: bool, **options: Any) -> int:
    """Show the last calls, one line each; with -f also those that come."""
    file, wanted = open_file(), chosen(**options)
    found = file.last(max(count, 1), wanted)
    after = found[-1][0] if found else 0
    _print_lines([row for _, row in found[-count:]] if count else [], as_json)
    while follow:
        time.sleep(_LOOK)
        come = file.last(1000, wanted, after=after)
        after = come[-1][0] if come else after
        _print_lines([row for _, row in come], as_json)
    return exits.OK


def data(row: Row) -> dict[str, Any]:
    """A call as JSON; what is JSON in it already is part of it."""
    told: dict[str, Any] = msgspec.to_builtins(row)
    for name in ("attempts", "messages", "output", "settings"):
        if isinstance(told.get(name), str):
            told[name] = _parsed(told[name])
    return told


def _parsed(text: str) -> Any:
    """JSON, or the text itself where it was too long to be kept whole."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def when(row: Row) -> str:
    """When a call began, as people here write it."""
    return datetime.fromtimestamp(row.at).strftime("%Y-%m-%d %H:%M:%S")


def model(row: Row) -> str:
    """The model that answered, or was asked."""
    return f"{row.provider}/{row.model}" if row.provider else row.asked


def _show(rows: Sequence[Row], as_json: bool) -> None:
    if as_json:
        print_json([data(row) for row in rows])
    elif rows:
        width = line_width(os.environ)
        print_table([_cells(row, width) for row in rows], _HEADS)
    else:
        talk(t("logs.none"))


def _cells(row: Row, width: int | None) -> tuple[str, ...]:
    counts = ["" if count is None else str(count) for count in (row.input_tokens, row.output_tokens)]
    cost = "" if row.cost is None else f"{row.cost:.6f}".rstrip("0").rstrip(".")
    prompt = " ".join(safe(row.prompt or "").split())
    room = 60 if width is None else max(20, width - 100)
    return (row.id, when(row), model(row), row.status, *counts, cost, f"{row.seconds:.2f}", cut(prompt, room))


def _print_lines(rows: Sequence[Row], as_json: bool) -> None:
    for row in rows:
        if as_json:
            print_json(data(row))
        else:
            write("  ".join(cell for cell in _cells(row, line_width(os.environ)) if cell) + "\n")
