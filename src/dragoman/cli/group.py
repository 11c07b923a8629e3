"""
Commands that are imported when they are asked for.

Rule: `dragoman --version`, and the help of one command, load no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from difflib import get_close_matches
from importlib import import_module
from inspect import cleandoc
from typing import Any, TypeVar, cast

import click

from dragoman.cli.naming import Ran
from dragoman.cli.words import ENGLISH, help_text, language

C = TypeVar("C", bound=click.Command)


class Commands(click.Group):
    """
    A group whose commands have modules of their own: `@click.group("logs", cls=Commands, at={...})`.

    Args:
        at: Names, and where each command is: `module`, which has it as `COMMAND`, or `module:NAME`.
        usual: The command that is meant where none is named; None for none.
        bare: Whether it is meant too where what is named is no command.
    """

    def __init__(self, *args: Any, at: Mapping[str, str], usual: str | None = None, bare: bool = False, **more: Any):
        super().__init__(*args, **more)
        self._at = at
        self._usual = usual
        self._bare = bare

    @property
    def usual(self) -> str | None:
        """The command that is meant where none is named."""
        return self._usual

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self._at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None if there is none of that name."""
        if cmd_name not in self._at:
            return None
        module, _, name = self._at[cmd_name].partition(":")
        return told(cast("click.Command", getattr(import_module(module), name or "COMMAND")))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the usual command before arguments that name none."""
        first = args[0] if args else ""
        named = first in self._at or first in ("-h", "--help")
        if self._usual is not None and not named and (self._bare or not first or first.startswith("-")):
            args = [self._usual, *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named; if there is none, say which was meant."""
        near = get_close_matches(args[0], self._at, n=1) if args[0] not in self._at else []
        if near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        found = super().resolve_command(ctx, args)
        if isinstance(ctx.obj, Ran):
            ctx.obj.command = found[1]
        return found


def told(command: C) -> C:
    """Return a command whose help is in the language of its reader; the command itself stays as it is."""
    if language() == ENGLISH:
        return command
    from dragoman.cli.speaking import Speaking  # who reads English need not load it

    other = copy(command)
    other.context_class = Speaking
    other.help = help_text(cleandoc(command.help or ""))
    if other.help.partition("\n\n")[0] != cleandoc(command.help or "").partition("\n\n")[0]:
        other.short_help = other.help.partition("\n")[0].partition("。")[0] + "。"
    other.params = [_told(param) for param in command.params]
    return other


def _told(param: click.Parameter) -> click.Parameter:
    if not isinstance(param, click.Option) or not param.help:
        return param
    other = copy(param)
    other.help = help_text(param.help)
    return other
