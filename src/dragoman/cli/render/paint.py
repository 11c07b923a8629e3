"""
From a block of Markdown to styled lines, by the library `rich`.

Rule: everything that was written is shown.  HTML is text here, a picture's and a link's address stand beside it, and a
block that would show nothing (the address of a footnote) is shown as it was written.

The look is that of a page that stands: no line is padded to the width of the terminal and nothing has a box around
it, so that a window that is made narrower afterwards folds no blanks.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, Final, NamedTuple

from dragoman.errors import ConfigError

INSTALL: Final = 'pip install "dragoman[cli]"'
_ENTITY: Final = re.compile(r"&(?:#\w+|\w+);")
_RULE: Final = 24  # columns of a line across


class Piece(NamedTuple):
    """Text of one style; `style` is the library's, or None."""

    text: str
    style: Any


class Painter:
    """Draws blocks for one terminal."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """
        Raises:
            ConfigError: The library is not installed.
        """
        try:
            from rich.cells import cell_len
            from rich.color import ColorSystem
            from rich.console import Console
        except ImportError as error:
            raise ConfigError(f"Markdown is drawn by rich: {INSTALL}", field="cli") from error
        self._console = Console(file=sys.stdout, force_terminal=True, highlight=False, legacy_windows=False)
        named = None if environ.get("NO_COLOR") else self._console.color_system
        self._colours = {None: None, "standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT}.get(
            named, ColorSystem.TRUECOLOR
        )
        self._coloured = named is not None
        self._markdown = _markdown_class()
        self._cells = cell_len

    def lines(self, source: str, width: int) -> list[list[Piece]]:
        """Draw a block within a width; no line feeds, no blanks at the ends of lines."""
        options = self._console.options.update(width=max(width, 8), height=None)
        drawn = self._console.render_lines(self._markdown(source), options, pad=False)
        lines = [[Piece(part.text, part.style) for part in line if not part.control] for line in drawn]
        lines = [_stripped(line) for line in lines]
        # A table of more columns than there is room for is cropped by the library.
        return self.plain(source) if "|" in source.partition("\n")[0] and _cropped(source, lines) else lines

    def plain(self, source: str) -> list[list[Piece]]:
        """A block as it was written."""
        return [[Piece(line, None)] for line in source.rstrip("\n").split("\n")]

    def ansi(self, piece: Piece) -> str:
        """A piece with what sets its colours."""
        if piece.style is None or not self._coloured or not piece.text:
            return piece.text
        drawn: str = piece.style.render(piece.text, color_system=self._colours)
        return drawn

    def width(self, text: str) -> int:
        """Columns that a text takes."""
        return self._cells(text)


def _cropped(source: str, lines: list[list[Piece]]) -> bool:
    """Whether letters are missing in what was drawn."""
    shown = sum(char.isalnum() for line in lines for piece in line for char in piece.text)
    return shown < sum(char.isalnum() for char in _ENTITY.sub("&", source))


def _stripped(line: list[Piece]) -> list[Piece]:
    """A line without the blanks at its end."""
    while line and not line[-1].text.strip():
        line = line[:-1]
    return [*line[:-1], line[-1]._replace(text=line[-1].text.rstrip())] if line else []


def _markdown_class() -> Any:
    """The library's Markdown, with our look.  Made in here because its bases are the library's."""
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from rich import markdown as library
    from rich.text import Text

    class Heading(library.Heading):
        LEVEL_ALIGN = dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "left")

    class Rule(library.HorizontalRule):
        def __rich_console__(self, console: Any, options: Any) -> Any:
            yield Text("─" * min(_RULE, options.max_width), style=console.get_style("markdown.hr", default="none"))

    class Markdown(library.Markdown):
        elements: ClassVar[dict[str, Any]] = {**library.Markdown.elements, "heading_open": Heading, "hr": Rule}

        def __init__(self, source: str) -> None:
            super().__init__("", code_theme="ansi_dark", hyperlinks=False)
            self.parsed = [_plain_pictures(token) for token in parser.parse(source)]

    def _plain_pictures(token: Token) -> Token:
        for child in token.children or ():
            if child.type == "image":
                child.type, child.tag, child.nesting = "text", "", 0
                child.content = f"{child.content} ({child.attrs.get('src', '')})".strip()
                child.children = None
        return token

    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    return Markdown
