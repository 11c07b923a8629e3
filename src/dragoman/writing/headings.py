"""
The headings of a section, as they belong into its report, while it still comes.

A section is written by itself, so its headings begin at any level and have any numbers.  Here its first heading becomes
level 3, the others keep their distance to it, and numbers of the model's own are taken away.  A first heading that says
the section's title again is left out.  Code blocks stay as they are.

Rule: a line that is no heading is passed on as it is; white space at both ends of a section is not.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.writing.fences import Fence, first_fence
from dragoman.writing.outline import clean_title

_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_TOP: Final = 3
_DEEPEST: Final = 6


class Headings:
    """
    Args:
        title: Of the section.
        number: Of the section, if sections are numbered; else None.
    """

    def __init__(self, title: str, number: int | None = None) -> None:
        self._title = _bare(title)
        self._number = number
        self._counted = 0
        self._first: int | None = None
        self._fence: Fence | None = None
        self._line = ""
        self._blank = ""  # white space that is only passed on if something follows
        self._begun = False

    def feed(self, text: str) -> str:
        """More of the section: what of it can be passed on."""
        lines, self._line = (self._line + text).splitlines(keepends=True), ""
        if lines and not lines[-1].endswith("\n"):
            self._line = lines.pop()
        return "".join(map(self._passed, lines))

    def close(self) -> str:
        """The section is at its end."""
        line, self._line = self._line, ""
        return self._passed(line).rstrip() if line else ""

    def _passed(self, line: str) -> str:
        changed = self._changed(line)
        if not changed.strip():
            self._blank += changed if self._begun else ""
            return ""
        body = changed.rstrip()
        given, self._blank = self._blank + body, changed[len(body) :]
        self._begun = True
        return given

    def _changed(self, line: str) -> str:
        fence = first_fence(line.rstrip("\n"))
        if fence is not None:
            self._fence = fence if self._fence is None else None if fence.closes(self._fence) else self._fence
            return line
        found = _HEADING.match(line.rstrip("\n")) if self._fence is None else None
        return self._heading(found) if found is not None else line

    def _heading(self, found: re.Match[str]) -> str:
        title = clean_title(found[2])
        if not self._begun and _bare(title) == self._title:
            return "\n"
        level = len(found[1])
        if self._first is None:
            self._first = level
        deep = min(max(_TOP + level - self._first, _TOP), _DEEPEST)
        return f"{'#' * deep} {self._numbered(deep)}{title}\n"

    def _numbered(self, level: int) -> str:
        if self._number is None or level != _TOP:
            return ""
        self._counted += 1
        return f"{self._number}.{self._counted} "


def _bare(title: str) -> str:
    return "".join(sign for sign in title.casefold() if sign.isalnum())
