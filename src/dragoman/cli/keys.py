"""`dragoman keys`: storing keys, and saying where each provider's key comes from."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

import click

from dragoman.cli.app import CONTEXT

_COMMANDS: Final = {
    "list": "dragoman.cli.keys_list",
    "set": "dragoman.cli.keys_set",
    "get": "dragoman.cli.keys_get",
    "rm": "dragoman.cli.keys_rm",
    "test": "dragoman.cli.keys_test",
    "import": "dragoman.cli.keys_import",
}


class _Commands(click.Group):
    """Imports a command when it is asked for; without one, it lists."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        return cast("click.Command", import_module(_COMMANDS[cmd_name]).COMMAND)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args == ["--json"]:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("keys", cls=_Commands, context_settings=CONTEXT)
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
