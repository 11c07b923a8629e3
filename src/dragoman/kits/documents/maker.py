"""
Makes a document while its source is read from the front to the back.

Lines of one paragraph are joined: what stands between two of them (a line break, indentation, `> `) is a joiner.  The
model sees a line feed; a joiner that is not like the others is a piece.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from dragoman.kits.documents.base import Document, Piece, Segment, Weaver, has_words

Span = tuple[int, int]


class Joined:
    """
    Lines as one text.

    Args:
        source: Of the document.
        lines: Where each line's own text begins and ends.

    Attributes:
        text: With a line feed between two lines.
        joiner: What stands between the first two in the source.
    """

    def __init__(self, source: str, lines: list[Span]) -> None:
        self.text = "\n".join(source[begin:end] for begin, end in lines)
        self._joiners = [source[first[1] : second[0]] for first, second in pairwise(lines)]
        after = source[lines[-1][1] : lines[-1][1] + 2] if lines else ""
        self.joiner = self._joiners[0] if self._joiners else "\r\n" if after == "\r\n" else "\n"
        self._breaks: list[int] = []
        at = 0
        for begin, end in lines[:-1]:
            at += end - begin
            self._breaks.append(at)
            at += 1

    def raw(self, begin: int, end: int) -> str:
        """A part of the text, as it stands in the source."""
        first = bisect_left(self._breaks, begin)
        pieces: list[str] = []
        for number in range(first, bisect_left(self._breaks, end)):
            place, joiner = self._breaks[number], self._joiners[number]
            pieces += [self.text[begin:place], joiner]
            begin = place + 1
        return "".join([*pieces, self.text[begin:end]])

    def words(self, weaver: Weaver, begin: int, end: int) -> None:
        """Give words to a segment."""
        first = bisect_left(self._breaks, begin)
        for number in range(first, bisect_left(self._breaks, end)):
            place, joiner = self._breaks[number], self._joiners[number]
            weaver.text(self.text[begin:place])
            if joiner == self.joiner:
                weaver.text("\n")
            else:
                weaver.piece(Piece(kind="break", source=joiner))
            begin = place + 1
        weaver.text(self.text[begin:end])

    def cut(self, weaver: Weaver, begin: int, tokens: Iterable[str | Piece]) -> None:
        """Give words and pieces that follow each other in the text from `begin` to a segment."""
        for token in tokens:
            end = begin + len(token if isinstance(token, str) else token.source)
            if isinstance(token, str):
                self.words(weaver, begin, end)
            else:
                weaver.piece(Piece(kind=token.kind, source=self.raw(begin, end)))
            begin = end


class Maker:
    """
    Slots and segments of a document that is being read.

    Args:
        format: Of the document.
        source: All of it.
    """

    def __init__(self, format: str, source: str) -> None:
        self.source = source
        self._format = format
        self._slots: list[str | int] = []
        self._segments: list[Segment] = []
        self._at = 0
        self._line = 1
        self._counted = 0

    def add(self, text: str, raw: str, *, at: int = 0, **fields: Any) -> int:
        """A segment that is in no slot of the document itself; its number."""
        number = len(self._segments)
        done = fields.pop("done", False) or not has_words(text)
        self._segments.append(Segment(number=number, text=text, raw=raw, line=self._line_of(at), done=done, **fields))
        return number

    def slot(self, begin: int, end: int, text: str, **fields: Any) -> None:
        """A segment that stands there in the source; it begins where the last one ended, or later."""
        if begin > self._at:
            self._slots.append(self.source[self._at : begin])
        self._slots.append(self.add(text, self.source[begin:end], at=begin, **fields))
        self._at = end

    def document(self) -> Document:
        """What was made, with the rest of the source."""
        if self._at < len(self.source):
            self._slots.append(self.source[self._at :])
        return Document(format=self._format, slots=tuple(self._slots), segments=tuple(self._segments))

    def _line_of(self, at: int) -> int:
        if at >= self._counted:
            self._line += self.source.count("\n", self._counted, at)
            self._counted = at
            return self._line
        return self.source.count("\n", 0, at) + 1


def stripped(source: str, begin: int, end: int) -> Span:
    """A span without the white space at its ends."""
    text = source[begin:end]
    left = len(text) - len(text.lstrip())
    return (begin + left, begin + len(text.rstrip())) if left < len(text) else (begin, begin)
