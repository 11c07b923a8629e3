"""`dragoman schema`: what an answer is to be."""

from __future__ import annotations

from typing import Final

import click

from dragoman.cli.app import CONTEXT
from dragoman.cli.group import Commands

_COMMANDS: Final = {
    "show": "dragoman.cli.schema.commands:SHOW",
    "check": "dragoman.cli.schema.commands:CHECK",
    "infer": "dragoman.cli.schema.commands:INFER",
}


@click.group("schema", cls=Commands, at=_COMMANDS, context_settings=CONTEXT)
def COMMAND() -> None:
    """
    Write, check and infer schemas for --schema.

    \b
    dragoman schema show 'vendor, date, total float'      as a JSON Schema
    dragoman schema infer samples.jsonl                   what values have in common, in a line
    dragoman schema check 'vendor, total float' out.json  what is wrong with values, and where

    A schema is a line, a JSON Schema, or a file with either.  In a line a field is a name, a type (str int float bool
    date, or a|b|c), ? if it may be missing, and words or {fields} behind a colon; name[] is a list.
    """
