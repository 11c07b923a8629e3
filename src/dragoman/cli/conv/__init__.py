"""`dragoman conv`: conversations that last."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "list": "dragoman.cli.conv.listing:LIST",
    "search": "dragoman.cli.conv.listing:SEARCH",
    "show": "dragoman.cli.conv.showing:SHOW",
    "export": "dragoman.cli.conv.showing:EXPORT",
    "import": "dragoman.cli.conv.changing:IMPORT",
    "fork": "dragoman.cli.conv.changing:FORK",
    "undo": "dragoman.cli.conv.changing:UNDO",
    "erase": "dragoman.cli.conv.keeping:ERASE",
    "rm": "dragoman.cli.conv.keeping:ERASE",
    "keep": "dragoman.cli.conv.keeping:KEEP",
    "prune": "dragoman.cli.conv.keeping:PRUNE",
    "rotate": "dragoman.cli.conv.keeping:ROTATE",
    "path": "dragoman.cli.conv.listing:PATH",
}


@click.group("conv", cls=Commands, at=_COMMANDS, usual="list", context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Look at conversations, and keep or forget them.

    \b
    dragoman conv                          those that there are
    dragoman conv show ticket-42           what was said
    dragoman conv search refund            those in which it was said
    dragoman conv fork ticket-42 --at t7   go on from there on another branch
    dragoman conv export ticket-42 > x.md --form markdown
    dragoman conv erase --owner ann        all of one user

    They are in one file of this user's (`dragoman conv path`), or where --store or DRAGOMAN_STORE says:
    sqlite:///path.db, postgresql://..., redis://...
    """
