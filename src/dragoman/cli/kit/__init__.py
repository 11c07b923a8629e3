"""`dragoman kit`: ready-made work."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "list": "dragoman.cli.kit.about:LIST",
    "show": "dragoman.cli.kit.about:SHOW",
    "eject": "dragoman.cli.kit.about:EJECT",
    "eval": "dragoman.cli.kit.score:EVAL",
}


@click.group("kit", cls=Commands, at=_COMMANDS, usual="list", context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Ready-made work with checks.

    \b
    dragoman kit list                    what there is
    dragoman kit show translation        its prompts
    dragoman kit eject translation       copy them to where you can edit them
    dragoman kit eval translation -m openai/gpt-5.6-luna   how well a model does it
    """
