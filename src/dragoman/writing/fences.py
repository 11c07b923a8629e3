"""
Code fences and headings of Markdown, as far as a seam needs to know them.

Source: CommonMark 0.31, sections 4.2 (ATX headings) and 4.5 (fenced code blocks).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]+([^\n]*?)[ \t]*#*[ \t]*$", re.MULTILINE)
_MORE: Final = re.compile(r"\s*[(\[]?\s*\b(?:continued|cont\.?|fortsetzung|suite)\s*[)\]]?\s*$", re.IGNORECASE)


class Fence(msgspec.Struct, frozen=True):
    """
    A line that opens or closes a code block.

    Attributes:
        mark: Its backticks or tildes.
        word: What stands behind them: the language.
        end: Where in the text the line ends, its line break included.
    """

    mark: str
    word: str
    end: int

    def closes(self, other: Fence) -> bool:
        """Whether this ends the block that `other` began."""
        return not self.word and self.mark[0] == other.mark[0] and len(self.mark) >= len(other.mark)


def open_fence(text: str) -> Fence | None:
    """
    The fence that is open at the end of a text.

    >>> open_fence("Look:\\n```python\\nx = 1\\n").word
    'python'
    """
    current: Fence | None = None
    for found in _FENCE.finditer(text):
        fence = _fence(found)
        if current is None:
            # "Info strings for backtick code blocks cannot contain backticks."
            current = None if fence.mark[0] == "`" and "`" in fence.word else fence
        elif fence.closes(current):
            current = None
    return current


def first_fence(text: str) -> Fence | None:
    """The fence that the first line of a text is, blank lines before it apart; None if it is none."""
    blank = len(text) - len(text.lstrip("\n"))
    found = _FENCE.match(text, blank)
    return _fence(found) if found else None


def _fence(found: re.Match[str]) -> Fence:
    text, end = found.string, found.end()
    return Fence(found[1], found[2].strip(), end + (text[end : end + 1] == "\n"))


class Heading(msgspec.Struct, frozen=True):
    """
    Attributes:
        level: 1 to 6.
        title: Without marks.
        end: Where in the text the line ends, and blank lines behind it.
    """

    level: int
    title: str
    end: int

    def repeats(self, other: Heading) -> bool:
        """Whether this is the other one again, "continued" or not."""
        return self.level == other.level and _bare(self.title) == _bare(other.title)


def first_heading(text: str) -> Heading | None:
    """The heading that a text begins with, or None."""
    blank = len(text) - len(text.lstrip("\n"))
    found = _HEADING.match(text, blank)
    if not found:
        return None
    rest = text[found.end() :]
    return Heading(len(found[1]), found[2], found.end() + len(rest) - len(rest.lstrip("\n")))


def last_heading(text: str) -> Heading | None:
    """The last heading of a text that stands in no code block, or None."""
    last: Heading | None = None
    current: Fence | None = None
    for line in text.splitlines():
        fence = first_fence(line)
        if fence is not None:
            current = fence if current is None else None if fence.closes(current) else current
        elif current is None and line.lstrip(" ").startswith("#"):
            last = first_heading(line) or last
    return last


def _bare(title: str) -> str:
    return "".join(sign for sign in _MORE.sub("", title).casefold() if sign.isalnum())
