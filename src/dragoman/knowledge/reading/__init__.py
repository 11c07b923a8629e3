"""From the bytes of a file to its text, and where its headings and pages begin."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

from dragoman.errors import ConfigError
from dragoman.knowledge.reading.text import Read, Unreadable
from dragoman.knowledge.values import Format

__all__ = ["FORMATS", "Read", "Unreadable", "format_of", "read"]

FORMATS: Final[dict[str, Format]] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdx": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".txt": "text",
    ".text": "text",
    ".rst": "text",
    ".org": "text",
    ".pdf": "pdf",
}
"""By the end of a file's name."""

_READERS: Final[dict[Format, str]] = {
    "markdown": "markdown:read_markdown",
    "html": "html:read_html",
    "text": "text:read_text",
    "pdf": "pdf:read_pdf",
}


def format_of(name: str) -> Format | None:
    """What a file is written in, by the end of its name; None for what is not read."""
    dot = name.rfind(".")
    return FORMATS.get(name[dot:].lower()) if dot >= 0 else None


def read(data: bytes, form: Format, encoding: str = "utf-8") -> Read:
    """
    Read a document.

    Args:
        data: The bytes of the file.
        form: What it is written in.
        encoding: Of text; a byte order mark, and what an HTML file says of itself, win.

    Raises:
        Unreadable: It cannot be read; the words say why.
        ConfigError: There is no such format or encoding.
    """
    if form not in _READERS:
        raise ConfigError(f"format is {form!r}: there are {', '.join(_READERS)}", field="format")
    module, _, name = _READERS[form].partition(":")
    reader = getattr(import_module(f"dragoman.knowledge.reading.{module}"), name)
    return cast("Callable[[bytes, str], Read]", reader)(data, encoding)
