"""`dragoman kb`: questions to your own documents."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "add": "dragoman.cli.kb.adding:ADD",
    "ask": "dragoman.cli.kb.asking:ASK",
    "search": "dragoman.cli.kb.looking:SEARCH",
    "list": "dragoman.cli.kb.looking:LIST",
    "rm": "dragoman.cli.kb.looking:RM",
    "stats": "dragoman.cli.kb.looking:STATS",
}


@click.group("kb", cls=Commands, at=_COMMANDS, usual="list", context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Questions to your own documents, with quotes that are checked.

    \b
    dragoman kb add handbook/                 read a folder; again, and only what has changed is read
    dragoman kb ask "how long do refunds take?"
    dragoman kb search refund                 the passages alone; asks no model
    dragoman kb list                          what is in

    The base is a file of this user's, or where --store or DRAGOMAN_KB says: sqlite:///path.db, postgresql://...
    """
