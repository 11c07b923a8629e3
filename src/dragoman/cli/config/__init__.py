"""`dragoman config`: what the files of the user and of the project say."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "show": "dragoman.cli.config.commands:SHOW",
    "get": "dragoman.cli.config.commands:GET",
    "set": "dragoman.cli.config.commands:SET",
    "unset": "dragoman.cli.config.commands:UNSET",
    "edit": "dragoman.cli.config.commands:EDIT",
    "path": "dragoman.cli.config.commands:PATH",
}


@click.group("config", cls=Commands, at=_COMMANDS, usual="show", context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Look at the configuration, and change it.

    \b
    dragoman config                                    what holds
    dragoman config show --origin                      and which file or variable says it
    dragoman config set model openai/gpt-6-luna        the model that is asked without -m
    dragoman config set aliases.fast openai/gpt-6-luna then: dragoman -m fast "why?"
    dragoman config set options.temperature 0.2        as -o temperature=0.2
    dragoman config set --project model sim/echo       in ./dragoman.toml, for who works here

    Keys: model, fallback, max_cost, aliases.NAME, options.SETTING.  Comments in the files are kept.
    """
