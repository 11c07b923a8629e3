"""
HTML's words: names of signs in them, and the attributes of tags that readers see.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from dragoman.kits.documents.base import Piece, Weaver
from dragoman.kits.documents.maker import Maker
from dragoman.kits.documents.protect import ENTITY, protected
from dragoman.kits.documents.tags import readers_attributes

_SIGN: Final = re.compile(rf"{ENTITY.pattern}|[<>]")
_KEPT: Final = frozenset("<>\u00a0\u00ad\u200b\u200c\u200d\u200e\u200f")


class HtmlWeaver(Weaver):
    """Shows letters for their names."""

    def text(self, text: str) -> None:
        super().text(html.unescape(text))


def html_words(text: str) -> Iterator[str | Piece]:
    """Cut text between tags into words and pieces; signs that are no letters stay as they are written."""
    at = 0
    for found in _SIGN.finditer(text):
        if html.unescape(found[0]) in _KEPT:
            yield from protected(text[at : found.start()])
            yield Piece(kind="entity", source=found[0])
            at = found.end()
    yield from protected(text[at:])


def attribute_text(value: str) -> tuple[str, tuple[Piece, ...]]:
    """The value of an attribute as text and pieces."""
    weaver = HtmlWeaver()
    for token in html_words(value):
        weaver.text(token) if isinstance(token, str) else weaver.piece(token)
    return weaver.result, tuple(weaver.pieces)


def attribute_parts(maker: Maker, tag: str, at: int) -> tuple[str | int, ...]:
    """A tag in a sentence, with the attributes that readers see as segments; empty if it has none."""
    parts: list[str | int] = []
    done = 0
    for begin, end, quote, name in readers_attributes(tag):
        value = tag[begin:end]
        if value.strip():
            text, pieces = attribute_text(value)
            form = f"attribute{quote}"
            number = maker.add(text, value, at=at, form=form, kind="attribute", note=name, pieces=pieces)
            parts += [tag[done:begin], number]
            done = end
    return (*parts, tag[done:]) if parts else ()
