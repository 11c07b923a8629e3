"""
The words of OpenAI's Responses dialect, as data: Structs for what is read, tables for what is translated.

An answer and a request are lists of items: messages, reasoning, calls, results, and what only this dialect knows.  An
item that came in this dialect leaves in it unchanged: what its parts do not say is kept in their `native`.

`native["openai-responses"]` of a part of a message's content has two fields: `block`, where it came as a block (and not
as a lone text), holds what the part would write differently; `item`, on the last part of a message, does so for the
message.  Of every other part it holds what the part would write differently of its item; of reasoning, the whole item.

Rule: lenient.  A field that does not carry the answer is `Any` and is looked at when it is used.

Sources: OpenAI's OpenAPI file (`Response`, `ResponseStreamEvent`, `InputItem`); the recordings of its imitators.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.messages import Native, Part, Refusal, ToolCall
from dragoman.types.responses import FinishReason
from dragoman.wire.lenient import object_of, text_of

NAME: Final = "openai-responses"
PATH: Final = "responses"

Item = dict[str, Any]
"""An item, or a block of a message's content, as JSON."""


def own(native: Native | None, replay: bool = True) -> dict[str, Any]:
    """This dialect's fields of a `native`; none where the target is not who wrote them."""
    return object_of(native.get(NAME)) if native and replay else {}


def is_ours(native: Native | None, replay: bool = True) -> bool:
    """Whether a part came in this dialect: only then does `native` name it, be it with nothing."""
    return native is not None and replay and NAME in native


def difference(came: Item, made: Item) -> dict[str, Any]:
    """
    What to put over `made` to get `came`; None says that a field is not there.

    >>> difference({"a": 1, "b": 2}, {"a": 1, "c": 3})
    {'b': 2, 'c': None}
    """
    rest = {name: value for name, value in came.items() if value is not None and made.get(name) != value}
    return rest | {name: None for name, value in made.items() if value is not None and came.get(name) is None}


def over(made: Item, rest: dict[str, Any]) -> Item:
    """Put a difference over what was made."""
    return {name: value for name, value in {**made, **rest}.items() if value is not None}


# --- answers ----------------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct, gc=False):
    """A response, plain or in an event; only `output` carries the answer."""

    output: list[Item] | None = None
    id: Any = None
    model: Any = None
    status: Any = None
    usage: Any = None
    error: Any = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of a stream; which fields are set depends on `type`."""

    type: str = ""
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    logprobs: Any = None
    annotation: Any = None
    part: Any = None
    item: Any = None
    response: msgspec.Raw = msgspec.Raw(b"null")
    error: Any = None


# --- how it ended -----------------------------------------------------------------------------------------------------

# `complete` is no word of the vendor's; mocks and imitators send it.
COMPLETED: Final = ("completed", "complete")

# `incomplete_details.reason`.  The vendor knows two; `pause` and `error` are ours, written by the server half where the
# dialect has no word.
_INCOMPLETE: Final[dict[str, FinishReason]] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "pause": "pause",
    "error": "error",
}
_INCOMPLETE_OUT: Final[dict[FinishReason, str]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "pause",
    "error": "error",
}

# What a response tells of its end beside status, output, usage and the echo of the request.
END_FIELDS: Final = ("incomplete_details", "service_tier", "moderation", "content_filters", "conversation")


def end_details(raw: Any) -> dict[str, Any] | None:
    """What a response says of its end, beside the status."""
    fields = object_of(raw)
    return {name: fields[name] for name in END_FIELDS if fields.get(name) is not None} or None


def finish_reason(status: Any, details: dict[str, Any] | None, called: bool, refused: bool) -> FinishReason:
    """
    The neutral reason.

    A status says only that an answer is whole; what the caller must do next is seen in its items.  `queued`,
    `in_progress` and `cancelled` say that there is no answer (yet), not why one ended: `unknown`.

    Args:
        status: As sent.
        details: `end_details` of the response.
        called: The answer holds a call that the caller answers.
        refused: It holds a refusal.
    """
    if status in COMPLETED:
        return "tool_calls" if called else "refusal" if refused else "stop"
    if status == "incomplete":
        return _INCOMPLETE.get(text_of(object_of((details or {}).get("incomplete_details")).get("reason")), "unknown")
    return "unknown"


def finish_of(status: Any, details: dict[str, Any] | None, parts: tuple[Part, ...]) -> FinishReason:
    """The neutral reason for an answer of these parts."""
    called = any(isinstance(part, ToolCall) for part in parts)
    return finish_reason(status, details, called, any(isinstance(part, Refusal) for part in parts))


_STATUSES: Final = (*COMPLETED, "incomplete", "queued", "in_progress", "cancelled", "failed")


def status_out(reason: FinishReason, raw: str | None, refused: bool) -> tuple[str | None, str | None]:
    """
    Status and reason of incompleteness to send for an answer; its own where they are this dialect's.

    A refusal in words is a complete answer here; one that left no words is what the vendor calls filtered.
    """
    if raw == "incomplete":
        return raw, _INCOMPLETE_OUT.get(reason)
    if raw in _STATUSES:
        return raw, None
    if reason in ("stop", "tool_calls") or (reason == "refusal" and refused):
        return "completed", None
    return (None, None) if reason == "unknown" else ("incomplete", _INCOMPLETE_OUT.get(reason))
