"""`dragoman models`: who can be asked, and what is known of whom."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "list": "dragoman.cli.models_list",
    "show": "dragoman.cli.models_show",
    "check": "dragoman.cli.models_check",
    "default": "dragoman.cli.models_names:DEFAULT",
    "alias": "dragoman.cli.models_names:ALIAS",
}


@click.group("models", cls=Commands, at=_COMMANDS, usual="list", bare=True, context_settings=CONTEXT)
def COMMAND() -> None:
    """
    List models with their limits, prices and abilities; show one; try some.

    \b
    dragoman models                             providers, and where their keys come from
    dragoman models openai                      the models of one
    dragoman models gpt-6 --ability tools       those whose name has a word, everywhere
    dragoman models show openai/gpt-6-luna      all that is known of one
    dragoman models check openai/gpt-6-luna     one tiny call
    dragoman models default openai/gpt-6-luna   asked from now on where none is named
    dragoman models alias set fast openai/gpt-6-luna

    Without a command it lists: the options are those of `dragoman models list --help`.
    """
