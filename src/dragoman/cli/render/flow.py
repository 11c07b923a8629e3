"""
Markdown onto a terminal, append-only.

Blocks are drawn one below the other.  Of the block that is still coming, as much is drawn as more text cannot change,
word by word.  No cursor is ever moved back and nothing is redrawn: so there is no flicker, and whatever the window's
size becomes meanwhile, what stands is what was written; only what follows is laid out anew.

Rule: every visible character of the drawn block is written once, in order.  What was written is remembered without its
blanks, so that another layout of the same text can be gone on with.  The work is linear: a block that is coming is
drawn again only when it has grown by a fixed share of itself.
"""

from __future__ import annotations

from collections.abc import Callable

from dragoman.cli.render.blocks import Block, Splitter
from dragoman.cli.render.paint import Painter, Piece
from dragoman.cli.render.safe import safe_end

_SHARE = 12  # a block is drawn again when it has grown by 1/12
_BAR = "▌"  # what the library puts before each line of a quote; how many there are depends on the width


class Flow:
    """Draws a text while it comes."""

    def __init__(self, painter: Painter, write: Callable[[str], None], columns: Callable[[], int]) -> None:
        """
        Args:
            painter: Draws blocks.
            write: Takes what goes to the terminal.
            columns: How wide the terminal is now.
        """
        self._painter = painter
        self._write = write
        self._columns = columns
        self._splitter = Splitter()
        self._first = True
        self._column = 0
        self._width = 0
        self._begin()

    def _begin(self) -> None:
        """A new block."""
        self._shown = ""  # visible characters that were written of what is drawn now
        self._from = 0  # where that begins in the block's source
        self._safe = 0  # up to where it was drawn
        self._due = 0  # size at which it is looked at again
        self._any = False
        self._as_written = False

    def feed(self, text: str) -> None:
        """Draw what can be drawn now."""
        for block in self._splitter.feed(text):
            self._finish(block)
        if self._splitter.size >= self._due:
            self._peek()

    def close(self) -> None:
        """The text has ended: draw the rest, and end the line."""
        for block in self._splitter.close():
            self._finish(block)

    def _peek(self) -> None:
        size, block = self._splitter.size, self._splitter.open
        if block is None:
            return
        self._due = size + size // _SHARE + 1
        end = safe_end(block, self._safe)
        if end > self._safe:
            self._draw(block, end)

    def _finish(self, block: Block) -> None:
        self._draw(block, len(block.source))
        if not self._any and block.source.strip():  # it says something, and the library shows nothing
            self._append(self._painter.plain(block.source), block.tight, self._width)
        if self._any:
            self._write("\n")
            self._column = 0
        self._begin()

    def _draw(self, block: Block, end: int) -> None:
        """Draw the source up to `end`, and write what of it was not written yet."""
        width = max(8, self._columns() - 1)
        lines = self._lines(block.source[self._from : end], width)
        visible = _visible(lines)
        if not visible.startswith(self._shown):  # the text changed what it seemed to say: go on behind it, as written
            self._from, self._shown, self._as_written = self._safe, "", True
            lines = self._lines(block.source[self._from : end], width)
            visible = _visible(lines)
            self._new_line()
        self._safe = end
        if len(visible) > len(self._shown):
            rows = _rest(lines, len(self._shown))
            self._shown = visible
            self._append(rows, block.tight, width)

    def _lines(self, source: str, width: int) -> list[list[Piece]]:
        return self._painter.plain(source) if self._as_written else self._painter.lines(source, width)

    def _append(self, rows: list[list[Piece]], tight: bool, width: int) -> None:
        if not self._any:
            self._any = True
            if not (self._first or tight):
                self._write("\n")
            self._first = False
            while not _visible(rows[:1]):
                rows = rows[1:]
        elif self._column and (width != self._width or self._column + self._cells(rows[0]) > width):
            self._new_line()
            rows = [_left_stripped(rows[0]), *rows[1:]]
        self._width = width
        self._write("\n".join("".join(map(self._painter.ansi, row)) for row in rows))
        self._column = self._cells(rows[-1]) + (self._column if len(rows) == 1 else 0)

    def _new_line(self) -> None:
        if self._column:
            self._write("\n")
            self._column = 0

    def _cells(self, row: list[Piece]) -> int:
        return sum(self._painter.width(piece.text) for piece in row)


def _visible(lines: list[list[Piece]]) -> str:
    return "".join("".join(piece.text.split()) for line in lines for piece in line).replace(_BAR, "")


def _rest(lines: list[list[Piece]], skip: int) -> list[list[Piece]]:
    """
    What stands behind the first `skip` visible characters, without blank lines at the end.

    The first row goes on where the last visible character stands.
    """
    rows: list[list[Piece]] = [[]] if skip else []
    for line in lines:
        count = len(_visible([line]))
        if skip and count <= skip:
            skip -= count
            rows = [[]]
        elif skip:
            rows, skip = [_behind(line, skip)], 0
        else:
            rows.append(line)
    while rows and not _visible(rows[-1:]):
        rows.pop()
    return rows


def _behind(line: list[Piece], skip: int) -> list[Piece]:
    for number, piece in enumerate(line):
        for i, char in enumerate(piece.text):
            if not skip:
                return [piece._replace(text=piece.text[i:]), *line[number + 1 :]]
            skip -= not (char.isspace() or char == _BAR)
    return []


def _left_stripped(row: list[Piece]) -> list[Piece]:
    while row and not row[0].text.strip():
        row = row[1:]
    return [row[0]._replace(text=row[0].text.lstrip()), *row[1:]] if row else []
