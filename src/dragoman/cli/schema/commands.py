"""`dragoman schema show`, `check` and `infer`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.output import print_json, safe, talk, write
from dragoman.cli.schema.checking import checker
from dragoman.cli.schema.infer import as_dsl, as_schema, look, samples
from dragoman.cli.schema.source import json_schema, read_schema
from dragoman.cli.words import t
from dragoman.errors import ConfigError


@click.command("show", context_settings=CONTEXT)
@click.argument("schema")
def SHOW(schema: str) -> int:
    """Print SCHEMA as the JSON Schema that a model is held to."""
    data = msgspec.json.encode(json_schema(read_schema(schema)))
    write(msgspec.json.format(data, indent=2).decode() + "\n")
    return exits.OK


@click.command("check", context_settings=CONTEXT)
@click.argument("schema")
@click.argument("file", default="-")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def CHECK(schema: str, file: str, as_json: bool) -> int:
    """
    Hold the JSON of FILE (or standard input) to SCHEMA.  Exit code 6 if a value does not satisfy it.

    FILE is one value, or one on each line.
    """
    check = checker(read_schema(schema))
    text = read_text(file)
    values = samples_as_they_stand(text)
    wrong = [{"line": number, "error": error} for number, value in values for error in check(value)]
    if as_json:
        print_json(wrong)
    for found in [] if as_json else wrong:
        place = f"{found['line']}: " if len(values) > 1 else ""
        write(safe(f"{place}{found['error']}") + "\n")
    if not wrong and not as_json:
        talk(t("schema.fits", count=len(values)))
    return exits.OUTPUT if wrong else exits.OK


@click.command("infer", context_settings=CONTEXT)
@click.argument("file", default="-")
@click.option(
    "--form",
    type=click.Choice(["auto", "line", "json"]),
    default="auto",
    show_default=True,
    help="A line, a JSON Schema, or a line if there is one.",
)
def INFER(file: str, form: str) -> int:
    """Print the schema that the values of FILE (or standard input) have in common: JSON, one value or one per line."""
    seen = look(samples(read_text(file)))
    if form != "json":
        try:
            write(as_dsl(seen) + "\n")
        except ConfigError as error:
            if form == "line" or error.field != "dsl":
                raise
            talk(t("schema.no_line", why=error.message))
        else:
            return exits.OK
    data = msgspec.json.encode(as_schema(seen))
    write(msgspec.json.format(data, indent=2).decode() + "\n")
    return exits.OK


def samples_as_they_stand(text: str) -> list[tuple[int, object]]:
    """The values to check, with the lines on which they begin: a whole document, or one on each line."""
    try:
        return [(1, msgspec.json.decode(text))]
    except (msgspec.DecodeError, RecursionError):
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise ConfigError("there is nothing to check: the file is empty", field="file")
    return [(number, _value(line, number)) for number, line in lines]


def _value(line: str, number: int) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"line {number} is no JSON: {error}", field="file") from error


def read_text(file: str) -> str:
    """
    A file, or standard input for `-`.

    Raises:
        ConfigError: It cannot be read, or is not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", field="file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text (byte {error.start})", field="file") from error
