"""
`.env` files.

One assignment a line: `NAME=value`, `export NAME=value`, `# comment`.  A value in single quotes is literal; in double
quotes `\\n \\r \\t \\" \\\\ \\$` are escapes; either may run over several lines.  An unquoted value ends at ` #` or at
the end of the line.  Nothing is ever evaluated: no `$VARIABLE`, no command.

Errors name file and line, never a value.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from dragoman.errors import ConfigError
from dragoman.redact import forget_locals

_NAME: Final = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=")
_QUOTE: Final = re.compile(r"[ \t]*(?=['\"])")
_BLANK: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_SINGLE: Final = re.compile(r"'([^']*)'")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_PLAIN: Final = re.compile(r"([^\n]*?)(?=[ \t]+#|[ \t]*(?:\n|\Z))")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "\n": ""}
_LITERAL: Final = ('"', "\\", "$", "'", "`")


def load_dotenv(
    path: str | Path | None = None, environ: MutableMapping[str, str] | None = None, *, override: bool = False
) -> dict[str, str]:
    """
    Read a `.env` file into the environment, and return what it holds.

    Args:
        path: The file; `.env` in the current directory if None, and then it may be missing.
        environ: Where the values go; the process's environment if None.
        override: Whether a value of the file replaces one that is set.

    Raises:
        ConfigError: The file cannot be read, or a line is no assignment.
    """
    if environ is None:
        from os import environ as process_environ  # read only when the caller asks for this file to be loaded

        environ = process_environ
    values = read_dotenv(Path(".env") if path is None else Path(path), missing_ok=path is None)
    for name, value in values.items():
        if override or name not in environ:
            environ[name] = value
    return values


def read_dotenv(path: Path, *, missing_ok: bool = False) -> dict[str, str]:
    """
    Read a `.env` file without putting it anywhere.

    Raises:
        ConfigError: The file cannot be read, is not UTF-8, or a line is no assignment.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        if missing_ok:
            return {}
        raise ConfigError(f"{path}: no such file", field="path") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", field="path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start})", field="path") from None
    try:
        return parse_dotenv(text, str(path))
    except ConfigError as error:
        forget_locals(error)
        problem = error
    del text  # the traceback of the error shows variables, if someone prints it so
    raise problem


def parse_dotenv(text: str, name: str = ".env") -> dict[str, str]:
    """
    Parse the text of a `.env` file.  Of a name that is given twice the last value holds.

    Raises:
        ConfigError: A line is no assignment, or a quote is not closed; the message has the line's number.

    >>> parse_dotenv('export A=1 # one\\nB="two words"')
    {'A': '1', 'B': 'two words'}
    """
    text = text.replace("\r\n", "\n")
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        blank = _BLANK.match(text, position)
        if blank and blank.end() > position:
            position = blank.end()
            continue
        head = _NAME.match(text, position)
        if head is None:
            raise _wrong(text, position, name, "is no NAME=value")
        values[head[1]], position = _value(text, head.end(), name)
    return values


def _value(text: str, position: int, name: str) -> tuple[str, int]:
    """The value that begins at `position`, and where the next line begins."""
    quoted = _QUOTE.match(text, position)
    if quoted:
        position = quoted.end()
    quote = text[position] if quoted else ""
    pattern = {"'": _SINGLE, '"': _DOUBLE}.get(quote, _PLAIN)
    found = pattern.match(text, position)
    if found is None:
        raise _wrong(text, position, name, "opens a quote that is not closed")
    rest = _BLANK.match(text, found.end())
    if rest is None:
        raise _wrong(text, found.end(), name, "has something after the closing quote")
    value = _ESCAPE.sub(_unescape, found[1]) if quote == '"' else found[1] if quote else found[1].strip()
    return value, rest.end()


def _unescape(escape: re.Match[str]) -> str:
    char = escape[1]
    return _ESCAPES.get(char, char if char in _LITERAL else escape[0])


def _wrong(text: str, position: int, name: str, what: str) -> ConfigError:
    line = text.count("\n", 0, position) + 1
    return ConfigError(f"{name}, line {line} {what}", field=f"line {line}")
