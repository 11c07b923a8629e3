"""`dragoman keys set`: store a key, or where it is."""

from __future__ import annotations

import sys
from typing import cast

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.keys_row import Subject, place, subject
from dragoman.cli.keys_test import print_tested, tested
from dragoman.cli.output import talk
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.secrets import Reference, Secret, found_in, parse_reference
from dragoman.secrets.keep import Store, keep, point, usual_store
from dragoman.secrets.schemes import schemes
from dragoman.secrets.secret import check_secret


@click.command("set", context_settings=CONTEXT)
@click.argument("provider")
@click.option("--ref", metavar="REFERENCE", help="Store where the key is, such as awskms:… or vault:…#field.")
@click.option("--store", type=click.Choice(["keyring", "age"]), help="Where to keep it; by default what there is.")
@click.option("--test/--no-test", default=True, help="Try it with one request for the list of models (the default).")
def COMMAND(provider: str, ref: str | None, store: str | None, test: bool) -> int:
    """
    Store the key of PROVIDER, instead of the one that is stored.

    It is asked for without being shown, or read from standard input.  A key is never an argument: arguments are seen by
    other users and remembered by shells.
    """
    asked = subject(provider)
    if ref is not None and store is not None:
        raise click.UsageError(t("keys.ref_or_store"))
    if ref is not None:
        reference = _reference(ref, asked)
        point(asked.row.name, reference, asked.setup.environ)
    else:
        secret = check_secret(_read(asked), asked.row.name, "the key")
        reference = keep(asked.row.name, secret, cast("Store", store or usual_store()), asked.setup.environ)
    talk(t("keys.stored", place=place(reference)))
    variable = found_in(asked.row, asked.setup.environ)
    if variable is not None:
        talk(t("keys.outranked", origin=asked.setup.origin(variable)))
        return exits.OK
    return print_tested([tested(asked.setup, asked.row)]) if test else exits.OK


def _reference(text: str, asked: Subject) -> Reference:
    found = parse_reference(text, "--ref")
    if found is None:
        kinds = ", ".join(f"{scheme}:" for scheme in schemes())
        raise ConfigError(f"--ref is no reference: it begins with one of {kinds}", field="--ref")
    return found


def _read(asked: Subject) -> Secret:
    """The key, typed unseen or piped in."""
    if sys.stdin is not None and sys.stdin.isatty():
        words = t("keys.prompt", provider=asked.row.name)
        return Secret(click.prompt(words, hide_input=True, err=True, prompt_suffix=": ").strip())
    return Secret(_line())


def _line() -> str:
    text = sys.stdin.read(65_536) if sys.stdin is not None else ""
    return text.removesuffix("\n").removesuffix("\r")
