"""
Checks of one text against its source, without a model.

Rule: what a check calls an error is one in any language and format; what may be right is a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dragoman.kits.checks import marks, numbers, wording
from dragoman.kits.checks.base import Pair, Rules
from dragoman.kits.checks.marks import STRUCTURE
from dragoman.kits.documents.base import Segment
from dragoman.kits.findings import Finding

_CHECKS: Final[tuple[Callable[[Pair], list[Finding]], ...]] = (
    marks.missing,
    marks.added,
    marks.nesting,
    marks.emphasis,
    numbers.numbers,
    wording.glossary,
    wording.language,
    wording.length,
    wording.caption,
    wording.chatter,
)


def check(segment: Segment, target: str, rules: Rules) -> list[Finding]:
    """
    What is wrong with a text.

    Args:
        segment: The source.
        target: The new text, with the segment's marks.
        rules: To hold it to.
    """
    pair = Pair(segment, target, rules)
    missing = wording.empty(pair)
    return missing or [finding for one in _CHECKS for finding in one(pair)]


def breaks(findings: list[Finding]) -> bool:
    """Whether a text cannot be put into the document."""
    return any(
        finding.check in STRUCTURE or finding.check == "empty" for finding in findings if finding.severity == "error"
    )
