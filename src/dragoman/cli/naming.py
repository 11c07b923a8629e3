"""
What an argument of the library is called on the command line: `max_cost` is `--max-cost`.

The library's errors name its arguments; who typed options is told those.  Only names that the command has as options
are changed, and only where they stand as names: the field of the error at the start of its sentence, then also names
with an underscore behind it; and `name=value`.  What somebody has typed stands in quotes and stays, and so does what is
said of a file.

Rule: this is the one place for it; no command words an error of the library anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import click

from dragoman.errors import BatchError, ConfigError, DragomanError, RefusedLocally

# Arguments whose option has another name.
_OTHERS: Final = {"usd": "max_cost", "max_retries": "retries", "attempts": "retries", "settings": "option"}
_QUOTED: Final = re.compile(r"""("[^"]*"|'[^']*'(?!\w))""")
_UNDERSCORED: Final = re.compile(r"(?<![\w./-])\w+_\w+\b(?! ?=)")
_NONE: Final = re.compile(r",? or None\b[^:;,.)]*")


class Ran:
    """
    Which command ran.

    Attributes:
        command: The innermost one that was found, or None.
    """

    def __init__(self) -> None:
        self.command: click.Command | None = None


def options_of(command: click.Command | None) -> dict[str, str]:
    """The options of a command, by the names that the library has for what they give."""
    found: dict[str, str] = {}
    for param in command.params if command is not None else ():
        if isinstance(param, click.Option):
            shown = max(param.opts, key=len)
            found |= {name.lstrip("-").replace("-", "_"): shown for name in param.opts}
            found[param.name or ""] = shown
    return {**{name: found[other] for name, other in _OTHERS.items() if other in found}, **found}


def typed(error: DragomanError, options: Mapping[str, str]) -> str:
    """
    The sentence of an error, with options instead of arguments.

    >>> from dragoman.errors import ConfigError
    >>> typed(ConfigError("max_cost is 'x': give US dollars", field="max_cost"), {"max_cost": "--max-cost"})
    "--max-cost is 'x': give US dollars"
    """
    text, field = str(error), error.field or ""
    if not isinstance(error, ConfigError | BatchError | RefusedLocally):
        return text  # the words of a provider, which are its own
    if field in options and re.match(rf"{re.escape(field)}\b(?!['\"/.])", text):
        text = _underscored(_NONE.sub("", options[field] + text.removeprefix(field)), options)
    for name, shown in options.items():
        begins = rf"(?<![\w'\"./-]){re.escape(name)}="
        text = re.sub(rf"{begins}'([^']+)'", rf"{shown} \1", text)
        text = re.sub(rf"{begins} ?(?=\w)", f"{shown} ", text)
        text = re.sub(rf"{begins}(?=[,;:.)]|$)", shown, text)
    return text


def _underscored(text: str, options: Mapping[str, str]) -> str:
    parts = _QUOTED.split(text)
    parts[::2] = [_UNDERSCORED.sub(lambda found: options.get(found[0], found[0]), part) for part in parts[::2]]
    return "".join(parts)
