"""`dragoman config show`, `get`, `set`, `unset`, `edit` and `path`."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from dragoman import catalog
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.config.edit import write_value
from dragoman.cli.config.known import Key, of_text, parse_key
from dragoman.cli.config.reading import defaults, found, read_file, strangers
from dragoman.cli.output import print_json, print_table, safe, talk, terminal, write
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.redact import redact

# Variables of ours that say what no file says, or win over it.
_VARIABLES: Final = (
    "DRAGOMAN_MODEL",
    "DRAGOMAN_LANG",
    "DRAGOMAN_STORE",
    "DRAGOMAN_TENANT",
    "DRAGOMAN_OWNER",
    "DRAGOMAN_NO_DETECT",
    "DRAGOMAN_DETECT_PORTS",
    "DRAGOMAN_DEBUG",
)
_HERE: Final = click.option("--project", is_flag=True, help="In ./dragoman.toml instead of the user's file.")


class Line(msgspec.Struct, frozen=True):
    """One value that holds, and who says it."""

    key: str
    value: Any
    origin: str


@click.command("show", context_settings=CONTEXT)
@click.option("--origin", is_flag=True, help="Show which file or variable says it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def SHOW(origin: bool, as_json: bool) -> int:
    """Print the values that hold: variables first, then ./dragoman.toml, then the user's file."""
    setup = load(os.environ, Path())
    lines = _lines(setup)
    if as_json:
        print_json(lines)
    elif origin:
        print_table([(one.key, _shown(one.value), one.origin) for one in lines], ("key", "value", "from"))
    else:
        for one in lines:
            write(safe(f"{one.key} = {_shown(one.value)}") + "\n")
    for path in (setup.project, setup.user):
        for name in strangers(path):
            talk(t("config.stranger", name=name, path=path))
    if not lines and not as_json:
        talk(t("config.empty"))
    return exits.OK


@click.command("get", context_settings=CONTEXT)
@click.argument("key")
def GET(key: str) -> int:
    """Print the value of KEY; exit code 1 if nobody says it."""
    name = str(parse_key(key))
    line = next((one for one in _lines(load(os.environ, Path())) if one.key == name), None)
    if line is None:
        talk(t("config.unset", key=name))
        return exits.ERROR
    write((line.value if isinstance(line.value, str) else _shown(line.value)) + "\n")
    return exits.OK


@click.command("set", context_settings=CONTEXT)
@click.argument("key")
@click.argument("value")
@_HERE
def SET(key: str, value: str, project: bool) -> int:
    """Write the VALUE of KEY, and leave the rest of the file as it is."""
    wanted = parse_key(key)
    setup = load(os.environ, Path())
    chosen = of_text(wanted, value)
    if wanted.table == "aliases" or str(wanted) in ("model", "fallback"):
        for model in [chosen] if isinstance(chosen, str) else chosen:
            known_model(model, setup)
    change(_path(setup, project=project), wanted, chosen)
    return exits.OK


@click.command("unset", context_settings=CONTEXT)
@click.argument("key")
@_HERE
def UNSET(key: str, project: bool) -> int:
    """Remove KEY from the file; exit code 1 if it is not there."""
    return remove(_path(load(os.environ, Path()), project=project), parse_key(key))


@click.command("edit", context_settings=CONTEXT)
@_HERE
def EDIT(project: bool) -> int:
    """Open the file in $VISUAL or $EDITOR, and check it."""
    path = _path(load(os.environ, Path()), project=project)
    open_editor(path)
    found([path])
    for name in strangers(path):
        talk(t("config.stranger", name=name, path=path))
    return exits.OK


@click.command("path", context_settings=CONTEXT)
@_HERE
def PATH(project: bool) -> int:
    """Print where the file is, whether it is there or not."""
    write(f"{_path(load(os.environ, Path()), project=project)}\n")
    return exits.OK


def known_model(model: str, setup: Setup) -> str:
    """
    The whole name of a model, or of an alias's model.

    Raises:
        UnknownModelError: It leads to no provider; near names are told.
    """
    model = defaults([setup.project, setup.user]).aliases.get(model, model)
    provider, name = catalog.parse_model(model, setup.knowing(model).providers)
    return f"{provider}/{name}"


def change(path: Path, key: Key, value: Any) -> None:
    """
    Write one value, and say so.

    Raises:
        ConfigError: As `write_value`.
    """
    write_value(path, key, value)
    talk(t("config.written", key=key, path=path))


def remove(path: Path, key: Key) -> int:
    """
    Remove one value, and return the exit code.

    Raises:
        ConfigError: As `write_value`.
    """
    values = read_file(path)
    home = values.get(key.table, {}) if key.table else values
    if key.name not in home:
        talk(t("config.unset", key=key))
        return exits.ERROR
    write_value(path, key, None)
    talk(t("config.removed", key=key, path=path))
    return exits.OK


def open_editor(path: Path) -> None:
    """
    Let the user edit a file, whose folder is made.

    Raises:
        ConfigError: There is no editor, or it failed.
    """
    said = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not said and not terminal(os.environ).interactive:
        raise ConfigError(f"an editor needs a terminal: edit {path}, or set EDITOR", field="editor")
    editor = said or ("notepad" if os.name == "nt" else "vi")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        code = subprocess.call([*shlex.split(editor), str(path)])
    except (OSError, ValueError) as error:
        raise ConfigError(f"the editor {editor!r} cannot be started: {error}; set EDITOR", field="editor") from error
    if code:
        raise ConfigError(f"the editor {editor!r} ended with {code}", field="editor")


def _lines(setup: Setup) -> list[Line]:
    environ = setup.environ
    variables = [Line(name, redact(environ[name]), setup.origin(name)) for name in _VARIABLES if environ.get(name)]
    held = found([setup.project, setup.user])
    files = [Line(name, one.value, str(one.path)) for name, one in held.items()]
    if environ.get("DRAGOMAN_MODEL"):
        files = [line for line in files if line.key != "model"]
        files.insert(0, Line("model", environ["DRAGOMAN_MODEL"], setup.origin("DRAGOMAN_MODEL")))
    return [*files, *variables]


def _shown(value: Any) -> str:
    return safe(msgspec.json.encode(value).decode())


def _path(setup: Setup, *, project: bool) -> Path:
    return setup.project if project else setup.user
