"""
Cutting Markdown into its top-level blocks, while it comes.

A block is what can be drawn by itself: a paragraph or table, a heading, a fence, a quote, and each item of a list with
what is nested in it.  The parser of a library then reads each block; here only their borders are found.

Rule: every character is in one block or is a blank line between two, and the work is linear in the text, however small
the pieces are that it comes in.

Source: CommonMark 0.31, section 4 (leaf blocks) and 5 (container blocks).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

Kind = Literal["text", "heading", "rule", "fence", "quote", "item", "code"]


class Block(NamedTuple):
    """
    A block.

    Attributes:
        kind: What it is; a table is a `text`.
        source: Its Markdown.
        tight: Whether it is an item that follows another, so that no empty line stands between them.
    """

    kind: Kind
    source: str
    tight: bool


# The first that matches the first line of a block says what it is.
_KINDS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("fence", re.compile(r" {0,3}(`{3,}|~{3,})")),
    ("heading", re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")),
    ("rule", re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}$")),
    ("item", re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")),
    ("quote", re.compile(r" {0,3}>")),
    ("code", re.compile(r"(?: {4}|\t)")),
)
# The beginning of a line that does not yet tell what the line is.
_UNDECIDED: Final = re.compile(r"[\s\d\-*+_#>|=:.)`~]*")
_LONGEST_UNDECIDED: Final = 200
_NESTED: Final = 2  # columns that a line is indented by, at least, to belong to the item before


class Splitter:
    """
    Text goes in by `feed`, whole blocks come out.

    Attributes:
        size: Characters of the block that is not whole yet.
    """

    def __init__(self) -> None:
        self.size = 0
        self._kind: Kind | None = None
        self._lines: list[str] = []
        self._line: list[str] = []  # pieces of the line that has not ended
        self._decided = False  # whether that line is known to belong to the open block
        self._fence = ""  # what opened the fence, of the block or nested in an item
        self._gap = False  # whether the last line was blank
        self._last: Kind | None = None
        self._whole: list[Block] = []

    def feed(self, text: str) -> list[Block]:
        """Take more text, and return the blocks that are whole now."""
        *lines, rest = text.split("\n")
        for line in lines:
            self._line.append(line)
            self._end_line("\n")
        if rest:
            self._line.append(rest)
            self._decide(rest)
        return self._taken()

    def close(self) -> list[Block]:
        """The text has ended: return what is left."""
        if self._line:
            self._end_line("")
        self._end()
        return self._taken()

    @property
    def open(self) -> Block | None:
        """The block that is not whole yet, as far as it is known to belong to it."""
        if self._kind is None:
            return None
        rest = "".join(self._line) if self._decided else ""
        return Block(self._kind, "".join(self._lines) + rest, self._tight(self._kind))

    def _taken(self) -> list[Block]:
        whole, self._whole = self._whole, []
        return whole

    def _decide(self, more: str) -> None:
        """Find out where the line that has not ended belongs, as soon as it can be told."""
        if self._decided:
            self.size += len(more)
        if self._decided or self._kind == "fence":
            return
        line = "".join(self._line)
        if len(line) <= _LONGEST_UNDECIDED and _UNDECIDED.fullmatch(line):
            self._line = [line]
            return
        self._place(line)
        self._decided = True
        self.size += len(line)

    def _end_line(self, end: str) -> None:
        line = "".join(self._line)
        if not self._decided:
            self._place(line)
        self._line, self._decided = [], False
        if self._kind is not None:
            self._lines.append(line + end)
            self.size += len(line) + 1
            self._after(line)

    def _place(self, line: str) -> None:
        """Have the open block be the one that a line belongs to."""
        if self._kind is not None and _CONTINUES[self._kind](self, line):
            return
        self._end()
        if line.strip():
            self._kind = _kind(line)

    def _after(self, line: str) -> None:
        """A line was added."""
        self._gap = not line.strip()
        first = len(self._lines) == 1
        if self._kind == "item":
            self._nested_fence(line)
        elif self._kind == "fence" and first:
            self._fence = _opening(line)
        elif self._kind in ("heading", "rule") or (not first and self._ends_with(line)):
            self._end()

    def _ends_with(self, line: str) -> bool:
        return (self._kind == "fence" and self._closes(line)) or (self._kind == "text" and _underlines(line))

    def _nested_fence(self, line: str) -> None:
        if self._fence:
            self._fence = "" if self._closes(line.lstrip()) else self._fence
        else:
            self._fence = _opening(_MARKERS.sub("", line).lstrip())

    def _closes(self, line: str) -> bool:
        bare = line.strip()
        return len(bare) >= len(self._fence) and bare.strip(self._fence[0]) == "" and not line.startswith("    ")

    def _end(self) -> None:
        if self._kind is not None and self._lines:
            self._whole.append(Block(self._kind, "".join(self._lines).rstrip("\n") + "\n", self._tight(self._kind)))
            self._last = self._kind
        self._kind, self._lines, self._fence, self._gap, self.size = None, [], "", False, 0

    def _tight(self, kind: Kind) -> bool:
        return kind == "item" == self._last

    # --- whether a line continues the open block ----------------------------------------------------------------------

    def _in_text(self, line: str) -> bool:
        if not line.strip():
            return False
        return _kind(line) in ("text", "code") or _underlines(line) or _LATER_ITEM.match(line) is not None

    def _in_fence(self, line: str) -> bool:
        return True

    def _in_quote(self, line: str) -> bool:
        return bool(line.strip()) and _kind(line) in ("quote", "text", "code")

    def _in_item(self, line: str) -> bool:
        if self._fence or not line.strip():
            return True
        expanded = line.expandtabs(4)
        if len(expanded) - len(expanded.lstrip()) >= _NESTED:
            return True
        return not self._gap and _kind(line) == "text"

    def _in_code(self, line: str) -> bool:
        return not line.strip() or _kind(line) == "code"

    def _never(self, line: str) -> bool:
        return False


# A number that begins no list within a paragraph: only 1 does.
_LATER_ITEM: Final = re.compile(r" {0,3}(?!0*1[.)])\d{1,9}[.)]")
_MARKERS: Final = re.compile(r"^\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)+")
_CONTINUES: Final[dict[Kind, Callable[[Splitter, str], bool]]] = {
    "text": Splitter._in_text,  # pyright: ignore[reportPrivateUsage]  # the class's own table
    "heading": Splitter._never,  # pyright: ignore[reportPrivateUsage]
    "rule": Splitter._never,  # pyright: ignore[reportPrivateUsage]
    "fence": Splitter._in_fence,  # pyright: ignore[reportPrivateUsage]
    "quote": Splitter._in_quote,  # pyright: ignore[reportPrivateUsage]
    "item": Splitter._in_item,  # pyright: ignore[reportPrivateUsage]
    "code": Splitter._in_code,  # pyright: ignore[reportPrivateUsage]
}


def _kind(line: str) -> Kind:
    for kind, looks in _KINDS:
        if looks.match(line):
            return kind
    return "text"


def _underlines(line: str) -> bool:
    """Whether a line makes the text above it a heading."""
    bare = line.strip()
    return bool(bare) and not (bare.strip("-") and bare.strip("="))


def _opening(line: str) -> str:
    found = _KINDS[0][1].match(line)
    return found[1] if found else ""
