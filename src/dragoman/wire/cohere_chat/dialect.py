"""
The words of Cohere's Chat dialect (v2), as data: Structs for what is read, tables for what is translated.

`native["cohere-chat"]` of a message holds what the model plans to do with its tools (`tool_plan`, apart from its text
and its thoughts), the citations that stand at no text (of the plan, of thoughts), and unknown fields.  Of a part that
came as a block of content, its field `block` holds what the part would write differently.

Rule: lenient.  A field that does not carry the answer is `Any` and is looked at when it is used; content and tool calls
are typed, and what is wrong there is a `WireError` that names the place.

Sources: Cohere SDK 7.3 (`v2/types`, `types/*_v2.py`, `types/chat_*_event.py`); its page on streaming; the recordings.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.responses import FinishReason

NAME: Final = "cohere-chat"
PATH: Final = "v2/chat"

Json = dict[str, Any]


class Function(msgspec.Struct, gc=False):
    """Name and arguments of a call."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct, gc=False):
    """A tool call, or what an event adds to one."""

    id: str | None = None
    function: Function | None = None


class Said(msgspec.Struct, gc=False):
    """The message of a plain answer."""

    content: str | list[Json] | None = None
    tool_plan: str | None = None
    tool_calls: list[Call] | None = None
    citations: list[Json] | None = None


class Answer(msgspec.Struct, gc=False):
    """A plain answer."""

    message: Said | None = None
    id: Any = None
    finish_reason: Any = None
    usage: Any = None
    logprobs: Any = None


class Block(msgspec.Struct, gc=False):
    """A block of content that begins, or what an event adds to one."""

    type: Any = None
    text: str | None = None
    thinking: str | None = None


class Added(msgspec.Struct, gc=False):
    """What an event adds to the message; at its start all of it is empty lists."""

    content: Block | list[Json] | None = None
    tool_plan: str | None = None
    tool_calls: Call | list[Call] | None = None
    citations: Any = None


class Delta(msgspec.Struct, gc=False):
    """What an event adds to the answer."""

    message: Added | None = None
    finish_reason: Any = None
    usage: Any = None
    error: Any = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of a stream; which fields are set depends on `type`."""

    type: str = ""
    index: Any = None
    id: Any = None
    delta: Delta | None = None
    logprobs: Any = None
    message: Any = None
    error: Any = None


# --- why it ended -----------------------------------------------------------------------------------------------------

# The first six are the vendor's, the next two were its words before v2.  The last two are ours, written by the server
# half where the dialect has no word.
_FINISH: Final[dict[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "ERROR_LIMIT": "length",
    "ERROR_TOXIC": "content_filter",
    "REFUSAL": "refusal",
    "PAUSE": "pause",
}
_OUT: Final[dict[FinishReason, str]] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "error": "ERROR",
    "content_filter": "ERROR_TOXIC",
    "refusal": "REFUSAL",
    "pause": "PAUSE",
}


def finish_reason(raw: str | None) -> FinishReason:
    """The neutral reason for one as sent."""
    return _FINISH.get(raw, "unknown") if raw else "unknown"


def finish_out(reason: FinishReason, raw: str | None) -> str | None:
    """The reason to send for an answer: its own where it is this dialect's, else the nearest; None if not known."""
    if raw is not None and (reason == "unknown" or _FINISH.get(raw) == reason):
        return raw
    return _OUT.get(reason)
