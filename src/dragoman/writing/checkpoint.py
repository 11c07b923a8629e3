"""
What is written so far, in a file, so that a killed run goes on.

    {"kind": "start", ...}     what was asked, as digests
    {"kind": "text", ...}      pieces of the text as they came, at intervals
    {"kind": "round", ...}     the end of each round
    {"kind": "outline", ...}   the plan of a report
    {"kind": "done", ...}      the whole answer

One JSON object a line (`linefile`).

Rule: the question itself and credentials are not in it; what the model wrote is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.writing import WriteOptions
from dragoman.writing.draft import RoundRecord, TextRecord
from dragoman.writing.linefile import LineFile

VERSION: Final = 1

# What may differ from run to run: how the question is asked, and how far, not what it is.
_HOW: Final = frozenset({"stream", "timeout", "priority", "reuse", "max_tokens", "reasoning", "service_tier"})
_OPTIONS: Final = ("format", "outline", "words", "numbering")


class StartRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="start"):
    """
    Attributes:
        version: Of this format.
        asked: Name of each part of the question to its digest.
    """

    version: int
    asked: dict[str, str]


class OutlineRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="outline"):
    """The plan of a report, as JSON."""

    outline: Any


class DoneRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="done"):
    """The text is finished."""

    answer: ChatResponse


Line = StartRecord | TextRecord | RoundRecord | OutlineRecord | DoneRecord
_decode: Final[Callable[[bytes], Line]] = msgspec.json.Decoder(Line).decode


def digests(request: ChatRequest, options: WriteOptions) -> dict[str, str]:
    """What was asked, so that it can be compared and not read."""
    fields = {name: getattr(request, name) for name in ChatRequest.__struct_fields__ if name not in _HOW}
    fields |= {name: getattr(options, name) for name in _OPTIONS}
    written = {name: msgspec.json.encode(value, order="sorted") for name, value in fields.items()}
    empty = (b"null", b"false")
    return {name: hashlib.sha256(data).hexdigest()[:32] for name, data in written.items() if data not in empty}


class Checkpoint:
    """
    An open checkpoint.

    Args:
        path: Of the file; it is made if it is not there, for its owner only.
        asked: `digests` of the question.

    Raises:
        ConfigError: The file belongs to another question, is none of ours or damaged, or another process writes it.
        StoreError: The disk does not take it.

    Attributes:
        lines: What stood in the file, its start apart.
    """

    def __init__(self, path: str | os.PathLike[str], asked: dict[str, str]) -> None:
        self.path = Path(path)
        self.lines: list[Line] = []
        self._file = LineFile(self.path, _decode, field="checkpoint", called="checkpoint")
        try:
            self._start(asked)
        except BaseException:
            self.close()
            raise

    def _start(self, asked: dict[str, str]) -> None:
        self._file.for_owner_only()
        lines = self._file.read()
        if not lines:
            self._file.begin(StartRecord(VERSION, asked))
            return
        self._compare(lines[0], asked)
        self.lines = lines[1:]

    def _compare(self, start: Line, asked: dict[str, str]) -> None:
        if not isinstance(start, StartRecord) or start.version != VERSION:
            raise ConfigError(f"{self.path} is no checkpoint of this version: give another path", field="checkpoint")
        names = sorted(start.asked.keys() | asked.keys())
        other = [name for name in names if start.asked.get(name) != asked.get(name)]
        if other:
            raise ConfigError(
                f"{self.path} belongs to another question: {', '.join(other)} is different; ask the same again, "
                f"or give another path",
                field="checkpoint",
            )

    def append(self, *lines: Line) -> None:
        """
        Write, and wait until the disk has it.

        Raises:
            StoreError: It has not; what stood there before is whole.
        """
        self._file.append(*lines)

    def close(self) -> None:
        """Let go of the file.  Idempotent, from any thread."""
        self._file.close()
