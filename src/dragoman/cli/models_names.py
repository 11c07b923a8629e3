"""`dragoman models default` and `alias`: the model that is asked, and short names for models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.config.commands import change, known_model, remove
from dragoman.cli.config.known import Key
from dragoman.cli.config.reading import defaults
from dragoman.cli.group import Commands
from dragoman.cli.output import print_json, print_table, talk, write
from dragoman.cli.setup import configured_model, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError


@click.command("default", context_settings=CONTEXT)
@click.argument("model", required=False)
def DEFAULT(model: str | None) -> int:
    """Print the model that is asked without -m, or make MODEL that; exit code 1 if none is set."""
    setup = load(os.environ, Path())
    if model is not None:
        change(setup.user, Key("", "model"), known_model(model, setup))
        if configured_model(setup.project):
            talk(t("models.outranked", path=setup.project))
        return exits.OK
    said = setup.environ.get("DRAGOMAN_MODEL") or configured_model(setup.project) or configured_model(setup.user)
    if said is None:
        talk(t("models.no_default"))
        return exits.ERROR
    write(said + "\n")
    return exits.OK


@click.command("set", context_settings=CONTEXT)
@click.argument("name")
@click.argument("model")
def SET(name: str, model: str) -> int:
    """Make NAME another name for MODEL: dragoman -m NAME."""
    if "/" in name or not name.strip() or name.startswith("-"):
        raise ConfigError(f"an alias cannot be {name!r}: it has no slash and no dash before it", field="name")
    setup = load(os.environ, Path())
    change(setup.user, Key("aliases", name), known_model(model, setup))
    return exits.OK


@click.command("rm", context_settings=CONTEXT)
@click.argument("name")
def RM(name: str) -> int:
    """Forget the alias NAME; exit code 1 if there is none."""
    return remove(load(os.environ, Path()).user, Key("aliases", name))


@click.command("list", context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: alias to model.")
def LIST(as_json: bool) -> int:
    """Show the aliases."""
    setup = load(os.environ, Path())
    aliases = defaults([setup.project, setup.user]).aliases
    if as_json:
        print_json(aliases)
    elif aliases:
        print_table(sorted(aliases.items()), ("alias", "model"))
    else:
        talk(t("models.no_alias"))
    return exits.OK


_COMMANDS: Final = {
    name: f"dragoman.cli.models_names:{constant}" for name, constant in (("list", "LIST"), ("set", "SET"), ("rm", "RM"))
}


@click.group("alias", cls=Commands, at=_COMMANDS, usual="list", context_settings=CONTEXT)
def ALIAS() -> None:
    """
    Short names for models.

    \b
    dragoman models alias set fast openai/gpt-6-luna
    dragoman -m fast "why?"
    """
