"""
What is printed, and where.

Standard output is data: the answer, a table, JSON.  Standard error is talk.  A model's text is foreign: on a terminal
its control characters are dropped, so that no answer can move the cursor, set a title or write to the clipboard.  Into
a file or pipe it goes as it is.

`NO_COLOR`, `FORCE_COLOR` and `TERM=dumb` are obeyed (no-color.org, force-color.org).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TextIO
from unicodedata import east_asian_width

import msgspec

# C0 without tab and line feed, DEL, C1, and the marks that reverse the direction of text.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"


class Terminal(msgspec.Struct, frozen=True):
    """
    What kind of ends the three streams have.

    Attributes:
        stdin: Whether someone can type.
        stdout: Whether someone sees the answer.
        stderr: Whether someone sees the talk.
        ci: Whether this is an unattended run, whatever its streams look like.
    """

    stdin: bool
    stdout: bool
    stderr: bool
    ci: bool = False

    @property
    def interactive(self) -> bool:
        """Whether a person asks and reads."""
        return self.stdin and self.stdout and not self.ci


def terminal(environ: Mapping[str, str]) -> Terminal:
    """Look at the process's streams."""
    stdin, stdout, stderr = (stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    return Terminal(stdin, stdout, stderr, ci=environ.get("CI", "").lower() not in ("", "0", "false"))


def safe(text: str) -> str:
    """Drop what would command a terminal instead of being read."""
    return _CONTROLS.sub("", text)


class ReaderLeft(Exception):
    """Whoever read standard output has closed it (`| head`); nothing is wrong."""


def write(text: str) -> None:
    """
    Write a piece of the answer now.

    Raises:
        ReaderLeft: Nobody reads it any more.
    """
    try:
        sys.stdout.write(safe(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderLeft from error


def draw(text: str) -> None:
    """
    Write to the terminal what we made ourselves, colours included; what is foreign in it was made `safe` before.

    Raises:
        ReaderLeft: Nobody reads it any more.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderLeft from error


def talk(text: str = "", *, end: str = "\n") -> None:
    """Write to standard error, which may be closed."""
    if sys.stderr is not None:
        _say(safe(text) + end)


def dim(text: str) -> None:
    """Write to standard error in a faint colour, where colours are wanted."""
    body = safe(text)
    _say(f"{_DIM}{body}{_RESET}" if coloured(sys.stderr) else body)


def _say(text: str) -> None:
    """Where standard error takes no more, there is nowhere to say so, and the answer and the exit code still count."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def print_json(value: Any) -> None:
    """Write one JSON value and a line feed."""
    write(msgspec.json.encode(value).decode() + "\n")


def print_table(rows: Iterable[Sequence[str]], heads: Sequence[str]) -> None:
    """Write rows under their heads, in columns; the last one runs free."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        cells = [cell + " " * (widths[i] - width(cell)) for i, cell in enumerate(line)]
        write("  ".join(cells).rstrip() + "\n")


def width(text: str) -> int:
    """Columns that a text takes: two for each wide character."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def discard_output() -> None:
    """Send what is still buffered nowhere, once the reader of standard output has left."""
    if sys.stdout is not None:
        _discard(sys.stdout)


def _discard(stream: TextIO) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
