"""
The words of Gemini's generateContent dialect, as data: Structs for what is read, tables for what is translated.

A request and an answer are made of contents: a role (`user`, `model`) and parts.  `native["gemini-generate"]` of a
neutral value holds the fields that it has no place for (`thoughtSignature` above all), and under `written` how it came:
the names that were in snake_case, because Google's servers take both spellings and an unchanged request is sent as it
was.

Rule: lenient in answers.  A field that does not carry the answer is `Any` and is looked at when it is used.

Sources: google-genai SDK 3.4.0 (`types.py`, `models.py`); Google's pages on function calling and thought signatures;
the recordings.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.responses import FinishReason
from dragoman.wire.lenient import is_array, is_object, object_of, text_of

NAME: Final = "gemini-generate"
GENERATE: Final = "generateContent"
STREAM: Final = "streamGenerateContent"

SIGNATURE: Final = "thoughtSignature"
WRITTEN: Final = "written"
"""Key of a `native` under which stands how a value was written; it is no field of the dialect."""

Json = dict[str, Any]
"""A part, a content or a body as JSON."""


# --- spelling ---------------------------------------------------------------------------------------------------------

# What stands below these fields is the caller's own JSON: its names are not the dialect's.
_FREE: Final = frozenset(
    {
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "labels",
        "partMetadata",
        "customMetadata",
    }
)


def camel(name: str) -> str:
    """
    A field's name as the dialect's documents write it.

    >>> camel("file_uri"), camel("fileUri")
    ('fileUri', 'fileUri')
    """
    if "_" not in name:
        return name
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def camel_cased(value: Any, came: dict[str, str]) -> Any:
    """
    The value with the dialect's names in camelCase, without nulls.

    Args:
        value: JSON.
        came: Takes the names that were written otherwise: camelCase to the name as it came.
    """
    if is_array(value):
        return [camel_cased(item, came) for item in value]
    if not is_object(value):
        return value
    fields: Json = {}
    for name, inner in value.items():
        if inner is None:
            continue
        known = camel(name)
        if known != name:
            came[known] = name
        fields[known] = inner if known in _FREE else camel_cased(inner, came)
    return fields


def as_it_came(value: Any, came: Json) -> Any:
    """The value with its names as they came: the inverse of `camel_cased`."""
    if not came:
        return value
    if is_array(value):
        return [as_it_came(item, came) for item in value]
    if not is_object(value):
        return value
    return {
        text_of(came.get(name)) or name: inner if name in _FREE else as_it_came(inner, came)
        for name, inner in value.items()
    }


# --- answers ----------------------------------------------------------------------------------------------------------


class PartialArg(msgspec.Struct, gc=False):
    """A piece of the arguments of a call that is streamed."""

    jsonPath: str = ""
    stringValue: str | None = None
    numberValue: int | float | None = None
    boolValue: bool | None = None
    nullValue: Any = None


class FunctionCall(msgspec.Struct, gc=False):
    """A call, or a piece of one; `args` stays as sent."""

    name: str | None = None
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw()
    partialArgs: list[PartialArg] | None = None
    willContinue: bool | None = None


class Piece(msgspec.Struct, gc=False):
    """A part of an answer, as far as it is one of ours."""

    text: str | None = None
    thought: bool | None = None
    thoughtSignature: str | None = None
    functionCall: FunctionCall | None = None
    inlineData: Json | None = None
    fileData: Json | None = None
    partMetadata: Any = None
    videoMetadata: Any = None
    mediaResolution: Any = None
    speechMetadata: Any = None
    audioMetadata: Any = None


class Content(msgspec.Struct, gc=False):
    """The parts of an answer."""

    parts: list[msgspec.Raw] | None = None


class Candidate(msgspec.Struct, gc=False):
    """One of the answers, or what a chunk adds to it."""

    content: Content | None = None
    index: Any = None
    finishReason: Any = None
    finishMessage: Any = None
    continuationToken: Any = None
    safetyRatings: Any = None
    citationMetadata: Any = None
    groundingMetadata: Any = None
    urlContextMetadata: Any = None
    avgLogprobs: Any = None
    logprobsResult: Any = None
    tokenCount: Any = None


class Answer(msgspec.Struct, gc=False):
    """A plain answer, or one chunk of a streamed one."""

    candidates: list[Candidate] | None = None
    promptFeedback: Any = None
    usageMetadata: Any = None
    modelVersion: Any = None
    responseId: Any = None
    modelStatus: Any = None
    error: Any = None


# What a candidate says of its end beside the reason.  `continuationToken` belongs to the reason CONTINUATION: it is
# sent back as `extra={"generationConfig": {"continuationToken": ...}}`.
ENDING: Final = (
    "finishMessage",
    "continuationToken",
    "safetyRatings",
    "citationMetadata",
    "groundingMetadata",
    "urlContextMetadata",
    "avgLogprobs",
    "tokenCount",
)
# And what the answer says of the question and the model.
OUTER_ENDING: Final = ("promptFeedback", "modelStatus")


def ending(candidate: Candidate) -> Json:
    """What else was said of the end of a candidate."""
    return {name: value for name in ENDING if (value := getattr(candidate, name))}


def outer_ending(answer: Answer) -> Json:
    """What else was said of the whole answer."""
    return {name: value for name in OUTER_ENDING if (value := getattr(answer, name))}


def block_reason(answer: Answer) -> str:
    """Why the prompt was refused; empty where it was not."""
    return text_of(object_of(answer.promptFeedback).get("blockReason"))


# --- why it ended -----------------------------------------------------------------------------------------------------

# STOP with function calls is `tool_calls`: the dialect has no word of its own for it.  CONTINUATION pauses a long
# answer that goes on with the token given, so it is `pause` and not `length`.  OTHER and PUP_LIMITED_DISABLED say
# nothing.
FINISH: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "LANGUAGE": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "IMAGE_OTHER": "error",
    "NO_IMAGE": "error",
    "ESCALATION": "pause",
    "CONTINUATION": "pause",
}

# Neutral reasons, for answers of other dialects.  A finish reason is this dialect's only mark of a whole answer, so
# there is always one.
_FINISH_OUT: Final[dict[FinishReason, str]] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "CONTINUATION",
    "error": "OTHER",
    "unknown": "FINISH_REASON_UNSPECIFIED",
}


def finish_reason(raw: str | None, calls: bool) -> FinishReason:
    """
    Our word for a reason as sent.

    Args:
        raw: The reason; None if there is none.
        calls: Whether the answer calls functions.
    """
    reason = FINISH.get(raw or "", "unknown")
    return "tool_calls" if calls and reason == "stop" else reason


def finish_word(reason: FinishReason, raw: str | None) -> str:
    """The word to send for a reason: its own where it is this dialect's, else the nearest."""
    if raw and (raw in FINISH or (reason == "unknown" and raw.isupper())):
        return raw
    return _FINISH_OUT[reason]
