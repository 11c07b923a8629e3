"""
The words of Ollama's own chat dialect, as data: Structs for what is read, tables for what is translated.

One Struct serves a whole answer and a line of a streamed one: both hold a message, and the last line (or the only one)
says `done` and counts.

Rule: lenient.  A field that does not carry the answer is `Any` and is looked at when it is used; content and tool calls
are typed, and what is wrong there is a `WireError` that names the place.

Sources: Ollama's OpenAPI file (`ChatResponse`, `ChatStreamEvent`); the official client 0.6, `_types.py`; the server's
`api/types.go`; the recordings.  Ids of calls, which neither file names, are what servers of 2026 send and take back.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.responses import FinishReason

NAME: Final = "ollama-chat"
PATH: Final = "api/chat"

Json = dict[str, Any]


class Function(msgspec.Struct, gc=False):
    """Name and arguments of a call; the arguments as the bytes that came, so that their text is what was sent."""

    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"null")
    index: Any = None


class Call(msgspec.Struct, gc=False):
    """A whole tool call: this dialect never sends pieces of one."""

    function: Function | None = None
    id: Any = None


class Piece(msgspec.Struct, gc=False):
    """A message, or what a line adds to it."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None
    images: list[str] | None = None


class Answer(msgspec.Struct, gc=False):
    """A plain answer, or one line of a streamed one."""

    message: Piece | None = None
    done: Any = None
    model: Any = None
    done_reason: Any = None
    error: Any = None
    logprobs: Any = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    total_duration: Any = None
    load_duration: Any = None
    prompt_eval_duration: Any = None
    eval_duration: Any = None


# --- why it ended -----------------------------------------------------------------------------------------------------

# The server knows `stop` and `length`, and `load` and `unload` where nothing was asked.  The rest is ours, written by
# the server half where the dialect has no word.
_FINISH: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "refusal",
    "pause": "pause",
    "error": "error",
}


def finish_reason(raw: str | None, called: bool) -> FinishReason:
    """
    The neutral reason.

    The server says `stop` also where the model calls tools; its own OpenAI-compatible side reports those as
    `tool_calls`, and so do we.  A `done` without a reason proves that the answer is whole, and not why it ended.
    """
    reason = _FINISH.get(raw, "unknown") if raw else "unknown"
    return "tool_calls" if reason == "stop" and called else reason


def done_reason(reason: FinishReason, raw: str | None) -> str | None:
    """The reason to send for an answer; None if it is not known."""
    if reason == "unknown":
        return raw
    return "stop" if reason == "tool_calls" else reason
