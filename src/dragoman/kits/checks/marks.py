"""
Marks: each piece of the source stands once in the new text, what opens stands before what closes it, and nothing is
there that the source has not.

Rule: a text that fails here cannot be put into the document.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from dragoman.kits.checks.base import Pair
from dragoman.kits.documents.base import MARK, Piece, Segment, runs
from dragoman.kits.documents.protect import protected
from dragoman.kits.documents.tags import tag_at
from dragoman.kits.findings import Finding

STRUCTURE: Final = frozenset(
    {
        "placeholder",
        "url",
        "mail",
        "link",
        "image",
        "code",
        "tag",
        "entity",
        "break",
        "escape",
        "formula",
        "sign",
        "mark",
    }
    | {"markup"}
)
"""Checks about what is no word."""

_CODE: Final = re.compile(r"(`+)(?!`)[^`]{1,500}(?<!`)\1(?!`)")
_LINK: Final = re.compile(r"\[[^\[\]\n]{0,200}\]\([^()\n]{0,500}\)")
_BROKEN: Final = re.compile(r"⟦[^⟧]{0,20}⟧?|⟧")


def mended(segment: Segment, text: str) -> str:
    """Put a mark where the model wrote out what it stands for, if there is no doubt about it."""
    there = {run for run in runs(text) if isinstance(run, int)}
    for number, piece in enumerate(segment.pieces, 1):
        plain = piece.source
        alone = sum(other.source == plain for other in segment.pieces) == 1
        if number not in there and alone and len(plain) > 1 and plain.strip() == plain and text.count(plain) == 1:
            text = text.replace(plain, f"⟦{number}⟧")
    return text


def missing(pair: Pair) -> list[Finding]:
    """Pieces that are not there, or more than once."""
    counts = Counter(run for run in runs(pair.target) if isinstance(run, int))
    findings: list[Finding] = []
    for number, piece in enumerate(pair.segment.pieces, 1):
        count = counts.pop(number, 0)
        if count != 1:
            word = "is missing" if not count else f"is there {count} times"
            message = f"{piece.source!r} (⟦{number}⟧) {word}"
            findings.append(pair.finding(piece.kind, message, expected=piece.source))
    findings += [pair.finding("mark", f"⟦{number}⟧ stands for nothing", found=f"⟦{number}⟧") for number in counts]
    rest = MARK.sub("", pair.target)
    findings += [pair.finding("mark", f"{one[0]!r} is no mark", found=one[0]) for one in _BROKEN.finditer(rest)]
    return findings


def added(pair: Pair) -> list[Finding]:
    """Pieces that the source has not."""
    known = Counter((piece.kind, piece.source) for piece in _pieces(pair, pair.segment.text))
    findings: list[Finding] = []
    for piece in _pieces(pair, pair.target):
        if known[piece.kind, piece.source]:
            known[piece.kind, piece.source] -= 1
            continue
        findings.append(pair.finding(piece.kind, f"{piece.source!r} is not in the source", found=piece.source))
    return findings


def _pieces(pair: Pair, text: str) -> list[Piece]:
    """What of a text's words is a piece."""
    found: list[Piece] = []
    for run in runs(text):
        if isinstance(run, str):
            found += [one for one in protected(run) if isinstance(one, Piece) and one.kind != "sign"]
            found += _tags(run)
    if pair.rules.format == "markdown":
        found += [Piece(kind="code", source=one[0]) for one in _CODE.finditer(text)]
        found += [Piece(kind="link", source=one[0]) for one in _LINK.finditer(text)]
    return found


def _tags(text: str) -> list[Piece]:
    tags = [tag_at(text, found.start()) for found in re.finditer("<", text)]
    return [Piece(kind="tag", source=text[tag.begin : tag.end]) for tag in tags if tag is not None]


# --- markup -----------------------------------------------------------------------------------------------------------


def nesting(pair: Pair) -> list[Finding]:
    """What opens stands before what closes it, and encloses words where the source's does."""
    pieces = pair.segment.pieces
    if not _balanced(pieces, pair.segment.text) or _balanced(pieces, pair.target):
        return []
    return [pair.finding("markup", "what opens and closes (links, tags) is not in its order any more")]


def _balanced(pieces: tuple[Piece, ...], text: str) -> bool:
    partner, opened = _partners(pieces), list[int]()
    for run in runs(text):
        if not isinstance(run, int) or run > len(pieces) or run < 1 or not pieces[run - 1].role:
            continue
        if pieces[run - 1].role == "open":
            opened.append(run)
        elif not opened or partner.get(run) != opened.pop():
            return False
    return not opened


def _partners(pieces: tuple[Piece, ...]) -> dict[int, int]:
    opened: list[int] = []
    partner: dict[int, int] = {}
    for number, piece in enumerate(pieces, 1):
        if piece.role == "open":
            opened.append(number)
        elif piece.role == "close" and opened:
            partner[number] = opened.pop()
    return partner


_EMPHASIS: Final = (
    ("**", re.compile(r"\*\*")),
    ("~~", re.compile(r"~~")),
    ("*", re.compile(r"(?<!\*)\*(?!\*)")),
    ("_", re.compile(r"(?<![\w])_+(?=\S)|(?<=\S)_+(?![\w])")),
    ("`", re.compile(r"`")),
)


def emphasis(pair: Pair) -> list[Finding]:
    """In Markdown, as many signs of emphasis as in the source."""
    if pair.rules.format != "markdown":
        return []
    findings: list[Finding] = []
    for sign, pattern in _EMPHASIS:
        before, after = len(pattern.findall(pair.segment.text)), len(pattern.findall(pair.target))
        if before != after:
            message = f"{sign!r} is there {after} times, and {before} times in the source"
            findings.append(pair.finding("markup", message, expected=sign * before, found=sign * after))
    return findings
