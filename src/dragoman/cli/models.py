"""`dragoman models`: who can be asked, and what is known of whom."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

import click

from dragoman.cli.app import CONTEXT

_COMMANDS: Final = {
    "list": "dragoman.cli.models_list",
    "show": "dragoman.cli.models_show",
    "check": "dragoman.cli.models_check",
}


class _Commands(click.Group):
    """Imports a command when it is asked for; without one, it lists."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        return cast("click.Command", import_module(_COMMANDS[cmd_name]).COMMAND)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first not in _COMMANDS and first not in ("-h", "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("models", cls=_Commands, context_settings=CONTEXT)
def COMMAND() -> None:
    """
    List models with their limits, prices and abilities; show one; try some.

    \b
    dragoman models                             providers, and where their keys come from
    dragoman models openai                      the models of one
    dragoman models gpt-6 --ability tools       those whose name has a word, everywhere
    dragoman models show openai/gpt-6-luna      all that is known of one
    dragoman models check openai/gpt-6-luna     one tiny call

    Without a command it lists: the options are those of `dragoman models list --help`.
    """
