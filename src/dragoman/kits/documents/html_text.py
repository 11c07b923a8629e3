"""
HTML: texts between block elements, and the attributes that readers see.

Tags, comments, scripts, code and everything that says `translate="no"` stay.  Names of letters (`&eacute;`) are shown
to the model as the letters; of a changed text only `&`, `<` and `>` are written as names.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.kits.documents.attributes import HtmlWeaver, attribute_parts, attribute_text, html_words
from dragoman.kits.documents.base import Document, Piece, Role, Weaver
from dragoman.kits.documents.maker import Joined, Maker, Span, stripped
from dragoman.kits.documents.tags import CODE, INLINE, WHOLE, Tag, end_of, readers_attributes, tag_at

_BREAK: Final = re.compile(r"[ \t]*\r?\n\s*")
_DESCRIPTION: Final = re.compile(r"""<meta\s[^>]*name\s*=\s*["'](?:description|og:title|og:description)["']""", re.I)
_CONTENT: Final = re.compile(r"""\scontent\s*=\s*(["'])(.*?)\1""", re.DOTALL | re.IGNORECASE)


def read_html(source: str) -> Document:
    """Read a document.  Nothing is an error in HTML."""
    maker = Maker("html", source)
    group: Span | None = None
    at = 0
    while at < len(source):
        begin = source.find("<", at)
        tag = tag_at(source, begin) if begin >= 0 else None
        end = tag.begin if tag is not None else begin + 1 if begin >= 0 else len(source)
        if end > at:
            group = (group[0] if group else at, end)
        if tag is None:
            at = end
            continue
        at, inline = _step(source, tag)
        if inline:
            group = (group[0] if group else tag.begin, at)
            continue
        _flush(maker, group)
        group = None
        _block(maker, tag)
    _flush(maker, group)
    return maker.document()


def _step(source: str, tag: Tag) -> tuple[int, bool]:
    """Where to go on behind a tag, and whether it is part of a sentence."""
    if not tag.closes and (tag.kept or tag.name in WHOLE):
        return end_of(source, tag), tag.kept and tag.name in INLINE
    if not tag.closes and tag.name in CODE:
        return end_of(source, tag), True
    return tag.end, tag.name in INLINE or not tag.name or tag.name.isdigit()


def _block(maker: Maker, tag: Tag) -> None:
    """The attributes of a block's tag."""
    if tag.closes or tag.kept:
        return
    text = maker.source[tag.begin : tag.end]
    found = readers_attributes(text)
    if tag.name == "meta" and _DESCRIPTION.match(text) and (content := _CONTENT.search(text)):
        found = [(content.start(2), content.end(2), content[1], "description")]
    for begin, end, quote, name in found:
        value = text[begin:end]
        if value.strip():
            marked, pieces = attribute_text(value)
            maker.slot(
                tag.begin + begin,
                tag.begin + end,
                marked,
                pieces=pieces,
                form=f"attribute{quote}",
                kind="attribute",
                note=name,
            )


def _flush(maker: Maker, group: Span | None) -> None:
    if group is None:
        return
    begin, end = stripped(maker.source, *group)
    if begin == end:
        return
    source = maker.source[begin:end]
    lines, at = list[Span](), begin
    for found in _BREAK.finditer(source):
        lines.append((at, begin + found.start()))
        at = begin + found.end()
    joined = Joined(maker.source, [*lines, (at, end)])
    weaver = HtmlWeaver()
    _weave(maker, joined, weaver, begin)
    maker.slot(begin, end, weaver.result, pieces=tuple(weaver.pieces), form="html", joiner=joined.joiner)


def _weave(maker: Maker, joined: Joined, weaver: Weaver, place: int) -> None:
    text, at = joined.text, 0
    while at < len(text):
        begin = text.find("<", at)
        tag = tag_at(text, begin) if begin >= 0 else None
        end = tag.begin if tag is not None else begin + 1 if begin >= 0 else len(text)
        joined.cut(weaver, at, html_words(text[at:end]))
        at = end
        if tag is not None:
            at, _ = _step(text, tag)
            weaver.piece(_tag_piece(maker, joined.raw(tag.begin, at), tag, whole=at > tag.end, place=place))


def _tag_piece(maker: Maker, source: str, tag: Tag, *, whole: bool, place: int) -> Piece:
    if whole:
        return Piece(kind="code", source=source)
    role: Role = "" if tag.alone else "close" if tag.closes else "open"
    return Piece(kind="tag", source=source, parts=attribute_parts(maker, source, place), role=role)
