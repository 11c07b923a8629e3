"""
Documents: read into segments, and written again with other words.

    source -> read -> Document -> texts by segment -> write -> source with other words

Rule: `write(read(source, format), {})` is `source`, byte for byte, for every format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from dragoman.errors import ConfigError
from dragoman.kits.documents.base import Document, written
from dragoman.kits.documents.html_text import read_html
from dragoman.kits.documents.json_text import read_json
from dragoman.kits.documents.markdown import read_markdown
from dragoman.kits.documents.placing import PLACERS
from dragoman.kits.documents.plain import read_plain, read_subtitles
from dragoman.kits.documents.po import read_po

_READERS: Final[dict[str, Callable[[str], Document]]] = {
    "markdown": read_markdown,
    "html": read_html,
    "plain": read_plain,
    "srt": read_subtitles,
    "json": read_json,
    "po": read_po,
}
FORMATS: Final = tuple(_READERS)
_SUFFIXES: Final = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".txt": "plain",
    ".text": "plain",
    ".srt": "srt",
    ".vtt": "srt",
    ".json": "json",
    ".po": "po",
    ".pot": "po",
}


def format_of(path: str | Path) -> str:
    """
    The format that a file's name says.

    Raises:
        ConfigError: It says none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigError(
            f"{path}: the name does not say what it is: give format=, one of {', '.join(FORMATS)}", field="format"
        )
    return _SUFFIXES[suffix]


def read(source: str, format: str, skip: Sequence[str] = ()) -> Document:
    """
    Read a document.

    Args:
        source: All of it.
        format: Of `FORMATS`.
        skip: For JSON: keys whose strings stay.

    Raises:
        ConfigError: There is no such format, or the document is not of it.
    """
    if format not in _READERS:
        raise ConfigError(f"format is {format!r}: there are {', '.join(FORMATS)}", field="format")
    if skip and format != "json":
        raise ConfigError("skip names keys of JSON, and the document is none", field="skip")
    return read_json(source, skip) if format == "json" else _READERS[format](source)


def write(document: Document, texts: Mapping[int, str]) -> str:
    """The document with other texts, by number of segment; those that are missing stay as they are."""
    return written(document, texts, PLACERS)
