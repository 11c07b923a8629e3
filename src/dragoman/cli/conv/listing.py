"""`dragoman conv list`, `search` and `path`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import cut, line_width, print_columns
from dragoman.cli.conv.place import RUNTIME, Place, placed, usual_store
from dragoman.cli.output import print_json, safe, talk, write
from dragoman.cli.words import t
from dragoman.conversation.model import Listed, Ref
from dragoman.conversation.store import Store
from dragoman.conversation.view import history
from dragoman.runtime import drive

_HEADS: Final = ("name", "owner", "changed", "turns", "expires")
_DAY: Final = 86_400


@click.command("list", context_settings=CONTEXT)
@click.option("-n", "count", type=click.IntRange(1), default=50, show_default=True, help="How many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@placed
def LIST(place: Place, count: int, as_json: bool) -> int:
    """Show the conversations that changed last, the newest last."""
    with place.opened() as store:
        found = sorted(place.each(store), key=lambda listed: listed.changed)[-count:]
    if as_json:
        print_json([msgspec.to_builtins(listed) for listed in found])
    elif found:
        rows = [_cells(listed) for listed in found]
        print_columns(rows, _HEADS, right=("turns",), limit=line_width(os.environ))
    else:
        talk(t("conv.none"))
    return exits.OK


@click.command("search", context_settings=CONTEXT)
@click.argument("words", nargs=-1, required=True)
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many places at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@placed
def SEARCH(place: Place, words: tuple[str, ...], count: int, as_json: bool) -> int:
    """Show where all WORDS were said in one message.  Every conversation is read, on its main branch."""
    found: list[dict[str, Any]] = []
    with place.opened() as store:
        for listed in place.each(store):
            found += _hits(store, listed, words)
            if len(found) >= count:
                break
    if as_json:
        print_json(found[:count])
    for hit in [] if as_json else found[:count]:
        line = f"{hit['name']}  {hit['role']}: {' '.join(hit['text'].split())}"
        write(cut(safe(line), line_width(os.environ) or 160) + "\n")
    if not found and not as_json:
        talk(t("conv.nobody"))
    return exits.OK


@click.command("path", context_settings=CONTEXT)
def PATH() -> int:
    """Print where conversations are kept."""
    write(usual_store(os.environ) + "\n")
    return exits.OK


def day(moment: float) -> str:
    """A moment, as people here write it."""
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M")


def _cells(listed: Listed) -> Sequence[str]:
    expires = "" if listed.expires is None else f"in {max(0.0, listed.expires - time.time()) / _DAY:.1f} d"
    return (safe(listed.name), safe(listed.user), day(listed.changed), str(listed.turns), expires)


def _hits(store: Store, listed: Listed, words: Sequence[str]) -> Iterator[dict[str, Any]]:
    path = drive(store.read(RUNTIME, Ref(listed.tenant, listed.name, user=listed.user)))
    for message in history(path.nodes) if path is not None else ():
        text = message.text
        if all(word.casefold() in text.casefold() for word in words):
            start = max(0, text.casefold().find(words[0].casefold()) - 40)
            yield {"name": listed.name, "owner": listed.user, "role": message.role, "text": text[start : start + 400]}
