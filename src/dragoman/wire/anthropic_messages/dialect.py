"""
The words of Anthropic's Messages dialect, as data: Structs for what is read, tables for what is translated.

Rule: only the fields that we use are named.  Unknown ones are skipped by the decoder and kept by `leftover`, so that a
block or request that came in this dialect leaves in it unchanged.

Sources: the vendor's OpenAPI file and SDK 2.12 (types of `Message`, of the stream's events and of the stop reasons).
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from dragoman.types.messages import CacheMark, Native
from dragoman.types.responses import FinishReason
from dragoman.wire.lenient import object_of

NAME: Final = "anthropic-messages"
PATH: Final = "v1/messages"
DEFAULT_VERSION: Final = "2023-06-01"

Block = dict[str, Any]
"""A content block as JSON."""


# --- content blocks ---------------------------------------------------------------------------------------------------


class CacheControl(msgspec.Struct):
    """Asks to cache the prompt up to here; the only type is `ephemeral`."""

    type: Literal["ephemeral"]
    ttl: str | None = None


class Source(msgspec.Struct):
    """Where an image or a document is: `base64`, `url`, `file`, `text` or `content`."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None


class TextBlock(msgspec.Struct):
    """`text`."""

    text: str
    citations: list[dict[str, Any]] | None = None
    cache_control: CacheControl | None = None


class ThinkingBlock(msgspec.Struct):
    """`thinking`; its signature is not ours to read, it stays in `native`."""

    thinking: str


class RedactedBlock(msgspec.Struct):
    """`redacted_thinking`: encrypted by the vendor."""

    data: str


class ToolUseBlock(msgspec.Struct):
    """`tool_use`."""

    id: str
    name: str
    input: Any = None
    cache_control: CacheControl | None = None


class ToolResultBlock(msgspec.Struct):
    """`tool_result`."""

    tool_use_id: str
    content: str | list[Block] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


class ImageBlock(msgspec.Struct):
    """`image`."""

    source: Source
    cache_control: CacheControl | None = None


class DocumentBlock(msgspec.Struct):
    """`document`."""

    source: Source
    title: str | None = None
    cache_control: CacheControl | None = None


_NESTED: Final[dict[str, type[msgspec.Struct]]] = {"cache_control": CacheControl, "source": Source}


def leftover(block: Block, kind: type[msgspec.Struct]) -> dict[str, Any]:
    """
    The fields of `block` that its neutral form does not carry.

    Those are the unknown ones, and explicit nulls, falses and empty lists, which neutral values do not tell from
    absent ones.
    """
    known = kind.__struct_fields__
    rest: dict[str, Any] = {}
    for key, value in block.items():
        if key == "type":
            continue
        if key not in known or value is None or value is False or value == []:
            rest[key] = value
        elif key in _NESTED and (inner := leftover(value, _NESTED[key])):
            rest[key] = inner
    return rest


def native_of(value: Native | None) -> dict[str, Any]:
    """This dialect's own fields in a `native`."""
    return object_of((value or {}).get(NAME))


def is_ours(value: Native | None) -> bool:
    """Whether a part was written in this dialect: only then does `native` name it, be it with nothing."""
    return value is not None and NAME in value


def cache_mark(control: CacheControl | None) -> CacheMark | None:
    """A cache breakpoint as its neutral value."""
    return CacheMark(control.ttl) if control is not None else None


def cache_control(mark: CacheMark | None) -> dict[str, Any]:
    """A cache mark as the field to add to a block, or nothing."""
    if mark is None:
        return {}
    return {"cache_control": {"type": "ephemeral"} | ({"ttl": mark.ttl} if mark.ttl else {})}


# --- answers ----------------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct):
    """A whole `message`, or an error in its place."""

    type: str = "message"
    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class Delta(msgspec.Struct, gc=False):
    """What a stream's event adds; which field is set depends on `type`."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: dict[str, Any] | None = None
    stop_reason: str | None = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of a stream; which fields are set depends on `type`."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


# Why an answer ended.  `compaction` pauses a turn that the caller continues by sending it back, as `pause_turn` does.
FINISH: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
}

# Neutral reasons, for answers of other dialects.  `error` and `unknown` have no word here, and none is made up.
STOP_REASON: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "content_filter": "refusal",
}

# Fields of a message that tell about its end, beside the reason, as the vendor's types name them.
END_FIELDS: Final = (
    "stop_sequence",
    "stop_details",
    "container",
    "context_management",
    "diagnostics",
    "input_transformations",
)
_CARRIED: Final = frozenset({"id", "type", "role", "content", "model", "stop_reason", "usage", "delta"})


def finish_reason(raw: str | None) -> FinishReason:
    """The neutral reason for one as sent."""
    return FINISH.get(raw or "", "unknown")


def stop_reason(reason: FinishReason, raw: str | None) -> str | None:
    """The reason to send for an answer: its own where it is this dialect's, else the nearest; None if not known."""
    if raw is not None and (raw in FINISH or reason == "unknown"):
        return raw
    return STOP_REASON.get(reason)


def end_details(*sources: dict[str, Any]) -> dict[str, Any]:
    """What messages and events say of the end, other than the reason and the usage; later ones win."""
    return {
        key: value for source in sources for key, value in source.items() if key not in _CARRIED and value is not None
    }


def end_fields(details: dict[str, Any] | None) -> dict[str, Any]:
    """The part of `finish_details` that this dialect has fields for."""
    return {key: details[key] for key in END_FIELDS if details and details.get(key) is not None}
