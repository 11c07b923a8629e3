"""`dragoman kit`: ready-made work."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "translate": "dragoman.cli.kit.translate:TRANSLATE",
    "polish": "dragoman.cli.kit.polish:POLISH",
    "support": "dragoman.cli.kit.support:SUPPORT",
    "mail": "dragoman.cli.kit.compose:MAIL",
    "report": "dragoman.cli.kit.compose:REPORT",
    "code": "dragoman.cli.kit.compose:CODE",
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
    dragoman kit translate book.md --to German -o book.de.md
    dragoman kit polish letter.md --diff
    dragoman kit support --ticket 42 "Where is my parcel?" --knowledge faq/
    dragoman kit mail "Move the meeting to Thursday" --length 60
    dragoman kit report "Why we lend tools" --section Need --section Cost
    dragoman kit code "A script that renames photos" --write-to photos/
    dragoman kit list                    what there is
    dragoman kit show translation        its prompts
    dragoman kit eject translation       copy them to where you can edit them
    dragoman kit eval translation -m openai/gpt-5.6-luna   how well a model does it
    """
