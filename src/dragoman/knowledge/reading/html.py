"""
HTML: the words that a reader of the page sees, paragraph by paragraph.

Scripts, styles, comments and what is marked as hidden are left out, so that nobody can be quoted from there.  Spans
count the text that was taken out, not the file.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from dragoman.knowledge.reading.text import Head, Read, decoded

_LEFT_OUT: Final = frozenset(("script", "style", "noscript", "template", "svg", "head", "iframe", "object", "nav"))
_BLOCKS: Final = frozenset(
    """
    address article aside blockquote body caption dd details div dl dt fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hr li main ol p pre section summary table tr ul
    """.split()  # noqa: SIM905 - a list of words
)
_CELLS: Final = frozenset(("td", "th"))
_VOID: Final = frozenset(
    "area base br col embed hr img input link meta param source track wbr".split()  # noqa: SIM905 - a list of words
)
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")


def read_html(data: bytes, encoding: str) -> Read:
    """Read HTML."""
    said = _CHARSET.search(data[:4096])
    page = _Page()
    page.feed(decoded(data, said[1].decode("ascii") if said else encoding))
    page.close()
    return Read(text=page.text(), heads=tuple(page.heads))


class _Page(HTMLParser):
    """Collects the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.heads: list[Head] = []
        self._pieces: list[str] = []
        self._at = 0
        self._hidden: list[str] = []  # open elements from the first one that is left out
        self._pre = 0
        self._lines = 0  # line feeds at the end of the text so far
        self._head: tuple[int, int] | None = None  # level and beginning of the heading that is open

    def text(self) -> str:
        return "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden or tag in _LEFT_OUT or _is_hidden(attrs):
            if tag not in _VOID:
                self._hidden.append(tag)
            return
        if tag in _BLOCKS:
            self._break("\n\n" if tag not in ("li", "tr", "dd", "dt") else "\n")
        if tag == "br":
            self._write("\n")
        elif tag in _CELLS and self._pieces and not self._last().endswith("\n"):
            self._write(" | ")
        elif tag == "pre":
            self._pre += 1
        elif _level(tag):
            self._head = (_level(tag), self._at)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            if tag in self._hidden:
                del self._hidden[len(self._hidden) - 1 - self._hidden[::-1].index(tag) :]
            return
        if tag == "pre":
            self._pre = max(0, self._pre - 1)
        if _level(tag) and self._head is not None:
            level, at = self._head
            title = self.text()[at:].strip()
            if title:
                self.heads.append(Head(at, level, title))
            self._head = None
        if tag in _BLOCKS:
            self._break("\n\n" if tag not in ("li", "tr", "dd", "dt") else "\n")

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._pre:
            self._write(data)
            return
        bare = _SPACE.sub(" ", data)
        if not self._pieces or self._last().endswith(("\n", " ")):
            bare = bare.lstrip(" ")
        if bare:
            self._write(bare)

    def _last(self) -> str:
        return self._pieces[-1] if self._pieces else ""

    def _break(self, lines: str) -> None:
        if self._pieces and self._lines < len(lines):
            self._write(lines[self._lines :])

    def _write(self, text: str) -> None:
        # A zero byte is no text, whatever wrote it; the character reference &#0; cannot make one either.
        self._pieces.append(text.replace("\0", ""))
        self._at += len(self._pieces[-1])
        bare = text.rstrip("\n")
        self._lines = len(text) - len(bare) + (0 if bare else self._lines)


def _is_hidden(attrs: list[tuple[str, str | None]]) -> bool:
    found = dict(attrs)
    style = (found.get("style") or "").replace(" ", "").lower()
    told = "display:none" in style or "visibility:hidden" in style
    return "hidden" in found or told or found.get("aria-hidden") == "true"


def _level(tag: str) -> int:
    return int(tag[1]) if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456" else 0
