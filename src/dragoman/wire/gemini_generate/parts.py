"""
From neutral parts to parts of this dialect, for requests and answers alike.

Rules: what the dialect cannot carry is left out with a notice, never in silence.  State that a provider made (a thought
signature, code that ran) goes back to that provider only.  A function's arguments are an object here, and are never
repaired: what is none travels, as text, inside one.

Sources: google-genai SDK 3.4.0 (`Part`); Google's pages on function calling and thought signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.types.messages import (
    Audio,
    File,
    Image,
    Native,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.wire.gemini_generate.dialect import NAME, WRITTEN, Json, as_it_came
from dragoman.wire.gemini_generate.media import encode_media
from dragoman.wire.google_media import is_address
from dragoman.wire.lenient import is_object, known, object_of
from dragoman.wire.native import is_ours, over, own
from dragoman.wire.place import Place
from dragoman.wire.text_forms import as_text, free_text

INVALID: Final = "INVALID_JSON"
"""Under this name go arguments that are no JSON object."""


def encode_part(part: Part, place: Place) -> Json | None:
    """The JSON of one part, or None where the dialect has none for it.  Results have a function of their own."""
    write = _WRITE.get(type(part))
    return write(part, place) if write is not None else None


def _finished(native: Native | None, place: Place, made: Json) -> Json:
    """Put the fields with which the part came over what was made, and spell them as they were."""
    fields = dict(own(native, NAME, place.replay))
    written = object_of(fields.pop(WRITTEN, None))
    whole: Json = as_it_came(over(made, fields), object_of(written.get("names")))
    return whole


def _text(part: Text, place: Place) -> Json | None:
    if not part.text and not is_ours(part.native, NAME):
        return None  # nothing is lost; the API refuses contents without anything in them
    return _finished(part.native, place, {"text": part.text})


def _reasoning(part: Reasoning, place: Place) -> Json | None:
    if not is_ours(part.native, NAME, place.replay):
        place.note("reasoning that this provider did not write cannot be sent to it; left out")
        return None
    return _finished(part.native, place, {"text": part.text, "thought": True})


def _refusal(part: Refusal, place: Place) -> Json | None:
    text = as_text(part, place)
    return {"text": text} if text else None


def _media(part: Image | Audio | File, place: Place) -> Json | None:
    if part.file_id is not None and part.data is None and not (place.replay and is_address(part.file_id)):
        text = as_text(part, place)
        return {"text": text} if text else None
    native = own(part.native, NAME, place.replay)
    if isinstance(part, Image) and part.detail:
        place.note("this dialect has no level of detail by that name; left out", ".detail")
    if isinstance(part, File) and part.name and "displayName" not in object_of(native.get("inlineData")):
        place.note("the API of Gemini takes no names of files; left out", ".name")
    for_addresses = bool(object_of(native.get(WRITTEN)).get("base64url"))
    return _finished(part.native, place, encode_media(part, for_addresses=for_addresses))


def _tool_call(part: ToolCall, place: Place) -> Json | None:
    call = known({"id": part.id or None, "name": part.name})
    return _finished(part.native, place, {"functionCall": call | {"args": _arguments(part, place)}})


def _arguments(part: ToolCall, place: Place) -> Json:
    if part.kind == "custom":
        return free_text(part)
    value = part.arguments
    if is_object(value):
        return value
    place.note("no JSON object, as this dialect wants; sent inside one", ".arguments_json")
    return {INVALID: part.arguments_json}


def _opaque(part: Opaque, place: Place) -> Json | None:
    if part.wire != NAME or not place.replay:
        as_text(part, place)
        return None
    return part.data


_WRITE: Final[dict[type[Any], Callable[[Any, Place], Json | None]]] = {
    Text: _text,
    Reasoning: _reasoning,
    Refusal: _refusal,
    Image: _media,
    Audio: _media,
    File: _media,
    ToolCall: _tool_call,
    Opaque: _opaque,
}


# --- results ----------------------------------------------------------------------------------------------------------


def encode_result(part: ToolResult, name: str, place: Place, *, nested: bool) -> list[Json]:
    """
    Write a tool's result: a `functionResponse`, and after it what that cannot hold.

    Args:
        part: The result.
        name: Name of the function, which the dialect requires.
        place: Where it stands.
        nested: The model reads pictures and files inside a result; else they stand after it.
    """
    inside: list[Json] = []
    after: list[Json] = []
    for i, piece in enumerate(part.parts):
        if isinstance(piece, Text):
            continue
        inner = place.inside(i, "tool")
        made = encode_part(piece, inner)
        if made is None:
            continue
        if nested or is_ours(piece.native, NAME) or isinstance(piece, Opaque):
            inside.append(made)
        else:
            inner.note("this model reads media beside a tool's result, not in it; moved after it")
            after.append(made)
    response = known({"id": part.call_id or None, "name": name, "response": _response(part), "parts": inside or None})
    return [_finished(part.native, place, {"functionResponse": response}), *after]


def _response(part: ToolResult) -> Json:
    """`output` or `error`, as the API reads them; as it came, as long as it still says the same."""
    came = object_of(own(part.native, NAME).get(WRITTEN)).get("response")
    if is_object(came) and said_by(came) == (part.text, part.is_error):
        return came
    return {"error" if part.is_error else "output": part.text}


def said_by(response: Json) -> tuple[str, bool]:
    """
    What a result says, and whether the function failed.

    >>> said_by({"output": "sunny"}), said_by({"temperature": 20})
    (('sunny', False), ('{"temperature":20}', False))
    """
    if len(response) == 1:
        [(name, value)] = response.items()
        if name in ("output", "error"):
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            return text, name == "error"
    return msgspec.json.encode(response).decode(), False
