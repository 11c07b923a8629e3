"""`dragoman template list`, `show`, `edit`, `save` and `rm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import msgspec

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.config.commands import open_editor
from dragoman.cli.config.edit import toml
from dragoman.cli.options import parse_options
from dragoman.cli.output import print_json, print_table, safe, talk, write
from dragoman.cli.schema.commands import read_text
from dragoman.cli.schema.source import read_schema
from dragoman.cli.template.store import Template, checked_name, find, folder, names, parse, source, written
from dragoman.cli.whole import write_file
from dragoman.cli.words import t
from dragoman.errors import ConfigError


@click.command("list", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def LIST(as_json: bool) -> int:
    """Show the templates, with the places that -p fills."""
    found = [find(name, os.environ) for name in names(os.environ)]
    if as_json:
        print_json([_data(template) for template in found])
    else:
        rows = [(one.name, " ".join(_places(one)), _where(one), safe(one.about)) for one in found]
        print_table(rows, ("template", "places", "", "what it does"))
    return exits.OK


@click.command("show", context_settings=CONTEXT)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def SHOW(name: str, as_json: bool) -> int:
    """Print the template NAME as its file has it."""
    if as_json:
        print_json(_data(find(name, os.environ)))
    else:
        write(safe(source(name, os.environ)).rstrip("\n") + "\n")
    return exits.OK


@click.command("edit", context_settings=CONTEXT)
@click.argument("name")
def EDIT(name: str) -> int:
    """Open the template NAME in $VISUAL or $EDITOR; one that is built in is copied first, and yours is used then."""
    path = _path(name)
    if not path.exists():
        write_file(path, source(name, os.environ) if name in names(os.environ) else "{input}\n", "template")
    open_editor(path)
    check(find(name, os.environ))
    talk(t("template.kept", path=path))
    return exits.OK


@click.command("save", context_settings=CONTEXT)
@click.argument("name")
@click.argument("text", required=False)
@click.option("-s", "--system", metavar="TEXT", help="Instructions for the model.")
@click.option("-m", "--model", metavar="PROVIDER/MODEL", help="Who is to be asked.")
@click.option("-o", "--option", multiple=True, metavar="NAME=VALUE", help="Setting, such as temperature=0.2.")
@click.option("-p", "--param", multiple=True, metavar="NAME=VALUE", help="Value of a place, unless another is given.")
@click.option("--schema", metavar="SCHEMA", help="What the answer is to be.")
@click.option("--about", metavar="TEXT", help="What it is for, in a line.")
@click.option("--force", is_flag=True, help="Replace one that is there.")
def SAVE(name: str, text: str | None, force: bool, **options: Any) -> int:
    """Keep TEXT (or standard input) as the template NAME."""
    path = _path(name)
    if path.exists() and not force:
        raise ConfigError(f"there is a template {name!r} already: add --force to replace it", field="name")
    body = text if text is not None else read_text("-")
    if not body.strip():
        raise ConfigError("a template needs text: give it as an argument, or pipe it in", field="text")
    whole = f"{_head(options)}{body.strip()}\n"
    check(parse(name, whole, path))
    write_file(path, whole, "template")
    talk(t("template.kept", path=path))
    return exits.OK


@click.command("rm", context_settings=CONTEXT)
@click.argument("name")
def RM(name: str) -> int:
    """Remove your template NAME; of one that is built in, your copy."""
    path = _path(name)
    try:
        path.unlink()
    except FileNotFoundError:
        known = find(name, os.environ)  # says so if there is none at all
        raise ConfigError(f"the template {known.name!r} is built in and cannot be removed", field="name") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be removed: {error.strerror}", field="name") from error
    talk(t("template.removed", path=path))
    return exits.OK


def check(template: Template) -> None:
    """
    Hold a template to what it will be used for.

    Raises:
        ConfigError: A setting or the schema cannot be.
    """
    parse_options([f"{name}={value}" for name, value in written(template.options).items()], None)
    if template.schema is not None:
        read_schema(template.schema)


def _head(options: dict[str, Any]) -> str:
    lines = [f"{name} = {toml(options[name])}" for name in ("about", "model", "system", "schema") if options[name]]
    for table, pairs in (("options", options["option"]), ("defaults", options["param"])):
        held = {name.strip(): value for name, _, value in (pair.partition("=") for pair in pairs)}
        if table == "options":
            settings = parse_options(pairs, None).values()
            held = {name: msgspec.to_builtins(value) for name, value in settings.items()}
        if held:
            lines += [f"[{table}]", *(f"{toml(name)} = {toml(value)}" for name, value in held.items())]
    return "\n".join(["+++", *lines, "+++", ""]) if lines else ""


def _data(template: Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "about": template.about,
        "places": template.places,
        "defaults": template.defaults,
        "model": template.model,
        "system": template.system,
        "schema": template.schema,
        "options": template.options,
        "path": None if template.path is None else str(template.path),
        "text": template.text,
    }


def _places(template: Template) -> list[str]:
    """Names; in brackets, those that have a value already."""
    return [f"[{name}]" if name in template.defaults else name for name in template.places]


def _where(template: Template) -> str:
    return "" if template.path is None else t("template.yours")


def _path(name: str) -> Path:
    return folder(os.environ) / f"{checked_name(name)}.md"
