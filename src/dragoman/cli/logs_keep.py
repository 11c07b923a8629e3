"""`dragoman logs export` and `prune`: out of the file, and out of the way."""

from __future__ import annotations

import time
from typing import Any

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.logs_list import chosen, data, filters, open_file, seconds
from dragoman.cli.output import print_json, talk
from dragoman.cli.words import t
from dragoman.errors import ConfigError


@click.command("export", context_settings=CONTEXT)
@filters
def EXPORT(**options: Any) -> int:
    """Write calls to standard output, oldest first, one JSON object per line."""
    for row in open_file().each(chosen(**options)):
        print_json(data(row))
    return exits.OK


@click.command("prune", context_settings=CONTEXT)
@click.option("--older-than", callback=seconds, metavar="AGE", help="Calls that are older: 30m, 2h, 90d.")
@click.option("--megabytes", type=click.FloatRange(0), metavar="MB", help="The oldest, until the rest takes no more.")
@click.option("--all", "everything", is_flag=True, help="All calls.")
def PRUNE(older_than: float | None, megabytes: float | None, everything: bool) -> int:
    """Remove calls.  The file keeps its size; its room is used again."""
    if older_than is None and megabytes is None and not everything:
        raise ConfigError("say what to remove: --older-than 90d, --megabytes 100, or --all", field="prune")
    before = float("inf") if everything else None if older_than is None else time.time() - older_than
    removed = open_file().prune(before=before, most_bytes=None if megabytes is None else int(megabytes * 1e6))
    talk(t("logs.removed", count=removed))
    return exits.OK
