"""
From neutral parts to parts of this dialect, for requests and answers alike.

Rules: what the dialect cannot carry is left out with a notice, never in silence.  State that a provider made (a thought
signature, code that ran) goes back to that provider only.

Sources: google-genai SDK 3.4.0 (`Part`); Google's pages on function calling and thought signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.types.http import Notice
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
from dragoman.wire.argument_objects import arguments_object
from dragoman.wire.gemini_generate.dialect import NAME, WRITTEN, Json, as_it_came, is_ours, own
from dragoman.wire.gemini_generate.media import encode_media
from dragoman.wire.lenient import known, object_of
from dragoman.wire.request_body import overlay


class Place(msgspec.Struct, frozen=True):
    """
    Where a part stands.

    Attributes:
        field: Its path in the request, for notices.
        role: Of its message.
        notices: Takes what was adapted or left out.
        own: The provider that is asked wrote it, or people did: its native state may be sent.
        authored: It is known that the provider that is asked wrote it.
    """

    field: str
    role: str
    notices: list[Notice]
    own: bool = True
    authored: bool = False

    def note(self, text: str, below: str = "") -> None:
        """Remember what was adapted."""
        self.notices.append(Notice(self.field + below, text))


def encode_part(part: Part, place: Place) -> Json | None:
    """The JSON of one part, or None where the dialect has none for it.  `ToolResult` is not among them."""
    write = _WRITE.get(type(part))
    return write(part, place) if write is not None else None


def finished(native: Native | None, place: Place, made: Json) -> Json:
    """Put what was made over the fields with which the part came, spelled as they were."""
    fields = dict(own(native, place.own))
    written = object_of(fields.pop(WRITTEN, None))
    return as_it_came(overlay(fields, made), object_of(written.get("names")))  # type: ignore[no-any-return]


def _text(part: Text, place: Place) -> Json | None:
    if not part.text and not is_ours(part.native):
        return None  # nothing is lost; the API refuses contents without anything in them
    return finished(part.native, place, {"text": part.text})


def _reasoning(part: Reasoning, place: Place) -> Json | None:
    if not place.own or not (place.authored or is_ours(part.native)):
        place.note("reasoning that this provider did not write cannot be sent to it; left out")
        return None
    return finished(part.native, place, {"text": part.text, "thought": True})


def _refusal(part: Refusal, place: Place) -> Json | None:
    place.note("a refusal is sent as text")
    return finished(part.native, place, {"text": part.text}) if part.text else None


def _media(part: Image | Audio | File, place: Place) -> Json | None:
    native = own(part.native, place.own)
    if isinstance(part, Image) and part.detail:
        place.note("this dialect has no level of detail by that name; left out", ".detail")
    if isinstance(part, File) and part.name and "displayName" not in object_of(native.get("inlineData")):
        place.note("the API of Gemini takes no names of files; left out", ".name")
    for_addresses = bool(object_of(native.get(WRITTEN)).get("base64url"))
    return finished(part.native, place, encode_media(part, for_addresses=for_addresses))


def _tool_call(part: ToolCall, place: Place) -> Json | None:
    arguments, exact = arguments_object(part)
    if not exact:
        place.note("no JSON object, as this dialect wants; sent inside one", ".arguments_json")
    call = known({"id": part.id or None, "name": part.name, "args": arguments or None})
    native = own(part.native, place.own)
    if not arguments and "args" not in object_of(native.get(WRITTEN)).get("absent", ()):
        call["args"] = {}
    return finished(part.native, place, {"functionCall": call})


def _opaque(part: Opaque, place: Place) -> Json | None:
    if part.wire != NAME or not place.own:
        place.note("a block that only another provider knows cannot be sent here; left out")
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
    Write a tool's result: a `functionResponse`, and beside it what that cannot hold.

    Args:
        part: The result.
        name: Name of the function, which the dialect requires.
        place: Where it stands.
        nested: The model reads pictures and files inside a result; else they stand after it.
    """
    inside: list[Json] = []
    beside: list[Json] = []
    for i, piece in enumerate(part.parts):
        if isinstance(piece, Text):
            continue
        inner = msgspec.structs.replace(place, field=f"{place.field}.parts[{i}]")
        made = encode_part(piece, inner)
        if made is None:
            continue
        if nested or is_ours(piece.native) or isinstance(piece, Opaque):
            inside.append(made)
        else:
            inner.note("this model reads media beside a tool's result, not in it; moved after it")
            beside.append(made)
    response = known({"id": part.call_id or None, "name": name, "response": _response(part), "parts": inside or None})
    return [finished(part.native, place, {"functionResponse": response}), *beside]


def _response(part: ToolResult) -> Json:
    """`output` or `error`, as the API reads them; as it came, as long as it still says the same."""
    came = object_of(own(part.native).get(WRITTEN)).get("response")
    if isinstance(came, dict) and said_by(object_of(came)) == (part.text, part.is_error):
        return object_of(came)
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
