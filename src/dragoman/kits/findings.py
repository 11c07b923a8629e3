"""What a kit gives, and what its checks found."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from dragoman.types.usage import Usage


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """
    Something that a check found wrong.

    Attributes:
        check: Name of the check, such as `placeholder` or `number`.
        message: What is wrong, for people.
        where: Which part of the work: a line, a segment's number, a section's title.
        expected: What should be there.
        found: What is.
        severity: `error` if the result should not be used so, else `warning`.
    """

    check: str
    message: str
    where: str = ""
    expected: str = ""
    found: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message} [{self.check}]"


class KitResult(msgspec.Struct, frozen=True, kw_only=True):
    """
    The result of a kit; each kit adds its own fields.

    Attributes:
        text: What was made.
        findings: What its checks found; empty if all is well.
        model: `provider/model` that was asked.
        usage: Of all requests together.
        cost: US dollars of all requests together; None where no price is known.
        requests: How many there were.
    """

    text: str
    findings: tuple[Finding, ...] = ()
    model: str = ""
    usage: Usage = Usage()
    cost: Decimal | None = None
    requests: int = 0

    @property
    def ok(self) -> bool:
        """Whether no check found an error; warnings do not count."""
        return not any(finding.severity == "error" for finding in self.findings)
