"""
Click's own words in the language of the reader, and pages of help in which wide characters fit.

Click wraps by characters and breaks at blanks; Chinese has two columns for a character, and no blanks.  So where the
language is not English the page is laid out here: a line may end behind any wide character, but none begins with a
closing sign (GB/T 15834-2011, 5.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import click

from dragoman.cli.output import width
from dragoman.cli.words import help_text, of_click

_WIDE: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_CLOSING: Final = r"，。；：、？！）》」”’…\])"
# What stands together on a line: blanks, one wide character or a word of narrow ones, with the signs that close it.
_UNIT: Final = re.compile(rf"\s+|\[[^\[\]]{{1,24}}\]|[（(\[]?(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSING}]*")
_EXTRAS: Final = re.compile(r"(?:\s*\[[^\[\]]+\])+$")


class Page(click.HelpFormatter):
    """A page of help that is not in English."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that shows how a command is called."""
        self.write(" ".join(part for part in (of_click("Usage:") + prog, args) if part) + "\n")

    def write_heading(self, heading: str) -> None:
        """Write a section's name."""
        self.write(f"{'':>{self.current_indent}}{of_click(heading)}：\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs; examples stay as they are."""
        indent = " " * self.current_indent
        parts = (_lines(part, self.width - self.current_indent) for part in text.split("\n\n"))
        self.write("\n\n".join("\n".join(f"{indent}{line}".rstrip() for line in part) for part in parts) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names, and what they mean beside them."""
        rows = list(rows)
        first = min(max((width(name) for name, _ in rows), default=0), col_max) + col_spacing
        gap = " " * (self.current_indent + first)
        for name, text in rows:
            lines = _wrapped(_told(text), max(self.width - len(gap), 20)) or [""]
            head = f"{'':>{self.current_indent}}{name}"
            if width(name) > first - col_spacing:
                self.write(f"{head}\n")
                head = ""
            self.write(f"{head}{' ' * (len(gap) - width(head))}{lines[0]}".rstrip() + "\n")
            self.write("".join(f"{gap}{line}\n" for line in lines[1:]))


class Speaking(click.Context):
    """The context of a command that speaks another language."""

    formatter_class = Page


def _told(text: str) -> str:
    """The words of an option with what click adds in brackets."""
    extras = _EXTRAS.search(text)
    body = text[: extras.start()].rstrip() if extras else text
    told = help_text(body)
    told = of_click(body) if told == body else told
    if extras is None:
        return told
    items = extras[0].strip(" []").replace("]", ";").replace("[", "").split(";")
    return f"{told}  [{'；'.join(of_click(item.strip()) for item in items)}]".strip()


def _lines(paragraph: str, columns: int) -> list[str]:
    if paragraph.lstrip().startswith("\b"):
        return paragraph.lstrip().removeprefix("\b").lstrip("\n").splitlines()
    return _wrapped(" ".join(paragraph.split()), columns)


@cache
def _wrapped(text: str, columns: int) -> list[str]:
    return list(_filled(text, columns))


def _filled(text: str, columns: int) -> Iterator[str]:
    line = ""
    for unit in _UNIT.findall(text):
        if line and width(line + unit.rstrip()) > columns:
            yield line.rstrip()
            line = ""
        line += unit if line else unit.lstrip()
    if line:
        yield line.rstrip()
