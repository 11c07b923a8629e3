"""`dragoman logs show`: one call with all that is kept of it."""

from __future__ import annotations

from typing import Any, Final

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.logs_list import data, model, open_file, when
from dragoman.cli.output import print_json, write
from dragoman.errors import ConfigError
from dragoman.observe.logfile import LogFile, Row

_SHOWN: Final = (
    *("status", "finish_reason", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "cost", "first", "seconds", "paced", "cached", "request_id", "response_id", "call"),
    *("error", "http_status", "error_text"),
)


@click.command("show", context_settings=CONTEXT)
@click.argument("name", metavar="ID", default="last")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def COMMAND(name: str, as_json: bool) -> int:
    """Show one call: by its ID, or the beginning of it; without one, the last."""
    row = _found(open_file(), name)
    if as_json:
        print_json(data(row))
    else:
        _print(row)
    return exits.OK


def _found(file: LogFile, name: str) -> Row:
    rows = [row for _, row in file.last(1)] if name == "last" else file.find(name)
    if not rows and name == "last":
        raise ConfigError("no call is kept yet: dragoman logs on keeps them from now on", field="id")
    if not rows:
        raise ConfigError(f"no call is kept under {name!r}: dragoman logs shows the last ones", field="id")
    if len(rows) > 1:
        raise ConfigError(f"several calls begin with {name!r}: give more of the id", field="id")
    return rows[0]


def _print(row: Row) -> None:
    write(f"{row.id}  {when(row)}  {model(row)}  {row.operation}{', streamed' if row.stream else ''}\n")
    for name in _SHOWN:
        value = getattr(row, name)
        if value is not None and value != 0.0:
            write(f"  {name.replace('_', ' ')}: {value}\n")
    told: dict[str, Any] = data(row)
    for number, attempt in enumerate(told.get("attempts") or (), 1):
        if len(told["attempts"]) > 1:
            write(f"  request {number}: {attempt['provider']}/{attempt['model']} {attempt['outcome']}\n")
    for title, text in (("prompt", row.prompt), ("answer", row.answer)):
        if text:
            write(f"\n--- {title} ---\n{text.rstrip()}\n")
