"""
How much of a block that is still coming can be drawn for good.

What stands on a terminal is never touched again, so nothing is drawn that more text could change: no half word, no
emphasis, code or link that is open, no row of a table.

Rule: this is a guess on the safe side.  Where it is wrong, `flow` notices, and goes on behind what was drawn.
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import east_asian_width

from dragoman.cli.render.blocks import Block

# What is whole, and hides signs that would open something.
_WHOLE: Final = re.compile(
    r"\\."
    r"|(`+)(?!`).+?(?<!`)\1(?!`)"
    r"|!?\[[^\[\]]*\]\([^()\s]*(?:\s+\"[^\"]*\")?\)"
    r"|\[[^\[\]]*\](?=[^(\[:])",
    re.DOTALL,
)
_SIGNS: Final = re.compile(r"\*+|_+|~~|`+|!?\[")
_MARKS_ONLY: Final = re.compile(r"[\s\d\-*+_#>|=:.)`~]*\Z")
_FENCE: Final = re.compile(r"^[\s\-*+\d.)]*(?:`{3,}|~{3,}).*$", re.MULTILINE)
# A sign that opens nothing within so many characters is a sign like any other.
_HELD: Final = 400


def safe_end(block: Block, start: int) -> int:
    """
    Where what can be drawn ends.

    Args:
        block: As it is so far.
        start: What this returned before; everything before it is whole.
    """
    source = block.source
    if block.kind in ("fence", "code"):
        return max(start, source.rfind("\n") + 1)
    if block.kind in ("heading", "rule") or "|" in source.partition("\n")[0]:
        return start
    fences = list(_FENCE.finditer(source, start))
    if len(fences) % 2:  # a fence nested in an item is open: whole lines, once its first one is there
        return max(start, source.rfind("\n") + 1)
    begin = fences[-1].end() if fences else start
    end = _word_end(source, begin)
    line = source.rfind("\n", 0, end) + 1
    if _MARKS_ONLY.match(source[line:end]):
        end = max(begin, line)
    return max(start, _first_open(source, begin, end))


def _word_end(source: str, start: int) -> int:
    """Behind the last character that no word goes on after."""
    for i in range(len(source) - 1, start - 1, -1):
        if source[i].isspace():
            return i + 1
        # Wide scripts break between any two signs, but not before a closing one.
        if i + 1 < len(source) and _wide_letter(source[i]) and _wide_letter(source[i + 1]):
            return i + 1
    return start


def _wide_letter(char: str) -> bool:
    return char.isalnum() and east_asian_width(char) in "WF"


def _first_open(source: str, start: int, end: int) -> int:
    """Where the first thing begins that is not closed, or `end`."""
    text = _WHOLE.sub(lambda found: "x" * len(found[0]), source[start:end])
    opened: dict[str, list[int]] = {}
    for found in _SIGNS.finditer(text):
        sign, before, after = found[0][-1], text[: found.start()][-1:], text[found.end() :][:1]
        stack = opened.setdefault(sign, [])
        intraword = sign == "_" and before.isalnum() and after.isalnum()
        if sign in "*_~" and stack and before.strip() and not intraword:
            stack.pop()
        elif sign in "`[" or not after or (after.strip() and not intraword):
            stack.append(found.start())
    places = [stack[0] for stack in opened.values() if stack and len(text) - stack[0] <= _HELD]
    return start + min(places, default=len(text))
