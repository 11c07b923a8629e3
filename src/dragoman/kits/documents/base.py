"""
A document as slots: text that stays as it is, and segments whose words are changed.

    "# " | segment | "\n\n```\ncode\n```\n" | segment | "\n"

Within a segment, what must stay (a link's target, a placeholder, a tag) is a piece, and the segment's text has a mark
in its place: `See ⟦1⟧the guide⟦2⟧.`

Rule: slots and pieces are cut out of the source and put back, never made anew, so with every text unchanged the
document is the same, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal

import msgspec

MARK: Final = re.compile(r"⟦([0-9]{1,5})⟧")
_LETTER: Final = re.compile(r"[^\W\d_]")

Role = Literal["", "open", "close"]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a mark stands for.

    Attributes:
        kind: Such as `placeholder`, `link`, `code`, `tag`; the name of the check that misses it.
        source: As it is written.
        parts: The same, with numbers for segments that are inside of it (a title, an alternative text).
        changed: What it becomes if the segment's text is changed; None for `source`.
        role: Whether it opens or closes something.
    """

    kind: str
    source: str
    parts: tuple[str | int, ...] = ()
    changed: str | None = None
    role: Role = ""

    @property
    def kept(self) -> str:
        """What stands in a changed text."""
        return self.source if self.changed is None else self.changed


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """
    Text that is changed as one.

    Attributes:
        number: Its place in the document, from 0.
        text: For the model: with marks, and a line feed for each line break.
        raw: The slot as it stands in the source.
        pieces: What the marks ⟦1⟧, ⟦2⟧... stand for.
        form: How a text is written into the slot; of `placing`.
        kind: `paragraph`, `heading`, `cell`, `attribute`, `caption`, `string`...
        line: Where it begins in the source, from 1.
        joiner: What stands for a line feed of the text: a line break and what the next line begins with.
        note: For the model: a key, a context, a limit.
        done: Whether there is nothing to do: no words, or a translation that is there.
        same: Whether `raw` is what `text` would be written as; not so where text is taken from one place and written
            to another.
        seconds: How long it is shown, for subtitles.
    """

    number: int
    text: str
    raw: str
    pieces: tuple[Piece, ...] = ()
    form: str = "plain"
    kind: str = "paragraph"
    line: int = 1
    joiner: str = "\n"
    note: str = ""
    done: bool = False
    same: bool = True
    seconds: float | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """
    Attributes:
        format: Its name.
        slots: Texts that stay, and numbers of segments.
        segments: In the order of their numbers; some are inside of pieces and in no slot.
        skip: Keys of JSON whose strings stay.
    """

    format: str
    slots: tuple[str | int, ...]
    segments: tuple[Segment, ...]
    skip: tuple[str, ...] = ()


class Weaver:
    """Makes the text and the pieces of a segment."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self.pieces: list[Piece] = []
        self._joins = False  # whether the next piece follows one directly

    def text(self, text: str) -> None:
        """Words."""
        if text:
            self._texts.append(text)
            self._joins = False

    def piece(self, piece: Piece) -> None:
        """Something that stays; two in a row share a mark, as far as neither opens or closes."""
        last = self.pieces[-1] if self._joins else None
        if last is not None and not last.role and not piece.role:
            self.pieces[-1] = _merged(last, piece)
            return
        self.pieces.append(piece)
        self._texts.append(f"⟦{len(self.pieces)}⟧")
        self._joins = True

    @property
    def result(self) -> str:
        """The text with marks."""
        return "".join(self._texts)


def _merged(first: Piece, second: Piece) -> Piece:
    parts: tuple[str | int, ...] = ()
    if first.parts or second.parts:
        parts = (*(first.parts or (first.source,)), *(second.parts or (second.source,)))
    kind = second.kind if first.kind in ("break", "escape", "sign") else first.kind
    return Piece(kind=kind, source=first.source + second.source, parts=parts)


def has_words(text: str) -> bool:
    """Whether there is a letter beside the marks."""
    return _LETTER.search(MARK.sub("", text)) is not None


def in_words(segment: Segment, text: str) -> str:
    """A text with what its marks stand for, for people."""
    return MARK.sub(lambda mark: _source(segment, int(mark[1])), text)


def _source(segment: Segment, number: int) -> str:
    return segment.pieces[number - 1].kept if 0 < number <= len(segment.pieces) else f"⟦{number}⟧"


def runs(text: str) -> Iterator[str | int]:
    """The words of a text, and the numbers of its marks."""
    at = 0
    for mark in MARK.finditer(text):
        if mark.start() > at:
            yield text[at : mark.start()]
        yield int(mark[1])
        at = mark.end()
    if at < len(text):
        yield text[at:]


class Placer(msgspec.Struct, frozen=True):
    """
    How a form is written.

    Attributes:
        escape: Of words, as they stand between pieces.
        place: Of the whole, pieces put back; what stands in the slot.
    """

    escape: Callable[[Segment, str], str]
    place: Callable[[Segment, str], str]


def written(document: Document, texts: Mapping[int, str], placers: Mapping[str, Placer]) -> str:
    """
    The document with other texts.

    Args:
        document: As it was read.
        texts: By number of segment; one that is missing stays as it is.
        placers: By form.
    """
    writer = _Writer(document, texts, placers)
    return "".join(slot if isinstance(slot, str) else writer.slot(slot) for slot in document.slots)


class _Writer:
    def __init__(self, document: Document, texts: Mapping[int, str], placers: Mapping[str, Placer]) -> None:
        self._document = document
        self._texts = texts
        self._placers = placers

    def slot(self, number: int) -> str:
        segment = self._document.segments[number]
        text = self._texts.get(number)
        if text is None and not any(piece.parts for piece in segment.pieces):
            return segment.raw
        same = text is None or (text == segment.text and segment.same)
        inside = [self._piece(piece, same=same) for piece in segment.pieces]
        if same and inside == [piece.source for piece in segment.pieces]:
            return segment.raw
        placer = self._placers[segment.form]
        shown = runs(segment.text if text is None else text)
        filled = [_filled(run, inside, segment, placer) for run in shown]
        return placer.place(segment, "".join(filled))

    def _piece(self, piece: Piece, *, same: bool) -> str:
        if not piece.parts:
            return piece.source if same else piece.kept
        return "".join(part if isinstance(part, str) else self.slot(part) for part in piece.parts)


def _filled(run: str | int, inside: list[str], segment: Segment, placer: Placer) -> str:
    """Words as they are written, or what a mark stands for; a mark that stands for nothing is words."""
    if isinstance(run, int):
        return inside[run - 1] if 0 < run <= len(inside) else f"⟦{run}⟧"
    return placer.escape(segment, run)


def skeleton(document: Document) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """What must be the same before and after: the slots, and the pieces of each segment in any order."""
    slots = tuple(slot if isinstance(slot, str) else "\0" for slot in document.slots)
    pieces = tuple(tuple(sorted(map(_bones, segment.pieces))) for segment in document.segments)
    return slots, pieces


def _bones(piece: Piece) -> str:
    return "".join(part if isinstance(part, str) else "\0" for part in piece.parts) if piece.parts else piece.kept
