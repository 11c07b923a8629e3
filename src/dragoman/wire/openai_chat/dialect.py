"""
The answers of the `openai-chat` dialect, as Structs.

One Struct serves a whole message and a delta of one: a message is a delta that holds everything.  Only fields that are
used are named; the decoder skips the rest, which stays reachable in `ChatResponse.raw`.

Rule: lenient.  Dozens of servers speak this dialect, each with its own nulls, gaps and types, so a field that does not
carry the answer is `Any` and is looked at when it is used.  Content and tool calls are typed: what is wrong there is a
`WireError` that names the place.

Sources: OpenAI's OpenAPI file (chat completions); the recordings of the vendors that imitate it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.responses import FinishReason

NAME: Final = "openai-chat"

# Fields of a message that its author wants back unchanged with the next turn: signatures and encrypted reasoning
# (OpenRouter, Gemini), and the call of the legacy `functions` parameter, which has no id to be a tool call.
REPLAYED: Final = ("reasoning_details", "extra_content", "thought_signature", "function_call")


class Lenient(msgspec.Struct, gc=False):
    """Base of what is decoded: short-lived, without reference cycles."""


class Function(Lenient):
    """Name and arguments of a call."""

    name: Any = None
    arguments: Any = None


class Custom(Lenient):
    """Name and text of a call to a custom tool."""

    name: Any = None
    input: Any = None


class ToolPiece(Lenient):
    """A tool call, or a piece of one."""

    index: Any = None
    id: Any = None
    type: Any = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None


class Block(Lenient):
    """A piece of content where it comes as a list: `text`, or Mistral's `thinking` with text blocks inside."""

    type: Any = None
    text: Any = None
    thinking: Any = None
    refusal: Any = None


class Sound(Lenient):
    """Sound in the answer; `data` is base64."""

    id: Any = None
    data: Any = None
    transcript: Any = None
    expires_at: Any = None


class Piece(Lenient):
    """A message or a delta of one."""

    content: str | list[Block] | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: list[ToolPiece | None] | None = None
    refusal: Any = None
    reasoning_details: Any = None
    annotations: Any = None
    images: Any = None
    audio: Any = None
    function_call: Any = None
    executed_tools: Any = None
    extra_content: Any = None
    thought_signature: Any = None


class Choice(Lenient):
    """One of the answers; `message` in a plain answer, `delta` in a streamed one."""

    index: Any = None
    delta: Piece | None = None
    message: Piece | None = None
    finish_reason: Any = None
    logprobs: Any = None
    usage: Any = None  # Moonshot reports it here
    error: Any = None  # OpenRouter reports what its upstream said here
    native_finish_reason: Any = None
    stop_reason: Any = None
    matched_stop: Any = None
    finish_details: Any = None
    content_filter_results: Any = None


class GroqNote(Lenient):
    """Groq's own field, which carries the usage of a stream, or why it stopped early."""

    id: Any = None
    error: Any = None
    usage: Any = None


class Answer(Lenient):
    """A plain answer, or one chunk of a streamed one."""

    choices: list[Choice] | None = None
    id: Any = None
    model: Any = None
    usage: Any = None
    error: Any = None
    x_groq: GroqNote | None = None
    citations: Any = None
    request_id: Any = None
    service_tier: Any = None


# --- why it ended -----------------------------------------------------------------------------------------------------

# What vendors send, beside OpenAI's own five: Together `eos`; Mistral `model_length`; DeepSeek
# `insufficient_system_resource`; Z.AI `sensitive` and `network_error`; `end_turn` and `max_tokens` by proxies in front
# of Anthropic.  `refusal`, `pause` are ours, written by the server half where the dialect has no word.
FINISH: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "refusal": "refusal",
    "pause": "pause",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
}

# The official SDKs know five reasons.  A refusal by a safety system is the nearest to `content_filter`; for `pause` and
# `error` there is no word that would not lie, so our own goes out.
FINISH_OUT: Final[dict[FinishReason, str | None]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "pause",
    "error": "error",
    "unknown": None,
}


def finish_reason(raw: str | None) -> FinishReason:
    """Our word for a reason as sent; what is not in the table is `unknown`."""
    return FINISH.get(raw, "unknown") if raw else "unknown"
