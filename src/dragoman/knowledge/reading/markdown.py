"""
Markdown: the text is the file itself, so that what is quoted from it stands in the file.

Only headings, code blocks and tables are looked at.  Source: CommonMark 0.31, sections 4.2, 4.3 and 4.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dragoman.knowledge.reading.text import Head, Read, decoded

_HEAD: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDER: Final = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)$")
_NO_TEXT: Final = re.compile(r" {0,3}(?:[-*+>|]|\d+[.)])(?:[ \t]|$)")
_LINK: Final = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")


def read_markdown(data: bytes, encoding: str) -> Read:
    """Read Markdown."""
    text = decoded(data, encoding)
    scan = _Scan()
    for at, line in _lines(text):
        scan.line(at, line)
    scan.end(len(text))
    return Read(text=text, heads=tuple(scan.heads), solid=tuple(scan.solid))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield at, line.rstrip("\r\n")
        at += len(line)


class _Scan:
    """Goes through the lines."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.solid: list[tuple[int, int]] = []
        self._fence = ""
        self._began = 0
        self._table: int | None = None
        self._before: tuple[int, str] | None = None  # a line of a paragraph, which may become a heading

    def line(self, at: int, line: str) -> None:
        if self._fence:
            self._inside(at, line)
            return
        self._tabled(at, line)
        if fence := _FENCE.match(line):
            self._fence, self._began, self._before = fence[1], at, None
        elif head := _HEAD.match(line):
            self._add(at, len(head[1]), head[2] or "")
        elif self._before is not None and (under := _UNDER.match(line)):
            self._add(self._before[0], 1 if under[1][0] == "=" else 2, self._before[1])
        else:
            is_text = line.strip() and not _NO_TEXT.match(line) and not line.startswith(("    ", "\t"))
            self._before = (at, line) if is_text else None

    def end(self, at: int) -> None:
        if self._fence:
            self.solid.append((self._began, at))
        self._tabled(at, "")

    def _inside(self, at: int, line: str) -> None:
        bare = line.strip()
        if bare and not bare.strip(self._fence[0]) and len(bare) >= len(self._fence):
            self.solid.append((self._began, at + len(line)))
            self._fence = ""

    def _tabled(self, at: int, line: str) -> None:
        if line.lstrip().startswith("|"):
            self._table = at if self._table is None else self._table
        elif self._table is not None:
            self.solid.append((self._table, at))
            self._table = None

    def _add(self, at: int, level: int, title: str) -> None:
        bare = _LINK.sub(r"\1", title).replace("**", "").replace("`", "").strip()
        self.heads.append(Head(at, level, bare))
        self._before = None
