"""
How an answer goes to standard output: drawn, or as it came.

It is drawn where a person reads it: standard output is a terminal that can more than letters (`TERM=dumb` cannot), and
nobody asked for the text as it is.  `rich` is imported when the first word is drawn, and not before.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from importlib.util import find_spec
from typing import Final, Protocol

from dragoman.cli.output import draw, safe, write
from dragoman.cli.render.paint import INSTALL

HINT: Final = f"· this Markdown is shown as it came; to have it drawn: {INSTALL}"
_MARKED: Final = re.compile(r"^(?:#{1,6} |```|\|.*\|)|\*\*\S", re.MULTILINE)
_LOOKED_AT: Final = 20_000  # characters, for the hint


class Writer(Protocol):
    """Where the text of one answer goes, as it comes."""

    def feed(self, text: str) -> None:
        """More of it."""
        ...

    def close(self) -> str | None:
        """It has ended: end its line.  Returns what to tell the reader, or None."""
        ...


def writer(*, raw: bool, exact: bool = False) -> Writer:
    """
    The writer for standard output as it is now.

    Args:
        raw: Text as it came.
        exact: And no line feed added at its end.
    """
    seen = sys.stdout is not None and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if raw or not seen:
        return AsItCame(exact=exact)
    return Drawn() if find_spec("rich") is not None else AsItCame(hints=True)


class AsItCame:
    """Text as it came."""

    def __init__(self, *, exact: bool = False, hints: bool = False) -> None:
        self._exact = exact
        self._hints = hints
        self._end = ""
        self._seen: list[str] = []
        self._room = _LOOKED_AT

    def feed(self, text: str) -> None:
        """Write it."""
        write(text)
        self._end = text[-1:] or self._end
        if self._hints and self._room > 0:
            self._seen.append(text)
            self._room -= len(text)

    def close(self) -> str | None:
        """End the line."""
        if self._end not in ("", "\n") and not self._exact:
            write("\n")
        self._end = ""
        return HINT if _MARKED.search("".join(self._seen)) else None


class Drawn:
    """Markdown, drawn."""

    def __init__(self) -> None:
        from dragoman.cli.render.flow import Flow  # loads nothing heavy; who pipes need not load it
        from dragoman.cli.render.paint import Painter

        self._flow = Flow(Painter(), draw, _columns)

    def feed(self, text: str) -> None:
        """Draw it."""
        self._flow.feed(safe(text))

    def close(self) -> str | None:
        """End it."""
        self._flow.close()
        return None


def _columns() -> int:
    return shutil.get_terminal_size().columns
