"""`dragoman conv import`, `fork` and `undo`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, get_args

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.conv.place import Place, placed
from dragoman.cli.output import talk as say
from dragoman.client import Client
from dragoman.verbs.conversations.capability import Source

_FORMS: Final[tuple[str, ...]] = tuple(form for forms in get_args(Source) for form in get_args(forms))


@click.command("import", context_settings=CONTEXT)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.argument("name")
@click.option("--form", type=click.Choice(_FORMS), default="json", show_default=True, help="How.")
@placed
def IMPORT(place: Place, file: Path, name: str, form: Source) -> int:
    """Add what is in FILE (or - for standard input) to the conversation NAME, which is begun if there is none."""
    data = sys.stdin.buffer.read() if str(file) == "-" else file
    with place.opened() as store, Client() as client:
        talk = client.conversation(name, model="sim/echo", store=store, tenant=place.tenant, owner=place.owner or "")
        count = talk.import_(data, form)
    say(f"✓ {count} messages are in {name}")
    return exits.OK


@click.command("fork", context_settings=CONTEXT)
@click.argument("name")
@click.argument("branch", required=False)
@click.option("--at", metavar="TURN", help="Id of the turn after which it goes on; the last by default.")
@placed
def FORK(place: Place, name: str, branch: str | None, at: str | None) -> int:
    """Make another branch of the conversation NAME, which shares what was said until then.  Copies nothing."""
    with place.talk(name) as talk:
        made = talk.fork(branch, at=at).branch
    say(f"✓ the branch {made} goes on {'after ' + at if at else 'from here'}")
    return exits.OK


@click.command("undo", context_settings=CONTEXT)
@click.argument("name")
@click.option("--branch", default="main", show_default=True, help="Which of its branches.")
@placed
def UNDO(place: Place, name: str, branch: str) -> int:
    """Take the last turn out of the history of NAME.  It stays in the tree: a fork at its id finds it."""
    with place.talk(name, branch) as talk:
        talk.undo()
    say(f"✓ the last turn of {name} is out of its history")
    return exits.OK
