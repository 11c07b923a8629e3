"""
What is paid already, in a file beside the output, so that a run that was killed goes on.

    {"kind":"start","version":1,"kit":"translation"}
    {"kind":"paid","cost":"0.0012","input_tokens":900,"output_tokens":420}
    {"kind":"done","key":"...","text":"...","findings":[...]}

One JSON object a line (`dragoman.writing.linefile`); the lines of an answer are appended in one write.

Rule: a segment's key is a digest of everything that its text depends on, so a changed segment is asked again, and all
others are not.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.findings import Finding
from dragoman.types.usage import Usage
from dragoman.writing.linefile import LineFile

VERSION: Final = 1


class StartRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="start"):
    """The version of this format, and the kit that writes it."""

    version: int
    kit: str


class PaidRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="paid"):
    """What one answer took; `cost` in US dollars, None where the price is not known."""

    cost: Decimal | None
    usage: Usage


class DoneRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="done", omit_defaults=True):
    """
    A segment that is finished.

    Attributes:
        key: Digest of what its text depends on.
        text: With marks.
        findings: What is wrong with it.
        attempts: How often it was asked for.
        kept: Whether the text is the source's.
    """

    key: str
    text: str
    findings: tuple[Finding, ...] = ()
    attempts: int = 1
    kept: bool = False


Line = StartRecord | PaidRecord | DoneRecord
_decode: Final[Callable[[bytes], Line]] = msgspec.json.Decoder(Line).decode


class Journal:
    """
    What is paid; in a file, or in memory only.

    Args:
        path: Of the file; it is made if it is not there, for its owner only.  None for memory.
        kit: Who writes it.

    Raises:
        ConfigError: The file is none of ours, or damaged, or another process writes it.
        StoreError: The disk does not take it.

    Attributes:
        done: What is finished, by key.
        paid: What earlier runs have paid.
    """

    def __init__(self, path: Path | None, kit: str) -> None:
        self.done: dict[str, DoneRecord] = {}
        self.paid: list[PaidRecord] = []
        self._file = None if path is None else LineFile(path, _decode, field="job", called="journal")
        try:
            self._start(kit)
        except BaseException:
            self.close()
            raise

    def _start(self, kit: str) -> None:
        if self._file is None:
            return
        lines = self._file.read()
        if not lines:
            self._file.begin(StartRecord(VERSION, kit))
            return
        start = lines[0]
        if not isinstance(start, StartRecord) or start.version != VERSION or start.kit != kit:
            raise ConfigError(f"{self._file.path} is no journal of the kit {kit}: give another path", field="job")
        for line in lines:
            if isinstance(line, DoneRecord):
                self.done[line.key] = line
            elif isinstance(line, PaidRecord):
                self.paid.append(line)

    def append(self, *lines: Line) -> None:
        """
        Keep lines, and wait until the disk has them.

        Raises:
            StoreError: It has not; what stood there before is whole.
        """
        self.done.update((line.key, line) for line in lines if isinstance(line, DoneRecord))
        if self._file is not None:
            self._file.append(*lines)

    def close(self) -> None:
        """Let go of the file.  Idempotent."""
        if self._file is not None:
            self._file.close()
