"""
What a check is given: a segment, the text that a model made of it, and the rules.

A check is a function of these values that returns findings; `checks.check` runs all.

Rule: a check asks no model and knows no document, so it can be run on any pair of texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from dragoman.kits.documents.base import MARK, Segment
from dragoman.kits.findings import Finding


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """
    Attributes:
        to: Language that the text shall have: a name or code; empty if it stays.
        glossary: Term to translation, or to `keep`.
        max_ratio: How much wider the text may be than its source.
        line_width: Columns of a line of subtitles.
        lines: Lines of a subtitle.
        reading_speed: Characters that are read in a second; of CJK half as many.
        format: Of the document.
    """

    to: str = ""
    glossary: Mapping[str, str] = {}
    max_ratio: float = 3.0
    line_width: int = 42
    lines: int = 2
    reading_speed: float = 21.0
    format: str = "plain"


class Pair(msgspec.Struct, frozen=True):
    """
    A segment, and its new text with marks.

    Attributes:
        segment: As it was read.
        target: The new text.
        rules: To hold it to.
    """

    segment: Segment
    target: str
    rules: Rules

    @property
    def source_words(self) -> str:
        """The source without marks."""
        return MARK.sub(" ", self.segment.text)

    @property
    def target_words(self) -> str:
        """The new text without marks."""
        return MARK.sub(" ", self.target)

    def finding(
        self,
        check: str,
        message: str,
        *,
        expected: str = "",
        found: str = "",
        severity: Literal["error", "warning"] = "error",
    ) -> Finding:
        """A finding about this segment."""
        where = f"line {self.segment.line}"
        return Finding(check=check, message=message, where=where, expected=expected, found=found, severity=severity)
