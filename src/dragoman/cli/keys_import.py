"""`dragoman keys import`: take the keys of a file or of the environment over."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.keys_row import place
from dragoman.cli.output import print_json, talk
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.secrets import Reference, Secret, Variables, find_key, found_in, read_dotenv, stored_keys
from dragoman.secrets.keep import Store, keep, point, usual_store
from dragoman.types.providers import Provider


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of one variable.

    Attributes:
        provider: Whose key it holds.
        variable: Its name.
        stored: Where the key is now; None if it was not taken over.
        reason: Why not.
    """

    provider: str
    variable: str
    stored: str | None = None
    reason: str | None = None


@click.command("import", context_settings=CONTEXT)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--env", "from_env", is_flag=True, help="Take them from the environment.")
@click.option("--store", type=click.Choice(["keyring", "age"]), help="Where to keep them; by default what there is.")
@click.option("--force", is_flag=True, help="Replace keys that are stored already.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(file: Path | None, from_env: bool, store: str | None, force: bool, as_json: bool) -> int:
    """
    Store the keys that FILE (a .env file; ./.env without one) or the environment holds.

    The file stays as it is: remove the keys from it when they are found where they are now.
    """
    if from_env and file is not None:
        raise click.UsageError(t("keys.file_or_env"))
    setup = load(os.environ, Path())
    values = setup.environ if from_env else Variables(read_dotenv(file or Path(".env")))
    chosen = cast("Store", store or usual_store())
    results = list(_imported(setup, Variables(values), chosen, force=force))
    if as_json:
        print_json(results)
    for result in () if as_json else results:
        talk(f"✓ {result.variable}: {result.stored}" if result.stored else f"✗ {result.variable}: {result.reason}")
    if not results:
        talk(t("keys.none_there"))
    return exits.OK if results and all(result.stored for result in results) else exits.ERROR


def _imported(setup: Setup, values: Mapping[str, str], store: Store, *, force: bool) -> Iterator[Imported]:
    known, done = stored_keys(setup.environ), set[str]()
    for row in setup.providers.values():
        variable = found_in(row, values)
        if variable is None or variable in done:  # several rows of one vendor may read the same variable
            continue
        done.add(variable)
        if row.name in known and not force:
            yield Imported(provider=row.name, variable=variable, reason="a key is stored already; --force replaces it")
            continue
        yield _taken(row, variable, setup, values, store)


def _taken(row: Provider, variable: str, setup: Setup, values: Mapping[str, str], store: Store) -> Imported:
    try:
        key = find_key(row, values)
    except ConfigError as error:
        return Imported(provider=row.name, variable=variable, reason=error.message)
    if isinstance(key, Reference):
        if key.kind.verbatim:
            reason = "it names a program to run; store it by dragoman keys set --ref, if it is yours"
            return Imported(provider=row.name, variable=variable, reason=reason)
        point(row.name, key, setup.environ)
        return Imported(provider=row.name, variable=variable, stored=place(key))
    assert isinstance(key, Secret)  # the variable is set
    return Imported(provider=row.name, variable=variable, stored=place(keep(row.name, key, store, setup.environ)))
