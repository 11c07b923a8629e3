"""Plain text: paragraphs between blank lines; and subtitles (SRT, WebVTT): what is said in each cue."""

from __future__ import annotations

import re
from typing import Final

from dragoman.kits.documents.base import Document, Piece, Role, Weaver
from dragoman.kits.documents.maker import Joined, Maker, Span
from dragoman.kits.documents.protect import protected

_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_TIME: Final = re.compile(
    r"\s*((?:\d{1,3}:)?\d{1,2}:\d{1,2}[.,]\d{1,3})\s*-->\s*((?:\d{1,3}:)?\d{1,2}:\d{1,2}[.,]\d{1,3})"
)
_STYLE: Final = re.compile(r"\{\\[^{}\n]{1,80}\}|<(/?)[A-Za-z][^<>\n]{0,200}>")


def read_plain(source: str) -> Document:
    """Read plain text."""
    maker = Maker("plain", source)
    for lines in _paragraphs(source):
        joined, weaver = Joined(source, lines), Weaver()
        joined.cut(weaver, 0, protected(joined.text))
        fields = {"pieces": tuple(weaver.pieces), "joiner": joined.joiner}
        maker.slot(lines[0][0], lines[-1][1], weaver.result, form="plain", **fields)
    return maker.document()


def read_subtitles(source: str) -> Document:
    """Read subtitles; lines that belong to no cue stay."""
    maker = Maker("srt", source)
    for lines in _paragraphs(source):
        texts = [source[begin:end] for begin, end in lines]
        at = next((number for number, text in enumerate(texts[:2]) if _TIME.match(text)), None)
        said = lines[at + 1 :] if at is not None else []
        if said and at is not None:
            joined, weaver = Joined(source, said), Weaver()
            _cut(joined, weaver)
            maker.slot(
                said[0][0],
                said[-1][1],
                weaver.result,
                form="srt",
                kind="caption",
                pieces=tuple(weaver.pieces),
                joiner=joined.joiner,
                seconds=_seconds(texts[at]),
            )
    return maker.document()


def _cut(joined: Joined, weaver: Weaver) -> None:
    at = 0
    for found in _STYLE.finditer(joined.text):
        joined.cut(weaver, at, protected(joined.text[at : found.start()]))
        role: Role = "" if found[1] is None else "close" if found[1] else "open"
        weaver.piece(Piece(kind="tag", source=found[0], role=role))
        at = found.end()
    joined.cut(weaver, at, protected(joined.text[at:]))


def _seconds(line: str) -> float | None:
    found = _TIME.match(line)
    if found is None:
        return None
    return max(0.0, _time(found[2]) - _time(found[1]))


def _time(text: str) -> float:
    total = 0.0
    for part in text.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total


def _paragraphs(source: str) -> list[list[Span]]:
    """Lines that follow each other, each without the white space around it."""
    found: list[list[Span]] = []
    open_ = False
    for line in _LINES.finditer(source):
        text = line[0]
        begin = line.start() + len(text) - len(text.lstrip(" \t\ufeff\r\n\x0b\x0c"))
        end = line.start() + len(text.rstrip(" \t\r\n\x0b\x0c"))
        if begin >= end:
            open_ = False
        elif open_:
            found[-1].append((begin, end))
        else:
            found.append([(begin, end)])
            open_ = True
    return found
