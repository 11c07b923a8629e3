"""`dragoman logs`: what was asked and answered, as far as somebody wanted it kept."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

import click

from dragoman.cli.app import CONTEXT

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


class _Commands(click.Group):
    """Imports a command when it is asked for; without one, it lists."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        return cast("click.Command", getattr(import_module(module), name))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if not args or (first.startswith("-") and first not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("logs", cls=_Commands, context_settings=CONTEXT)
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
