"""`dragoman logs stats`: what calls come to together."""

from __future__ import annotations

from typing import Any, Final, cast

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import print_columns
from dragoman.cli.logs_list import chosen, filters, open_file
from dragoman.cli.output import print_json, talk
from dragoman.cli.words import t
from dragoman.observe.logfile import By, Totals

_BY: Final = ("model", "provider", "day", "status", "operation")
_NUMBERS: Final = ("calls", "failed", "in", "out", "cost", "mean s")


@click.command("stats", context_settings=CONTEXT)
@click.option("--by", type=click.Choice(_BY), default="model", show_default=True, help="What is added up.")
@filters
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(by: str, as_json: bool, **options: Any) -> int:
    """Add up calls, failures, tokens, US dollars and mean seconds."""
    file = open_file()
    totals = file.totals(cast("By", by), chosen(**options))
    if as_json:
        print_json([msgspec.to_builtins(one) for one in totals])
        return exits.OK
    print_columns([_cells(one) for one in totals], (by, *_NUMBERS), right=_NUMBERS)
    rows, used = file.size()
    talk(t("logs.size", rows=rows, megabytes=used / 1e6, path=file.path))
    return exits.OK


def _cells(one: Totals) -> tuple[str, ...]:
    counts = ["" if count is None else str(count) for count in (one.input_tokens, one.output_tokens)]
    cost = "" if one.cost is None else f"{one.cost:.4f}"
    return (one.name or "-", str(one.calls), str(one.failed), *counts, cost, f"{one.seconds:.2f}")
