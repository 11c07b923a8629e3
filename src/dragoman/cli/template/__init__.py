"""`dragoman template`: prompts with places."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "list": "dragoman.cli.template.commands:LIST",
    "show": "dragoman.cli.template.commands:SHOW",
    "edit": "dragoman.cli.template.commands:EDIT",
    "save": "dragoman.cli.template.commands:SAVE",
    "rm": "dragoman.cli.template.commands:RM",
}


@click.group("template", cls=Commands, at=_COMMANDS, usual="list", context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Keep prompts under names, and use them with -t.

    \b
    dragoman template                              those that there are
    git diff | dragoman -t commit -x               the answer's code block alone
    dragoman -t translate -p to=zh -f report.md    a value for the place {to}
    dragoman template save haiku 'A haiku on {input}' --system 'You are a poet.'
    dragoman template edit commit                  your own copy of one that is built in

    A template is a text file; {input} is what is asked (without it, the question stands behind the template), other
    {names} are given with -p, and {{ and }} are braces.
    """
