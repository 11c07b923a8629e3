"""
Changing one value of a TOML file, and nothing else of it.

The lines of the value are found and replaced; comments, order and blank lines stay.

Rule: the new text is read back, and it must say exactly what the old one said but for this value; else nothing is
written, and the user is told to edit by hand.  So a form of TOML that this module does not foresee cannot be harmed.
"""

from __future__ import annotations

import re
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.cli.config.known import Key
from dragoman.cli.config.reading import read_file
from dragoman.cli.whole import write_file
from dragoman.errors import ConfigError

_TABLE: Final = re.compile(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(#.*)?\Z")
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


def write_value(path: Path, key: Key, value: Any) -> None:
    """
    Set a value, or remove it for None; the file is made if there is none.

    Raises:
        ConfigError: The file cannot be read or written, or not be changed safely.
    """
    before = read_file(path)
    text = path.read_text("utf-8") if path.exists() else ""
    changed = edited(text, key, value)
    if not _says(changed, _wanted(before, key, value)):
        raise ConfigError(
            f"{path} is written in a way that cannot be changed safely: dragoman config edit", field="config"
        )
    if changed != text:
        write_file(path, changed, "config")


def edited(text: str, key: Key, value: Any) -> str:
    """
    Return the text with one value changed.

    >>> edited('# mine\\nmodel = "a/b"  # good\\n', Key("", "model"), "c/d")
    '# mine\\nmodel = "c/d"  # good\\n'
    """
    lines = text.splitlines(keepends=True)
    start, stop = _table(lines, key.table)
    if start is None:
        return text if value is None else text + _new_table(text, key, value)
    first = next((at for at in range(start, stop) if _is_key(lines[at], key.name)), None)
    if first is None:
        return text if value is None else _inserted(lines, start, stop, key, value)
    last = _end(lines, first, stop)
    line = [] if value is None else [f"{_written(key, value)}{_comment(lines[first:last])}\n"]
    return "".join(lines[:first] + line + lines[last:])


def _table(lines: list[str], name: str) -> tuple[int | None, int]:
    """First line of a table and the line behind its last; the root is what stands before every table."""
    heads = [(at, found[1]) for at, line in enumerate(lines) if (found := _TABLE.match(line.rstrip("\r\n")))]
    if not name:
        return 0, heads[0][0] if heads else len(lines)
    for i, (at, head) in enumerate(heads):
        if head == name:
            return at + 1, heads[i + 1][0] if i + 1 < len(heads) else len(lines)
    return None, len(lines)


def _is_key(line: str, name: str) -> bool:
    left = line.partition("=")[0].strip()
    return "=" in line and left in (name, f'"{name}"', f"'{name}'")


def _end(lines: list[str], first: int, stop: int) -> int:
    """The line behind a value, which may take several: as many as make it TOML."""
    for last in range(first + 1, stop + 1):
        if _read("".join(lines[first:last])) is not None:
            return last
    return stop


def _comment(lines: list[str]) -> str:
    """The comment behind a value on one line, with the blanks before it."""
    line = lines[0].rstrip("\r\n")
    if len(lines) > 1:
        return ""
    whole = _read(line)
    for at in (found.start() for found in re.finditer("#", line)):
        if _read(line[:at]) == whole:
            return line[len(line[:at].rstrip()) :]
    return ""


def _inserted(lines: list[str], start: int, stop: int, key: Key, value: Any) -> str:
    """Put a new key behind the last line of the table that is not blank or a comment."""
    at = stop
    while at > start and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith("#")):
        at -= 1
    if at == start and not key.table:
        at = stop  # a head of comments stays the head
    before = lines[:at]
    if before and not before[-1].endswith("\n"):
        before[-1] += "\n"
    return "".join([*before, f"{_written(key, value)}\n", *lines[at:]])


def _new_table(text: str, key: Key, value: Any) -> str:
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{gap}[{key.table}]\n{_written(key, value)}\n"


def _written(key: Key, value: Any) -> str:
    name = key.name if _BARE.match(key.name) else _text(key.name)
    return f"{name} = {toml(value)}"


def toml(value: Any) -> str:
    """
    Write a value as TOML.

    Raises:
        ConfigError: It has none, such as null.

    >>> toml(["a", 1, {"b": True}])
    '["a", 1, {"b" = true}]'
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(one) for one in value)}]"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, dict):
        pairs = (f"{_text(str(name))} = {toml(held)}" for name, held in value.items())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return f"{{{', '.join(pairs)}}}"
    raise ConfigError(f"{value!r} cannot be written in TOML", field="value")


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, and it has DEL escaped besides."""
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _wanted(before: dict[str, Any], key: Key, value: Any) -> dict[str, Any]:
    wanted = deepcopy(before)
    home = wanted.setdefault(key.table, {}) if key.table else wanted
    home.pop(key.name, None)
    if value is not None:
        home[key.name] = value
    return wanted


def _says(text: str, wanted: dict[str, Any]) -> bool:
    told = _read(text)
    return told is not None and _without_empty(told) == _without_empty(wanted)


def _without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value != {}}
