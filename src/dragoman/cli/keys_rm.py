"""`dragoman keys rm`: forget a stored key."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dragoman import catalog
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import talk
from dragoman.cli.setup import load
from dragoman.cli.words import t
from dragoman.errors import UnknownProviderError
from dragoman.secrets import found_in, stored_keys
from dragoman.secrets.keep import remove


@click.command("rm", context_settings=CONTEXT)
@click.argument("provider")
def COMMAND(provider: str) -> int:
    """Remove the stored key of PROVIDER.  Exit code 3 if none is stored."""
    setup = load(os.environ, Path())
    name = provider
    if name not in stored_keys(setup.environ):
        name = catalog.parse_provider(provider, setup.providers)
    removed = remove(name, setup.environ)
    if removed is None:
        talk(t("keys.not_stored", name=name))
        return exits.NO_MODEL
    talk(t("keys.removed", reference=removed.shown))
    try:
        variable = found_in(setup.providers[catalog.parse_provider(name, setup.providers)], setup.environ)
    except UnknownProviderError:
        variable = None
    if variable is not None:
        talk(t("keys.still_set", origin=setup.origin(variable)))
    return exits.OK
