"""
Code blocks of an answer.

Source: CommonMark 0.31.2, section 4.5 "Fenced code blocks": a fence is three or more backticks or tildes, indented by
at most three blanks, and ends at a fence of the same sign that is at least as long, or where the text ends.
"""

from __future__ import annotations

import re
from typing import Final

_OPENING: Final = re.compile(r"( {0,3})(`{3,}(?=[^`]*\Z)|~{3,})")


def blocks(text: str) -> list[str]:
    """
    Return the contents of all fenced code blocks, in order.

    >>> blocks("Here:\\n```py\\nprint(1)\\n```\\nDone.")
    ['print(1)\\n']
    """
    found: list[str] = []
    fence, indent = "", 0
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if not fence:
            opening = _OPENING.match(bare)
            if opening:
                indent, fence = len(opening[1]), opening[2]
                found.append("")
        elif _closes(bare, fence):
            fence = ""
        else:
            blank = len(line) - len(line.lstrip(" "))
            found[-1] += line[min(indent, blank) :]
    return found


def _closes(line: str, fence: str) -> bool:
    bare = line.strip(" \t")
    return len(line) - len(line.lstrip(" ")) <= 3 and len(bare) >= len(fence) and set(bare) == {fence[0]}
