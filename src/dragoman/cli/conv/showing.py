"""`dragoman conv show` and `export`."""

from __future__ import annotations

from typing import Any, get_args

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.conv.listing import day
from dragoman.cli.conv.place import RUNTIME, Place, placed
from dragoman.cli.output import dim, print_json, write
from dragoman.runtime import drive
from dragoman.types.messages import Message, ToolCall
from dragoman.types.turns import Turn
from dragoman.verbs.conversations.capability import Form


@click.command("show", context_settings=CONTEXT)
@click.argument("name")
@click.option("--branch", default="main", show_default=True, help="Which of its branches.")
@click.option("-n", "last", type=click.IntRange(1), help="Only so many messages, the last.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@placed
def SHOW(place: Place, name: str, branch: str, last: int | None, as_json: bool) -> int:
    """Show what was said in the conversation NAME, its branches, and turns that have no answer."""
    with place.opened() as store:
        branches = drive(store.branches(RUNTIME, place.ref(name)))
    with place.talk(name, branch) as talk:
        messages, broken = talk.history[-(last or 0) :], talk.interrupted()
    if as_json:
        told: dict[str, Any] = {"name": name, "branch": branch, "branches": branches, "messages": messages}
        print_json(msgspec.to_builtins({**told, "interrupted": broken}))
        return exits.OK
    for message in messages:
        _print(message)
    if len(branches) > 1:
        dim(f"· branches: {', '.join(one.name for one in branches)}\n")
    for turn in broken:
        _print_broken(turn)
    return exits.OK


@click.command("export", context_settings=CONTEXT)
@click.argument("name")
@click.option("--form", type=click.Choice(get_args(Form)), default="json", show_default=True, help="How.")
@click.option("--branch", default="main", show_default=True, help="Which of its branches.")
@placed
def EXPORT(place: Place, name: str, form: Form, branch: str) -> int:
    """Write the conversation NAME to standard output."""
    with place.talk(name, branch) as talk:
        text = talk.export(form)
    write(text if text.endswith("\n") else text + "\n")
    return exits.OK


def _print(message: Message) -> None:
    write(f"--- {message.role} ---\n")
    if message.text:
        write(message.text.rstrip() + "\n")
    for part in message.parts:
        if isinstance(part, ToolCall):
            write(f"[calls {part.name} {part.arguments_json}]\n")
        elif not hasattr(part, "text"):
            write(f"[{type(part).__name__.lower()}]\n")


def _print_broken(turn: Turn) -> None:
    why = f": {turn.error}" if turn.error else ""
    dim(f"· turn {turn.id} of {day(turn.begun)} is {turn.state}{why}\n")
