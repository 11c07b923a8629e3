"""`dragoman keys list`: which providers have a key, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import print_json, print_table, talk
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.secrets import Reference, find_key, found_in, stored_keys
from dragoman.types.providers import Provider


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a provider's key comes from.

    Attributes:
        provider: Its name.
        source: The variable, `stored`, or what was passed.
        reference: Where the key is, if the source holds a reference.
        outranked: What is stored besides, and not used.
        problem: Why it cannot be used, or None.
    """

    provider: str
    source: str
    reference: str | None = None
    outranked: str | None = None
    problem: str | None = None


@click.command("list", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(as_json: bool) -> int:
    """List the providers that have a key, and where each comes from.  Nothing is looked up, and no key is shown."""
    setup = load(os.environ, Path())
    rows = list(_listed(setup))
    if as_json:
        print_json(rows)
        return exits.OK
    print_table([(row.provider, row.source, _words(row)) for row in rows], ("provider", "from", ""))
    if not rows:
        talk(t("keys.none"))
    return exits.OK


def _words(row: Listed) -> str:
    if row.problem:
        return f"✗ {row.problem}"
    return row.reference or (t("keys.outranks", reference=row.outranked) if row.outranked else "")


def _listed(setup: Setup) -> Iterator[Listed]:
    stored = stored_keys(setup.environ)
    for row in setup.providers.values():
        kept = stored.pop(row.name, None)
        variable = found_in(row, setup.environ)
        if variable is not None:
            yield _in_variable(row, variable, kept, setup)
        elif kept is not None:
            yield Listed(provider=row.name, source="stored", reference=kept.shown)
    for name, kept in stored.items():
        yield Listed(provider=name, source="stored", reference=kept.shown)


def _in_variable(row: Provider, variable: str, kept: Reference | None, setup: Setup) -> Listed:
    reference, problem = None, None
    try:
        key = find_key(row, setup.environ)
        reference = key.shown if isinstance(key, Reference) else None
    except ConfigError as error:
        problem = error.message
    return Listed(
        provider=row.name,
        source=setup.origin(variable),
        reference=reference,
        outranked=kept.shown if kept else None,
        problem=problem,
    )
