"""
The words of Bedrock's Converse dialect, as data: its address, what ends an answer, what an event of a stream holds.

Rule: only the fields that we use are named.  A content block is an object with one field, which says what it is.

Sources: the service model of `bedrock-runtime` in botocore 1.44 (`Converse`, `ConverseStream`); the recordings.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import CacheMark
from dragoman.types.responses import FinishReason
from dragoman.wire.lenient import object_of

NAME: Final = "bedrock-converse"

Block = dict[str, Any]
"""A content block as JSON."""


# --- the address ------------------------------------------------------------------------------------------------------

_PATH: Final = re.compile(r"(?:^|/)model/(.+)/(converse|converse-stream)/?\Z", re.DOTALL)


def path_of(model: str, *, stream: bool) -> tuple[str, str]:
    """Path of a request, with `{model}` in it, and what stands there: names hold slashes and colons (ARNs)."""
    return f"model/{{model}}/{'converse-stream' if stream else 'converse'}", quote(model, safe="")


def read_path(path: str) -> tuple[str, bool]:
    """
    Model and whether a stream is asked, of a request's path.

    Raises:
        ConfigError: Another path.

    >>> read_path("/model/amazon.nova-lite-v1%3A0/converse-stream")
    ('amazon.nova-lite-v1:0', True)
    """
    found = _PATH.search(path)
    if found is None:
        raise ConfigError(f"the path {path!r} is not /model/<name>/converse or .../converse-stream", field="path")
    return unquote(found[1]), found[2] == "converse-stream"


# --- cache points -----------------------------------------------------------------------------------------------------


def cache_point(mark: CacheMark | None) -> list[Block]:
    """The block that stands behind a part with a cache mark, or nothing."""
    if mark is None:
        return []
    return [{"cachePoint": {"type": "default"} | ({"ttl": mark.ttl} if mark.ttl else {})}]


def cache_mark(block: Block) -> CacheMark | None:
    """The mark for the part before this block, or None if it is none that can be one."""
    point = object_of(block.get("cachePoint"))
    mark = CacheMark(point.get("ttl"))
    return mark if point and cache_point(mark) == [block] else None


# --- answers ----------------------------------------------------------------------------------------------------------


class Turn(msgspec.Struct):
    """A message of an answer."""

    content: list[Block]


class Output(msgspec.Struct):
    """Where the message is."""

    message: Turn


class Answer(msgspec.Struct):
    """A whole answer."""

    output: Output
    stopReason: str | None = None
    usage: dict[str, Any] | None = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of a stream; which fields are set depends on its type."""

    contentBlockIndex: int = 0
    start: Block | None = None
    delta: Block | None = None
    stopReason: str | None = None
    usage: dict[str, Any] | None = None


FINISH: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}

# Neutral reasons, for answers of other dialects.  The rest have no word here, and none is made up.
_STOP_REASON: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "refusal": "content_filtered",
}

# What an answer tells of its end, beside the reason: part of it comes with `messageStop`, the rest with `metadata`.
STOP_FIELDS: Final = ("additionalModelResponseFields",)
METADATA_FIELDS: Final = ("metrics", "trace", "performanceConfig", "serviceTier")


def finish_reason(raw: str | None) -> FinishReason:
    """The neutral reason for one as sent."""
    return FINISH.get(raw or "", "unknown")


def stop_reason(reason: FinishReason, raw: str | None) -> str | None:
    """The reason to send for an answer: its own where it is this dialect's, else the nearest; None if not known."""
    if raw is not None and (raw in FINISH or reason == "unknown"):
        return raw
    return _STOP_REASON.get(reason)


def told(source: dict[str, Any] | None, names: tuple[str, ...]) -> dict[str, Any]:
    """These fields, where they say something."""
    return {name: source[name] for name in names if source and source.get(name) is not None}
