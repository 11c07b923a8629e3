"""`dragoman completion`: names of commands, options, models and more, at the press of a key."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.completion.answers import candidates
from dragoman.cli.completion.scripts import SCRIPTS
from dragoman.cli.output import talk, write
from dragoman.cli.whole import write_file
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.observe.place import data_directory


class Place(NamedTuple):
    """
    Where a shell looks.

    Attributes:
        script: The file that holds the lines.
        start: The file that the shell reads when it starts, or None where it finds `script` by itself.
        line: What must stand in that.
    """

    script: Path
    start: Path | None
    line: str


@click.command("completion", context_settings=CONTEXT)
@click.argument("shell", metavar="SHELL", type=click.Choice(list(SCRIPTS)))
@click.option("--install", is_flag=True, help="Set it up for every new shell.")
def COMMAND(shell: str, install: bool) -> int:
    """
    Print what makes SHELL complete commands, options, models, aliases, conversations, kits, templates and settings.

    \b
    eval "$(dragoman completion bash)"      for this shell
    dragoman completion zsh --install       for every new one
    """
    list(candidates([""]))  # so that the first press of the key need not wait
    if not install:
        write(SCRIPTS[shell])
        return exits.OK
    place = place_of(shell, os.environ)
    _save(place, SCRIPTS[shell])
    talk(t("completion.installed", path=place.script))
    if place.start is not None:
        talk(t("completion.start", path=place.start))
    return exits.OK


def place_of(shell: str, environ: Mapping[str, str]) -> Place:
    """Where the lines of a shell go."""
    home = Path(environ.get("HOME") or "~").expanduser()
    told = environ.get("XDG_CONFIG_HOME") or ""
    config = Path(told) if told.startswith("/") else home / ".config"
    if shell == "fish":
        return Place(config / "fish" / "completions" / "dragoman.fish", None, "")
    script = data_directory(environ) / f"completion.{'ps1' if shell == 'powershell' else shell}"
    if shell == "powershell":
        return Place(script, config / "powershell" / "profile.ps1", f'. "{script}"')
    if shell == "zsh":
        start = Path(environ.get("ZDOTDIR") or home) / ".zshrc"
        line = f'(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}; source "{script}"'
        return Place(script, start, line)
    return Place(script, home / ".bashrc", f'source "{script}"')


def _save(place: Place, text: str) -> None:
    try:
        write_file(place.script, text, "install")
        if place.start is not None:
            _add_line(place.start, place.line)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{place.start} cannot be written: {getattr(error, 'strerror', error)}", field="install"
        ) from error


def _add_line(path: Path, line: str) -> None:
    """Put a line at the end of a file, once."""
    had = path.read_text("utf-8") if path.exists() else ""
    if line in had.splitlines():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    gap = "" if not had or had.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{gap}{line}\n")
