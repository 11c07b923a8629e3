"""`dragoman kit`: ready-made work."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

import click

from dragoman.cli.app import CONTEXT

_COMMANDS: Final = {
    "list": "dragoman.cli.kit.about:LIST",
    "show": "dragoman.cli.kit.about:SHOW",
    "eject": "dragoman.cli.kit.about:EJECT",
    "eval": "dragoman.cli.kit.score:EVAL",
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
        return super().parse_args(ctx, args or ["list"])


@click.group("kit", cls=_Commands, context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Ready-made work with checks.

    \b
    dragoman kit list                    what there is
    dragoman kit show translation        its prompts
    dragoman kit eject translation       copy them to where you can edit them
    dragoman kit eval translation -m openai/gpt-5.6-luna   how well a model does it
    """
