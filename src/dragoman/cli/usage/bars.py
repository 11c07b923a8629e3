"""
Bars and courses of text.

Where the terminal can write them, by eighths of a block (U+2588 to U+258F, U+2581 to U+2588), so that a bar of 20
columns tells 160 lengths apart; else in ASCII.

Rule: a value above nothing is seen: the shortest bar is one eighth, or one sign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

_FULL: Final = "█"
_EIGHTHS: Final = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_STEPS: Final = " ▁▂▃▄▅▆▇█"
_ASCII_STEPS: Final = " .:-=+*#@"


def has_blocks(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether what reads a stream can show blocks."""
    if environ.get("TERM") == "dumb":
        return False
    try:
        (_FULL + _STEPS + "".join(_EIGHTHS)).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def bar(value: float, most: float, columns: int, *, blocks: bool) -> str:
    """
    A bar, of `columns` columns for `most`.

    >>> bar(5, 8, 4, blocks=True), bar(5, 8, 4, blocks=False)
    ('██▌', '##')
    """
    if value <= 0 or most <= 0:
        return ""
    if not blocks:
        return "#" * max(1, int(columns * value / most))
    eighths = max(1, int(columns * 8 * value / most))
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8]


def course(values: Sequence[float], *, blocks: bool) -> str:
    """
    A course, one sign for each value.

    >>> course([0, 1, 4, 8], blocks=True), course([0, 1, 4, 8], blocks=False)
    (' ▁▄█', ' .=@')
    """
    steps = _STEPS if blocks else _ASCII_STEPS
    most = max(values, default=0)
    if most <= 0:
        return " " * len(values)
    return "".join(steps[math.ceil(value / most * 8)] if value > 0 else " " for value in values)
