"""`dragoman keys get`: the key that is in force."""

from __future__ import annotations

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.keys_row import masked, subject
from dragoman.cli.output import talk, write
from dragoman.cli.words import t
from dragoman.errors import MissingKeyError
from dragoman.secrets import Keys, key_variables


@click.command("get", context_settings=CONTEXT)
@click.argument("provider")
@click.option("--reveal", is_flag=True, help="Print the key itself.")
def COMMAND(provider: str, reveal: bool) -> int:
    """Look up the key of PROVIDER, and print its end, or with --reveal the whole of it."""
    asked = subject(provider)
    source = Keys(asked.setup.environ).source(asked.row)
    if source is None:
        raise MissingKeyError(asked.row.name, key_variables(asked.row)[0], ["environment", "stored keys"])
    secret = source.take()
    talk(t("keys.from", origin=asked.setup.key_origin(asked.row) or t("keys.access_key")))
    write((secret.reveal() if reveal else masked(secret)) + "\n")
    return exits.OK
