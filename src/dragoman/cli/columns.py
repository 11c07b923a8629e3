"""
Tables in aligned columns, without a library.

Numbers stand at the right.  Where someone sees the table, or `COLUMNS` is set, it is fitted into that width by cutting
the first column; into a file or pipe nothing is cut.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Mapping, Sequence

from dragoman.cli.output import width, write

_LEAST = 16  # columns that the first one keeps


def line_width(environ: Mapping[str, str]) -> int | None:
    """How wide a line may be, or None for as wide as it is."""
    told = environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else None


def print_columns(
    rows: Sequence[Sequence[str]], heads: Sequence[str], *, right: Collection[str] = (), limit: int | None = None
) -> None:
    """Write rows under their heads; those named in `right` are flush right, and the first gives way to `limit`."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(heads))]
    if limit is not None:
        rest = sum(widths[1:]) + 2 * (len(heads) - 1)
        widths[0] = min(widths[0], max(_LEAST, limit - rest))
    for line in lines:
        cells = [_padded(cut(cell, widths[i]), widths[i], heads[i] in right) for i, cell in enumerate(line)]
        write("  ".join(cells).rstrip() + "\n")


def cut(text: str, columns: int) -> str:
    """
    Shorten a text to a number of columns, with an ellipsis where something is left out.

    >>> cut("gemini-4-argon", 10)
    'gemini-4-…'
    """
    if width(text) <= columns:
        return text
    kept = text
    while kept and width(kept) > columns - 1:
        kept = kept[:-1]
    return kept + "…"


def _padded(cell: str, columns: int, right: bool) -> str:
    blank = " " * (columns - width(cell))
    return blank + cell if right else cell + blank
