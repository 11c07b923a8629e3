"""`dragoman kb search`, `list`, `rm` and `stats`."""

from __future__ import annotations

import os
from typing import Any

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import cut, line_width, print_columns
from dragoman.cli.kb.adding import embedding_client
from dragoman.cli.kb.place import Place, named, placed, shown
from dragoman.cli.output import print_json, safe, talk, write
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.knowledge.values import Document


@click.command("search", context_settings=CONTEXT)
@click.argument("words", nargs=-1, required=True)
@click.option("-k", "count", type=int, default=5, help="Passages at most; 5.")
@click.option("--mode", type=click.Choice(["hybrid", "words", "vectors"]), default="hybrid", help="How; hybrid.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="Only documents marked with this.")
@click.option("--path", metavar="GLOB", help="Only documents whose name matches.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@placed
def SEARCH(
    place: Place, words: tuple[str, ...], count: int, mode: Any, tags: tuple[str, ...], path: str | None, as_json: bool
) -> int:
    """Show the passages that fit WORDS best.  No model is asked, unless the vectors are of one."""
    with embedding_client(None, place) as client, place.opened(client) as base:
        hits = base.search(" ".join(words), count, mode=mode, tags=tags, path=path)
    if as_json:
        print_json(hits)
        return exits.OK
    width = line_width(os.environ) or 160
    for hit in hits:
        write(f"{safe(shown(hit.place))}  ({hit.score:.4f})\n")
        write(cut(f"    {safe(' '.join(hit.text.split()))}", width) + "\n")
    if not hits:
        talk(t("kb.nothing"))
    return exits.OK


@click.command("list", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@placed
def LIST(place: Place, as_json: bool) -> int:
    """Show the documents of the base."""
    found: list[Document] = []
    if place.is_there:
        with place.opened() as base:
            found = base.list()
    if as_json:
        print_json(found)
        return exits.OK
    rows = [
        (safe(shown(one.source)), one.format, str(one.chunks), f"{one.bytes / 1000:.1f}", safe(" ".join(one.tags)))
        for one in found
    ]
    if rows:
        heads = ("document", "format", "pieces", "kB", "tags")
        print_columns(rows, heads, right=("pieces", "kB"), limit=line_width(os.environ))
    else:
        talk(t("kb.none"))
    return exits.OK


@click.command("rm", context_settings=CONTEXT)
@click.argument("documents", nargs=-1, metavar="[DOCUMENT]...")
@click.option("--all", "every", is_flag=True, help="All documents.")
@placed
def RM(place: Place, documents: tuple[str, ...], every: bool) -> int:
    """Remove documents from the base; their files stay.  A folder removes what is below it."""
    if every == bool(documents):
        raise click.UsageError(t("kb.name_or_all"), click.get_current_context())
    with place.opened() as base:
        there = [one.source for one in base.list()]
        chosen = there if every else [source for name in documents for source in _meant(name, there)]
        removed = base.remove(*chosen)
    talk(t("kb.removed", count=removed))
    return exits.OK


@click.command("stats", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@placed
def STATS(place: Place, as_json: bool) -> int:
    """Show how much is in the base, and where it is."""
    with place.opened() as base:
        stats = base.stats()
    if as_json:
        print_json(stats)
        return exits.OK
    told = msgspec.structs.asdict(stats) | {"bytes": f"{stats.bytes / 1e6:.1f} MB"}
    for name, value in told.items():
        write(f"{name:<12} {value}\n")
    return exits.OK


def _meant(name: str, there: list[str]) -> list[str]:
    full = named(name)
    found = [source for source in there if source in (name, full) or source.startswith(f"{full}/")]
    if not found:
        raise ConfigError(f"{name!r} is not in the base: dragoman kb list shows what is", field="documents")
    return found
