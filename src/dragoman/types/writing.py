"""
Long answers: how they are asked for.

A round is one answer of the model.  A text has as many as it needs: as long as the output cap cuts it, the rest is
asked for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, cast, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.requests import ChatRequest, SettingsDict

WritingFormat = Literal["text", "markdown", "json", "code"]


class WriteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a long text is written.

    Attributes:
        format: What is written, which says how pieces are joined: `text`, `markdown`, `json` (one value, which is
            checked) or `code` (without a fence around it).  By default text that may be Markdown.  It is not sent.
        max_rounds: How many answers the model may give for one text, or for one section of a report.
        max_tokens_total: Tokens that it may write in all rounds together, reasoning included.
        max_cost: US dollars.  No further round is begun when they are spent; the last one may go beyond.
        checkpoint: Path of a file that holds what is written so far, so that the same call goes on after a crash.
        outline: Plan first, then write section by section: for reports.
        words: Words that a report should have; the model plans for them.
        parallel: Sections of a report that are written at once, on the async face.
        numbering: Number the sections of a report.

    Raises:
        ConfigError: A value that cannot be; `.field` names it.
    """

    format: WritingFormat | None = None
    max_rounds: int = 20
    max_tokens_total: int | None = None
    max_cost: float | Decimal | None = None
    checkpoint: str | os.PathLike[str] | None = None
    outline: bool = False
    words: int | None = None
    parallel: int = 1
    numbering: bool = False

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in get_args(WritingFormat):
            known = ", ".join(repr(name) for name in get_args(WritingFormat))
            raise ConfigError(f"format is {self.format!r}: give one of {known}", field="format")
        for field in ("max_rounds", "max_tokens_total", "words", "parallel"):
            _check_whole(getattr(self, field), field)
        for field in ("outline", "numbering"):
            if not isinstance(getattr(self, field), bool):
                raise ConfigError(f"{field} is {getattr(self, field)!r}: give True or False", field=field)
        _check_cost(self.max_cost)
        _check_path(self.checkpoint)
        self._check_report()

    def _check_report(self) -> None:
        if self.outline and self.format not in (None, "markdown"):
            raise ConfigError(f"a report is Markdown, and format is {self.format!r}: leave it out", field="format")
        for field, unset in (("words", None), ("parallel", 1), ("numbering", False)):
            if not self.outline and getattr(self, field) != unset:
                raise ConfigError(f"{field} is for reports: give outline=True, too", field=field)


def _check_whole(value: object, field: str) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if value is not None and not whole:
        raise ConfigError(f"{field} is {value!r}: give a whole number, 1 or more", field=field)


def _check_cost(value: object) -> None:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if value is not None and not (number and math.isfinite(value) and value > 0):  # type: ignore[arg-type, operator]
        raise ConfigError(f"max_cost is {value!r}: give US dollars, more than 0", field="max_cost")


def _check_path(value: object) -> None:
    if value is not None and (not isinstance(value, str | os.PathLike) or not os.fspath(cast("str", value))):
        raise ConfigError(f"checkpoint is {value!r}: give the path of a file", field="checkpoint")


class WriteDict(SettingsDict, total=False):
    """Keywords of `write`: `WriteOptions`, and all settings of a call."""

    format: WritingFormat | None
    max_rounds: int
    max_tokens_total: int | None
    max_cost: float | Decimal | None
    checkpoint: str | os.PathLike[str] | None
    outline: bool
    words: int | None
    parallel: int
    numbering: bool


def write_options(keywords: Mapping[str, Any]) -> tuple[WriteOptions, dict[str, Any]]:
    """Part keywords into options of the text and settings of its calls."""
    names = WriteOptions.__struct_fields__
    options = {name: value for name, value in keywords.items() if name in names and value is not None}
    return WriteOptions(**options), {name: value for name, value in keywords.items() if name not in names}


_CALLED: Final = ("function", "custom")


def check_writable(request: ChatRequest) -> None:
    """
    Hold a request to what can be gone on with.

    Raises:
        ConfigError: It asks for something that cannot be cut and joined again.
    """
    if request.n is not None and request.n > 1:
        raise ConfigError(f"n is {request.n}: a long text is one answer", field="n")
    if request.output is not None and request.output.kind != "text":
        text = "a form is asked for: leave out output=, or use parse or json; format='json' joins JSON"
        raise ConfigError(text, field="output")
    for i, tool in enumerate(request.tools or ()):
        if tool.kind in _CALLED:
            raise ConfigError(f"tools[{i}] is to be called here: use run, write calls no tools", field=f"tools[{i}]")
