"""`dragoman logs`: what was asked and answered, as far as somebody wanted it kept."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "list": "dragoman.cli.logs_list:LIST",
    "search": "dragoman.cli.logs_list:SEARCH",
    "tail": "dragoman.cli.logs_list:TAIL",
    "show": "dragoman.cli.logs_show:COMMAND",
    "stats": "dragoman.cli.logs_stats:COMMAND",
    "export": "dragoman.cli.logs_keep:EXPORT",
    "prune": "dragoman.cli.logs_keep:PRUNE",
    "on": "dragoman.cli.logs_switch:ON",
    "off": "dragoman.cli.logs_switch:OFF",
    "path": "dragoman.cli.logs_switch:PATH",
}


@click.group("logs", cls=Commands, at=_COMMANDS, usual="list", context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Keep calls in a file on this machine, and look at them.

    \b
    dragoman logs on                  keep the calls of this command from now on
    dragoman logs                     the last ones
    dragoman logs search blue sky     those that have these words
    dragoman logs show 01JD           one of them, by the beginning of its id; or: last
    dragoman logs stats --by day      calls, tokens and cost

    Nothing is kept before `dragoman logs on`.  Credentials are masked before anything is written.
    """
