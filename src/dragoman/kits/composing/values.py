"""What is written, and how it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.arguments import share_of, text_of, texts_of
from dragoman.kits.findings import KitResult

TextFormat = Literal["markdown", "text"]


class MailResult(KitResult, frozen=True, kw_only=True):
    """
    A mail.  `.text` is all of it, subject first.

    Attributes:
        subject: Its subject; empty if the model wrote none.
        body: What stands under it.
    """

    subject: str = ""
    body: str = ""


class ReportResult(KitResult, frozen=True, kw_only=True):
    """
    A report.

    Attributes:
        title: Its title; empty if it has none.
        headings: Titles of its sections, in order.
        words: How long it is; in Chinese and Japanese, signs.
    """

    title: str = ""
    headings: tuple[str, ...] = ()
    words: int = 0


class CodeResult(KitResult, frozen=True, kw_only=True):
    """
    Code.  `.text` is the model's answer.

    Attributes:
        files: Contents by path, with slashes, below the folder that they are for.
        diff: What they change of the files that were given, or are in the folder.
        written: Paths that were written; empty without `write_to`, in a dry run, and if a check found an error.
    """

    files: Mapping[str, str] = {}
    diff: str = ""
    written: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a text is wanted.

    Attributes:
        audience: For whom.
        tone: How it speaks.
        length: Words; in Chinese and Japanese, signs.  None for as long as it needs.
        tolerance: How far from that it may be, as a share of it.
        language: Code; empty for the brief's.
        points: What must be in it: words or phrases.
        strict_facts: Whether no number and no link may be in it that is not in the brief or the sources.
        format: Whether marks of Markdown may be in it.

    Raises:
        ConfigError: A value that cannot be; `.field` names it.
    """

    audience: str = ""
    tone: str = ""
    length: int | None = None
    tolerance: float = 0.25
    language: str = ""
    points: tuple[str, ...] = ()
    strict_facts: bool = False
    format: TextFormat = "markdown"

    def __post_init__(self) -> None:
        if self.length is not None and (not isinstance(self.length, int) or isinstance(self.length, bool)):
            raise ConfigError(f"length is {self.length!r}: give a number of words", field="length")
        if self.length is not None and self.length < 1:
            raise ConfigError(f"length is {self.length!r}: give 1 or more words", field="length")
        share_of(self.tolerance, "tolerance")
        for field in ("audience", "tone", "language"):
            text_of(getattr(self, field), field)
        if self.format not in ("markdown", "text"):
            raise ConfigError(f"format is {self.format!r}: give 'markdown' or 'text'", field="format")


def points_of(points: Sequence[str]) -> tuple[str, ...]:
    """The points that a caller gave."""
    return texts_of(points, "points")


def brief_of(brief: object, field: str = "brief") -> str:
    """What a caller asks for."""
    if not isinstance(brief, str) or not brief.strip():
        raise ConfigError(f"{field} is empty: say what is to be written", field=field)
    return brief.strip()
