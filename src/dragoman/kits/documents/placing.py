"""
How a changed text is written into its slot, by the form of the slot.

Rule: words can never become structure.  A line that would begin a list, a bar that would end a cell, a quote that would
end an attribute are written so that they do not.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Final

from dragoman.kits.documents.base import Placer, Segment
from dragoman.kits.documents.markdown import starts_block
from dragoman.kits.documents.po import decoded, encoded

_BLANK_LINES: Final = re.compile(r"[ \t]*\n\s*\n\s*|[ \t]*\r\n?[ \t]*")
_SPACES: Final = re.compile(r"\s*[\r\n]+\s*")
_NUMBERED: Final = re.compile(r"([0-9]{1,9})([.)])")


def _same(segment: Segment, text: str) -> str:
    return text


def _lines(segment: Segment, run: str) -> str:
    """Line feeds as the source writes them, and none that is blank: that would end the paragraph."""
    return _BLANK_LINES.sub("\n", run).replace("\n", segment.joiner)


def _one_line(segment: Segment, run: str) -> str:
    return _SPACES.sub(" ", run)


def _markdown(segment: Segment, run: str) -> str:
    first, *others = _BLANK_LINES.sub("\n", run).split("\n")
    for line in others:
        first += f" {line.lstrip()}" if starts_block(line.lstrip()) else f"{segment.joiner}{line.lstrip()}"
    return first


def _begun(segment: Segment, text: str) -> str:
    """A first line that would be a list or a heading is not one."""
    text = text.strip(" \t")
    if not starts_block(text.partition("\n")[0]) or starts_block(segment.raw.partition("\n")[0]):
        return text
    numbered = _NUMBERED.match(text)
    return f"{numbered[1]}\\{numbered[2]}{text[numbered.end() :]}" if numbered else f"\\{text}"


def _cell(segment: Segment, run: str) -> str:
    return _one_line(segment, run).replace("|", "\\|")


def _picture(segment: Segment, run: str) -> str:
    return re.sub(r"[\[\]]", lambda sign: f"\\{sign[0]}", _one_line(segment, run))


def _title(quote: str) -> Callable[[Segment, str], str]:
    return lambda segment, run: _one_line(segment, run).replace(quote, f"\\{quote}")


def _html(segment: Segment, run: str) -> str:
    return _lines(segment, html.escape(run, quote=False))


def _attribute(quote: str) -> Callable[[Segment, str], str]:
    name = html.escape(quote)
    return lambda segment, run: html.escape(run, quote=False).replace(quote, name)


def _json(segment: Segment, text: str) -> str:
    plain = any(ord(char) > 126 for char in segment.raw)
    return json.dumps(text, ensure_ascii=not plain and "\\u" in segment.raw)[1:-1]


def _po(segment: Segment, text: str) -> str:
    if decoded(segment.raw) == text:
        return segment.raw
    return encoded(text, segment.joiner)


PLACERS: Final[dict[str, Placer]] = {
    "plain": Placer(_lines, _same),
    "srt": Placer(_lines, _same),
    "markdown": Placer(_markdown, _begun),
    "line": Placer(_one_line, _same),
    "cell": Placer(_cell, _same),
    "alt": Placer(_picture, _same),
    'title"': Placer(_title('"'), _same),
    "title'": Placer(_title("'"), _same),
    "title)": Placer(_title(")"), _same),
    "html": Placer(_html, _same),
    'attribute"': Placer(_attribute('"'), _same),
    "attribute'": Placer(_attribute("'"), _same),
    "json": Placer(_same, _json),
    "po": Placer(_same, _po),
}
