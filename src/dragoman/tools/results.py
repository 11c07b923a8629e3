"""
What a function gives, as what a model reads.

Rule: a model is told what a tool said, and of a failure its kind and its words: no traceback, and nothing that looks
like a credential.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast, get_args

import msgspec

from dragoman.redact import redact
from dragoman.types.messages import Audio, File, Image, Opaque, Text, ToolCall, ToolResult

ResultPart = Text | Image | Audio | File | Opaque
_PARTS: Final = get_args(ResultPart)

# A failure is told in a few lines: the message of a database driver can hold the whole query.
_TEXT_LIMIT: Final = 2000


def result_of(call: ToolCall, value: object) -> ToolResult:
    """
    The result of a call.

    A text, parts (text, image, audio, file) or a list of them, a `ToolResult` with any id; whatever else has a JSON
    form is sent as JSON.

    Raises:
        TypeError: It has no JSON form.
    """
    if isinstance(value, ToolResult):
        return msgspec.structs.replace(value, call_id=call.id, name=call.name)
    return ToolResult(call.id, _parts(value), call.name)


def failed(call: ToolCall, text: str) -> ToolResult:
    """The result of a call that gave none."""
    return ToolResult(call.id, (Text(text),), call.name, is_error=True)


def told(error: BaseException) -> str:
    """What a model is told of a failure."""
    text = redact(str(error))
    if len(text) > _TEXT_LIMIT:
        text = f"{text[:_TEXT_LIMIT]}..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _parts(value: object) -> tuple[ResultPart, ...]:
    if isinstance(value, str):
        return (Text(value),)
    if isinstance(value, _PARTS):
        return (cast("ResultPart", value),)
    listed = cast("list[Any]", value) if isinstance(value, list | tuple) else []
    if any(isinstance(item, _PARTS) for item in listed) and all(isinstance(item, (str, *_PARTS)) for item in listed):
        return tuple(Text(item) if isinstance(item, str) else item for item in listed)
    return (Text(msgspec.json.encode(value, enc_hook=_plain).decode()),)


def _plain(value: object) -> Any:
    """A value that msgspec does not know, if its class says how it is written, as pydantic's models do."""
    dump = getattr(value, "model_dump_json", None)
    if dump is None:
        raise TypeError(f"the tool gave {type(value).__name__}, which has no JSON form")
    return msgspec.Raw(cast("Callable[[], str]", dump)().encode())
