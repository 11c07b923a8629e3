"""
From steps to parts, for answers and for requests alike.

A step is chosen by its type, never by its place.  A type that is not in the table is carried whole: Google's own tools
and what they gave back, and whatever comes next.

Rule: what the parts of a step would write differently stays in their `native`, so that a step goes back as it came.
The parts of a step of content are written as one step; where another begins, its first part says so.

Source: google-genai SDK 3.4.0 (`Step` and its variants).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Native, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.gemini_interactions.content import decode_block, encode_block
from dragoman.wire.gemini_interactions.dialect import BLOCK, CONTENT_STEPS, NAME, STEP, Json
from dragoman.wire.lenient import is_array, is_object, list_of, object_of, text_of
from dragoman.wire.native import difference, own
from dragoman.wire.place import Place

Parts = tuple[Part, ...]


def decode_step(step: Json, field: str) -> Parts:
    """
    The parts of a step.

    Raises:
        ConfigError: A field is missing or of the wrong type; `.field` says where.
    """
    read = _READ.get(text_of(step.get("type")))
    return read(step, field) if read else (Opaque(NAME, step),)


def decode_answer(steps: Iterable[Json]) -> Parts:
    """
    The parts of an answer.  Signatures, texts and steps that are empty say nothing and are dropped.

    What stands there for completeness, as in an interaction that is looked up later (the question, what the caller's
    tools gave back), is carried whole.
    """
    parts: list[Part] = []
    before = ""
    for i, step in enumerate(steps):
        kind = text_of(step.get("type"))
        found = (Opaque(NAME, step),) if kind in _ASKED else decode_step(said(step), f"steps[{i}]")
        found = tuple(_unsigned(part) for part in found if not _is_empty(part))
        parts += begins_anew(found) if kind == before == "model_output" else found
        before = kind if found else before
    return tuple(parts)


_ASKED: Final = ("user_input", "function_result")


def _unsigned(part: Part) -> Part:
    """A thought without a signature is nobody's: sent back, it was refused.  (googleapis/js-genai, issue 1735)"""
    if isinstance(part, Reasoning) and "signature" not in own(part.native, NAME):
        return msgspec.structs.replace(part, native=None)
    return part


def said(step: Json) -> Json:
    """A step without a signature that is empty; so do those begin that are streamed."""
    return {name: value for name, value in step.items() if name != "signature" or value not in (None, "")}


def _is_empty(part: Part) -> bool:
    if isinstance(part, Opaque):
        return part.data.get("type") == "model_output" and not part.data.get("error")
    if isinstance(part, Reasoning):
        return not part.text and not own(part.native, NAME)
    return isinstance(part, Text) and not part.text and not part.citations


def begins_anew(parts: Parts) -> Parts:
    """Mark the first part of a step of content, so that it is not joined to the step before it."""
    return (with_native(parts[0], {STEP: own(parts[0].native, NAME).get(STEP) or {}}), *parts[1:]) if parts else ()


def with_native(part: Part, more: Json) -> Part:
    """A part with more state of this dialect."""
    return msgspec.structs.replace(part, native={**(part.native or {}), NAME: {**own(part.native, NAME), **more}})


def _native(rest: Json) -> Native | None:
    return {NAME: rest} if rest else None


# --- one function per type --------------------------------------------------------------------------------------------


def _content(step: Json, field: str) -> Parts:
    blocks = step.get("content")
    if not is_array(blocks) or not blocks:
        return (Opaque(NAME, step),)
    parts = tuple(_block(block, f"{field}.content[{i}]") for i, block in enumerate(blocks))
    rest = {name: value for name, value in step.items() if name not in ("type", "content") and value is not None}
    return (with_native(parts[0], {STEP: rest}), *parts[1:]) if rest else parts


def _block(block: Any, field: str) -> Part:
    if not is_object(block):
        raise ConfigError(f"{field} is {block!r}: give an object", field=field)
    if block.get("type") == "function_result":  # the API takes results in both places
        return with_native(_function_result(block, field)[0], {BLOCK: True})
    return decode_block(block, field)


def _thought(step: Json, field: str) -> Parts:
    blocks = [object_of(block) for block in list_of(step.get("summary"))]
    text = "".join(text_of(block.get("text")) for block in blocks)
    # Named in `native` even without a signature: that marks it as this dialect's own, which may be sent back.
    return (Reasoning(text, native={NAME: difference(step, write_thought(text))}),)


def write_thought(text: str) -> Json:
    """The step of a thought, as its words alone say it."""
    return {"type": "thought"} | ({"summary": [{"type": "text", "text": text}]} if text else {})


def _function_call(step: Json, field: str) -> Parts:
    name = _required(step, "name", field)
    arguments = step.get("arguments")
    call = ToolCall(text_of(step.get("id")), name, arguments_json(arguments))
    rest = difference(step, write_call(call.id, name, {} if arguments is None else arguments))
    return (msgspec.structs.replace(call, native=_native(rest)),)


def arguments_json(value: Any) -> str:
    """Arguments as JSON text; none are an empty object."""
    return "{}" if value is None else msgspec.json.encode(value).decode()


def write_call(call_id: str, name: str, arguments: Any) -> Json:
    """The step of a call."""
    return {"type": "function_call", "id": call_id, "name": name, "arguments": arguments}


def _function_result(step: Json, field: str) -> Parts:
    call_id, result = _required(step, "call_id", field), step.get("result")
    name, failed = text_of(step.get("name")) or None, step.get("is_error") is True
    part = ToolResult(call_id, _result_parts(result, f"{field}.result"), name, failed)
    rest = difference(step, write_result(part, result_of(part, Place("", "tool", True, []), True)))
    return (msgspec.structs.replace(part, native=_native(rest)),)


def _result_parts(result: Any, field: str) -> tuple[Any, ...]:
    """A text, a list of blocks, or any JSON, which is given as its text."""
    if isinstance(result, str):
        return (Text(result),)
    blocks = list_of(result)
    if blocks and all(_is_typed(item) for item in blocks):
        return tuple(decode_block(block, f"{field}[{i}]") for i, block in enumerate(blocks))
    return () if result is None else (Text(msgspec.json.encode(result).decode()),)


def _is_typed(item: Any) -> bool:
    return isinstance(object_of(item).get("type"), str)


def result_of(part: ToolResult, place: Place, answering: bool) -> str | list[Json]:
    """What a tool gave back, as a text if that is all it is, else as blocks."""
    texts = [piece for piece in part.parts if isinstance(piece, Text) and not piece.citations and not piece.native]
    if len(texts) == len(part.parts) < 2:
        return part.text
    places = (place.inside(i, "tool") for i in range(len(part.parts)))
    blocks = (encode_block(piece, at, answering) for piece, at in zip(part.parts, places, strict=True))
    return [block for block in blocks if block is not None]


def write_result(part: ToolResult, result: Any, call_id: str | None = None) -> Json:
    """The step of a result."""
    made: Json = {"type": "function_result", "call_id": part.call_id if call_id is None else call_id, "result": result}
    if part.name is not None:
        made["name"] = part.name
    return made | ({"is_error": True} if part.is_error else {})


def _required(step: Json, name: str, field: str) -> str:
    value = step.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{field}.{name} is {value!r}: give a text", field=f"{field}.{name}")
    return value


_READ: Final[dict[str, Callable[[Json, str], Parts]]] = {
    **dict.fromkeys(CONTENT_STEPS.values(), _content),
    "thought": _thought,
    "function_call": _function_call,
    "function_result": _function_result,
}
