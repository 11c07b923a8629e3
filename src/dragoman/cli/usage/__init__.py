"""`dragoman usage`: what calls cost, and how long they took."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Sequence
from typing import Final, Literal, cast

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import line_width, print_columns
from dragoman.cli.logs_list import open_file, seconds
from dragoman.cli.output import print_json, safe, talk, write
from dragoman.cli.usage.bars import bar, course, has_blocks
from dragoman.cli.usage.sums import Sum, sums
from dragoman.cli.words import t
from dragoman.observe.logfile import Filter
from dragoman.observe.logswitch import read_switch

_BY: Final = ("model", "provider", "key", "day", "status")
_NUMBERS: Final = ("calls", "failed", "in", "out", "cost", "p50 s", "p95 s")
_STEPS: Final = 12
_BAR: Final = 20  # columns of the longest bar


@click.command("usage", context_settings=CONTEXT)
@click.option("--by", type=click.Choice(_BY), default="model", show_default=True, help="What is added up.")
@click.option("--since", callback=seconds, metavar="AGE", help="No older than this: 30m, 24h, 7d.")
@click.option("--model", metavar="TEXT", help="Only models whose name has this.")
@click.option("--plot", is_flag=True, help="As bars, with the course over the time.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values, with a head.")
def COMMAND(by: str, since: float | None, model: str | None, plot: bool, as_json: bool, as_csv: bool) -> int:
    """
    Add up the calls that are kept: calls, failures, tokens, US dollars, and seconds at the median and the 95th
    percentile.

    \b
    dragoman logs on                    keep calls from now on
    dragoman usage --by day --since 7d
    dragoman usage --plot               bars of money, or of tokens where nothing has a price
    """
    if sum((plot, as_json, as_csv)) > 1:
        raise click.UsageError(t("usage.exclude", names="--plot, --json, --csv"), click.get_current_context())
    import time  # the clock, for --since alone

    start = None if since is None else time.time() - since
    kind = cast("Literal['model', 'provider', 'key', 'day', 'status']", by)
    calls = open_file().figures(kind, Filter(model=model, since=start))
    found = sums(calls, steps=_STEPS, in_order=by == "day")
    show = _as_json if as_json else _as_csv if as_csv else _plotted if plot else _table
    if not found and not as_json and not as_csv:
        talk(t("usage.nothing" if read_switch(os.environ).on else "usage.off"))
    else:
        show(found, by)
    return exits.OK


def _as_json(found: Sequence[Sum], by: str) -> None:
    print_json([msgspec.to_builtins(one) for one in found])


def _as_csv(found: Sequence[Sum], by: str) -> None:
    text = io.StringIO()
    names = [name for name in Sum.__struct_fields__ if name != "course"]
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([by, *names[1:]])
    lines.writerows([_inert(getattr(one, name)) for name in names] for one in found)
    write(text.getvalue())


def _inert(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: a provider's name of a model is foreign text."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") and value != "-" else value


def _table(found: Sequence[Sum], by: str) -> None:
    rows = [_cells(one) for one in found]
    print_columns(rows, (by, *_NUMBERS), right=_NUMBERS, limit=line_width(os.environ))


def _cells(one: Sum) -> tuple[str, ...]:
    counts = ["" if count is None else str(count) for count in (one.input_tokens, one.output_tokens)]
    cost = "" if one.cost is None else f"{one.cost:.4f}"
    return (safe(one.name), str(one.calls), str(one.failed), *counts, cost, f"{one.p50:.2f}", f"{one.p95:.2f}")


def _plotted(found: Sequence[Sum], by: str) -> None:
    blocks = has_blocks(sys.stdout, os.environ)
    by_cost = any(one.cost for one in found)
    lengths = [(one.cost or 0.0) if by_cost else float(one.tokens or one.calls) for one in found]
    rows = [
        (
            safe(one.name),
            bar(length, max(lengths), _BAR, blocks=blocks),
            "" if one.cost is None else f"${one.cost:.2f}" if one.cost >= 0.01 or not one.cost else f"${one.cost:.4f}",
            f"{_short(one.tokens)} tok",
            f"p95 {one.p95:.1f} s",
            course(one.course, blocks=blocks),
        )
        for one, length in zip(found, lengths, strict=True)
    ]
    heads = (by, "cost" if by_cost else "tokens", "", "", "", "")
    print_columns(rows, heads, limit=line_width(os.environ))


def _short(number: int) -> str:
    """1234567 as 1.2 M."""
    for size, name in ((1_000_000_000, " G"), (1_000_000, " M"), (1_000, " k")):
        if number >= size:
            return f"{number / size:.1f}{name}"
    return str(number)
