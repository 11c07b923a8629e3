"""
Plain text, and what all readers share.

Rule: a file is not guessed at.  Bytes that are not in the encoding are an error that says which one to give.
"""

from __future__ import annotations

import codecs
from typing import Final

import msgspec

from dragoman.errors import ConfigError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Unreadable(Exception):
    """A file cannot be read; the text says why.  It ends the reading of this file only."""


class Head(msgspec.Struct, frozen=True):
    """A heading: where its line begins, its level from 1, its words."""

    at: int
    level: int
    title: str


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """
    A document's text.

    Attributes:
        text: For Markdown and plain text the file itself; for HTML and PDF what was taken out of it.
        heads: Its headings, in order.
        pages: Where each page begins; empty for what has none.
        solid: Spans that are not cut if they fit into a piece: code blocks, tables.
    """

    text: str
    heads: tuple[Head, ...] = ()
    pages: tuple[int, ...] = ()
    solid: tuple[tuple[int, int], ...] = ()


def read_text(data: bytes, encoding: str) -> Read:
    """Read plain text."""
    return Read(text=decoded(data, encoding))


def decoded(data: bytes, encoding: str) -> str:
    """
    Decode the bytes of a text.

    Raises:
        Unreadable: They are not in that encoding, or no text at all.
        ConfigError: There is no such encoding.
    """
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ConfigError(f"encoding is {encoding!r}: Python knows none of that name", field="encoding") from None
    chosen = next((name for mark, name in _MARKS if data.startswith(mark)), encoding)
    try:
        text = data.decode(chosen)
    except (UnicodeDecodeError, UnicodeError) as error:
        why = f"it is not {chosen}: {error}"
        raise Unreadable(f"{why}; give its encoding, such as encoding='gb18030' or 'cp1252'") from error
    if "\0" in text:
        raise Unreadable("it has zero bytes: it is no text")
    return text
