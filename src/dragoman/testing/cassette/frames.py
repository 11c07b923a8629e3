"""
Pieces of a stream as people read them: its events, with their JSON as JSON.

    [0.031, {"data": {"choices": [{"delta": {"content": "Hello"}}]}}]

Rule: only what gives the same bytes again is shown so.  A piece that is cut in the middle of an event, or is written in
another way, stays the text that it is.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from dragoman.testing.cassette.model import Part, Shown

# How JSON is written in a stream.
_COMPACT: Final[dict[str, Any]] = {"separators": (",", ":"), "ensure_ascii": False}
_SPACED: Final[dict[str, Any]] = {"ensure_ascii": False}

_FRAME: Final = re.compile(r"(?:event: (?P<event>[^\r\n]*)(?:\r?\n))?data: (?P<data>[^\r\n]*)(?P<end>\r?\n)\r?\n")


def shown(text: str) -> Part:
    """Return a piece as the events in it, or as it is."""
    for form in (_events, _lines):
        found = form(text)
        if found and "".join(map(written, found)) == text:
            return found[0] if len(found) == 1 else tuple(found)
    return text


def written(one: Shown) -> str:
    """Return an event, or a line of JSON, as it came."""
    end = "\r\n" if one.crlf else "\n"
    if one.line is not msgspec.UNSET:
        return f"{_dumped(one.line, one)}{end}"
    event = "" if one.event is msgspec.UNSET else f"event: {one.event}{end}"
    data = one.raw if one.raw is not msgspec.UNSET else _dumped(one.data, one)
    return f"{event}data: {data}{end}{end}"


def _events(text: str) -> list[Shown]:
    found: list[Shown] = []
    at = 0
    while frame := _FRAME.match(text, at):
        at = frame.end()
        value = _parsed(frame["data"])
        fields: dict[str, Any] = {"raw": frame["data"]} if value is None else _json("data", frame["data"], value)
        if frame["event"] is not None:
            fields["event"] = frame["event"]
        found.append(Shown(**fields, crlf=frame["end"] == "\r\n"))
    return found if at == len(text) else []


def _lines(text: str) -> list[Shown]:
    if not (text.startswith("{") and text.endswith("\n")):
        return []
    crlf = text.endswith("\r\n")
    rows = [(row.removesuffix("\r"), _parsed(row)) for row in text[:-1].split("\n")]
    if any(value is None for _, value in rows):
        return []
    return [Shown(**_json("line", row, value), crlf=crlf) for row, value in rows]


def _json(field: str, text: str, value: Any) -> dict[str, Any]:
    """An object under a field's name, and how it was written."""
    return {field: value, "spaced": json.dumps(value, **_COMPACT) != text}


def _parsed(text: str) -> Any:
    """An object of JSON, or None."""
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _dumped(value: Any, one: Shown) -> str:
    return json.dumps(value, **(_SPACED if one.spaced else _COMPACT))
