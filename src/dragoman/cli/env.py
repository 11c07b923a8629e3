"""
`dragoman env`: variables for other tools.

Rule: no key is written into a pipe or file; there it is the command that looks it up, which the shell runs when it
reads the line.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click

from dragoman import catalog
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.config.reading import found
from dragoman.cli.conv.place import usual_store
from dragoman.cli.output import safe, talk, write
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.secrets import Keys, find_base_url
from dragoman.types.providers import Provider

# What the official tools of each dialect read: address, key.
_NAMES: Final = {
    "openai-chat": ("OPENAI_BASE_URL", "OPENAI_API_KEY"),
    "openai-responses": ("OPENAI_BASE_URL", "OPENAI_API_KEY"),
    "anthropic-messages": ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"),
    "gemini-generate": ("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY"),
    "ollama-chat": ("OLLAMA_HOST", ""),
    "cohere-chat": ("CO_API_URL", "CO_API_KEY"),
}


class _Shell(NamedTuple):
    """How a shell sets a variable: to a text, and to what a command prints."""

    text: Callable[[str, str], str]
    command: Callable[[str, str], str]


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _posix_text(name: str, text: str) -> str:
    return f"export {name}={shlex.quote(text)}"


def _posix_command(name: str, command: str) -> str:
    return f'export {name}="$({command})"'


def _fish_text(name: str, text: str) -> str:
    return f"set -gx {name} {_fish(text)}"


def _fish_command(name: str, command: str) -> str:
    return f"set -gx {name} ({command})"


def _powershell_text(name: str, text: str) -> str:
    return f"$env:{name} = {_powershell(text)}"


def _powershell_command(name: str, command: str) -> str:
    return f"$env:{name} = ({command})"


_POSIX: Final = _Shell(_posix_text, _posix_command)
_SHELLS: Final = {
    "bash": _POSIX,
    "zsh": _POSIX,
    "fish": _Shell(_fish_text, _fish_command),
    "powershell": _Shell(_powershell_text, _powershell_command),
}


@click.command("env", context_settings=CONTEXT)
@click.option("--from", "provider", metavar="PROVIDER", help="Address and key of this provider, for its own tools.")
@click.option("--shell", type=click.Choice(list(_SHELLS)), help="For which shell; by default the one in $SHELL.")
@click.option("--reveal", is_flag=True, help="Write the key itself.  Only on a terminal.")
def COMMAND(provider: str | None, shell: str | None, reveal: bool) -> int:
    """
    Print variables for other programs, as lines that a shell runs.

    \b
    eval "$(dragoman env --from groq)"        tools made for OpenAI now ask Groq
    dragoman env --shell fish | source        the model and the store of this directory

    A key is never in the lines: they have the command that looks it up.
    """
    if reveal and not sys.stdout.isatty():
        raise ConfigError(
            "--reveal writes to a terminal only; in a script the line without it looks the key up", field="reveal"
        )
    how = _SHELLS[shell or _usual()]
    setup = load(os.environ, Path())
    lines = _own(setup, how) if provider is None else _others(provider, setup, how, reveal=reveal)
    for line in lines:
        write(safe(line) + "\n")
    return exits.OK


def _usual() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    return name if name in _SHELLS else "powershell" if os.name == "nt" else "bash"


def _own(setup: Setup, how: _Shell) -> Iterator[str]:
    held = found([setup.project, setup.user])
    model = setup.environ.get("DRAGOMAN_MODEL") or (held["model"].value if "model" in held else None)
    if model:
        yield how.text("DRAGOMAN_MODEL", model)
    store = usual_store(os.environ)
    if "@" not in store:  # an address with a password is not written down
        yield how.text("DRAGOMAN_STORE", store)


def _others(name: str, setup: Setup, how: _Shell, *, reveal: bool) -> Iterator[str]:
    setup = setup.knowing(f"{name}/x")
    row = setup.providers.get(name)
    if row is None:
        catalog.parse_model(f"{name}/x", setup.providers)  # says which names are near
        raise ConfigError(f"there is no provider {name!r}: dragoman models lists them", field="from")
    if row.wire not in _NAMES:
        raise ConfigError(
            f"{name} speaks {row.wire}, for which no other tool reads an address: take one of {', '.join(_NAMES)}",
            field="from",
        )
    address, key = _NAMES[row.wire]
    yield how.text(address, find_base_url(row, setup.environ))
    if key:
        yield from _key(key, row, setup, how, reveal=reveal)


def _key(variable: str, row: Provider, setup: Setup, how: _Shell, *, reveal: bool) -> Iterator[str]:
    source = Keys(setup.environ).source(row)
    if source is None:
        if not row.quirks.key_optional:
            talk(t("env.no_key", provider=row.name))
        return
    if reveal:
        yield how.text(variable, source.take().reveal())
    else:
        yield how.command(variable, f"dragoman keys get {row.name} --reveal")
