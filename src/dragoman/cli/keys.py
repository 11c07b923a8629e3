"""`dragoman keys`: storing keys, and saying where each provider's key comes from."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "list": "dragoman.cli.keys_list",
    "set": "dragoman.cli.keys_set",
    "get": "dragoman.cli.keys_get",
    "rm": "dragoman.cli.keys_rm",
    "test": "dragoman.cli.keys_test",
    "import": "dragoman.cli.keys_import",
}


@click.group("keys", cls=Commands, at=_COMMANDS, usual="list", context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Store keys, list where they come from, try them.

    \b
    dragoman keys                               which providers have a key, and from where
    dragoman keys set openai                    asks for it, unseen, stores it, tries it
    dragoman keys set openai --ref awskms:…     stores where it is, and no key
    pass show openai | dragoman keys set openai
    dragoman keys test                          one request for a model list each
    dragoman keys import .env                   takes the keys of a file over

    A key is stored in the system's keyring, or where there is none in an encrypted file.  The environment outranks what
    is stored.
    """
