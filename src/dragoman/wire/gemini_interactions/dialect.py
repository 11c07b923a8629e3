"""
The words of Gemini's Interactions dialect, as data: Structs for what is read, tables for what is translated.

A question and an answer are lists of steps: what the user put in, what the model wrote, its thoughts, calls, results,
and what Google's own tools did.  Steps of text and media hold content blocks.  `native["gemini-interactions"]` of a
part holds what it would write differently of its step or block; `step`, on the first part of a step of content, does so
for the step, and says that a step begins there.

Rule: lenient in answers.  A field that does not carry the answer is `Any` and is looked at when it is used.

Sources: google-genai SDK 3.4.0 (`_gaos/types/interactions`: the schema since the change from `outputs` to `steps` of
June 2026); Google's pages on the Interactions API; the recordings.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.messages import Native
from dragoman.types.responses import FinishReason
from dragoman.wire.lenient import list_of, object_of, text_of
from dragoman.wire.native import own

NAME: Final = "gemini-interactions"
PATH: Final = "v1beta/interactions"

# The schema is named by a date, which the SDK sends with every request.
REVISION: Final = "2026-05-20"

STEP: Final = "step"
"""Key of a `native` under which a part holds the fields of its step; it is no field of the dialect."""

BLOCK: Final = "block"
"""Key of a `native` that says that a part came as a block, where its kind is else a step; no field either."""

Json = dict[str, Any]
"""A step, a content block or a body as JSON."""

# Types of content blocks; every other type is a step's.
CONTENT: Final = frozenset({"text", "image", "audio", "document", "video"})

# Steps that hold content blocks, by the role of the message that they become.
CONTENT_STEPS: Final = {"user": "user_input", "assistant": "model_output"}


def state_of(native: Native | None, replay: bool = True) -> Json:
    """What a part would write differently of its step or block; nothing where the target is not who wrote it."""
    return {name: value for name, value in own(native, NAME, replay).items() if name not in (STEP, BLOCK)}


# --- answers ----------------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct, gc=False):
    """An interaction, plain or in an event; only `steps` carries the answer."""

    steps: list[Json] | None = None
    outputs: Any = None
    id: Any = None
    model: Any = None
    agent: Any = None
    status: Any = None
    usage: Any = None
    error: Any = None


class Delta(msgspec.Struct, gc=False):
    """What an event adds to a step; which fields are set depends on `type`."""

    type: str = ""
    text: str | None = None
    arguments: Any = None
    signature: Any = None
    content: Any = None
    annotations: Any = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of a stream; which fields are set depends on `event_type`."""

    event_type: str = ""
    index: Any = None
    delta: Delta | None = None
    step: Any = None
    interaction: msgspec.Raw = msgspec.Raw(b"null")
    usage: Any = None
    metadata: Any = None
    error: Any = None


# --- how it ended -----------------------------------------------------------------------------------------------------

# No answer yet; every other status ends an interaction.
PENDING: Final = ("in_progress", "queued")

# `completed` with a call to answer is `tool_calls` too.  What went on in the background, was cancelled, or has a status
# of the future says nothing of why it ended.
_FINISH: Final[dict[str, FinishReason]] = {
    "completed": "stop",
    "requires_action": "tool_calls",
    "incomplete": "length",
    "budget_exceeded": "length",
    "requires_continuation": "pause",
}
_STATUSES: Final = (*_FINISH, *PENDING, "cancelled")

# The vendor says `incomplete` for want of tokens.  `errors[0].code` says what else it was; these codes are ours,
# written by the server half where the dialect has no status.
_INCOMPLETE: Final[dict[str, FinishReason]] = {
    "content_filter": "content_filter",
    "refusal": "refusal",
    "error": "error",
}
_STATUS_OF: Final[dict[FinishReason, str]] = {
    "stop": "completed",
    "tool_calls": "requires_action",
    "pause": "requires_continuation",
    "unknown": "unknown",
}

# What an interaction tells of its end beside status, usage and the echo of the request.
END_FIELDS: Final = ("errors", "continuation_token", "service_tier", "environment_id")


def end_details(raw: Any) -> Json | None:
    """What an interaction says of its end, beside the status."""
    fields = object_of(raw)
    return {name: fields[name] for name in END_FIELDS if fields.get(name) not in (None, [], "")} or None


def finish_reason(status: str, details: Json | None, called: bool) -> FinishReason:
    """
    The neutral reason.

    Args:
        status: As sent.
        details: `end_details` of the interaction.
        called: Whether the answer holds a call that the caller answers.
    """
    reason = _FINISH.get(status, "unknown")
    if status == "incomplete":
        errors = list_of((details or {}).get("errors"))
        return _INCOMPLETE.get(text_of(object_of(next(iter(errors), None)).get("code")), reason)
    return "tool_calls" if called and reason == "stop" else reason


def status_out(reason: FinishReason, raw: str | None) -> tuple[str, Json]:
    """The status to send for an answer, its own where it is this dialect's, and the fields that go with it."""
    if raw in _STATUSES:
        return raw, {}
    status = _STATUS_OF.get(reason, "incomplete")
    errors = [{"code": reason, "message": f"the answer ended with {reason}"}] if reason in _INCOMPLETE else None
    return status, {"errors": errors} if errors else {}
