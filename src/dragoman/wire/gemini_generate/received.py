"""
From contents to messages, as a server.

Rule: decoding and encoding again gives an equal body.  What has no neutral form is kept in `native`: of the part or the
message it stands in.  A part of a kind that has no neutral form is `Opaque`.

Source: google-genai SDK 3.4.0 (`Content`, `Part`); the recordings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, File, Image, Message, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.wire.gemini_generate.dialect import NAME, WRITTEN, Json, camel_cased
from dragoman.wire.gemini_generate.media import decode_file, decode_inline, is_for_addresses
from dragoman.wire.gemini_generate.parts import encode_part, encode_result, said_by
from dragoman.wire.lenient import is_array, is_object, known, list_of, object_of, text_of
from dragoman.wire.native import difference
from dragoman.wire.place import Place

# Earlier versions of the API wrote results in contents of the role `function`.
_ROLES: Final = {"model": "assistant", "user": "user", "function": "user", "tool": "user", "system": "system"}


def decode_system(value: Any, field: str) -> Message:
    """
    Read `systemInstruction`: a content, whatever its role, or a text.

    Raises:
        ConfigError: No content; `.field` says where.
    """
    if isinstance(value, str):
        return Message("system", (Text(value),))
    sent, parts, names = _content(value, field)
    rest = {name: item for name, item in sent.items() if name != "parts"}
    return Message("system", parts, native=_native(rest, names))


def decode_contents(value: Any, field: str) -> tuple[Message, ...]:
    """
    Read `contents`: a list of contents, one content, or a text.

    Raises:
        ConfigError: Not contents; `.field` says where.
    """
    if isinstance(value, str):
        return (Message("user", (Text(value),)),)
    listed = [value] if is_object(value) else value
    if not is_array(listed):
        raise ConfigError(f"{field} is missing: give a list of contents", field=field)
    return tuple(_message(item, f"{field}[{i}]") for i, item in enumerate(listed))


def _message(value: Any, field: str) -> Message:
    sent, parts, names = _content(value, field)
    role = sent.get("role", "user")
    neutral = _ROLES.get(role) if isinstance(role, str) else None
    if neutral is None:
        raise ConfigError(f"{field}.role is {role!r}: give 'user' or 'model'", field=f"{field}.role")
    if parts and all(isinstance(part, ToolResult) for part in parts):
        neutral = "tool"
    made = {"role": "model" if neutral == "assistant" else "user"}
    rest = difference({name: item for name, item in sent.items() if name != "parts"}, made)
    # Named in `native` even with nothing: results that came in a content of their own stay in one.
    native = _native(rest, names) or ({NAME: {}} if neutral == "tool" else None)
    return Message(neutral, parts, native=native)  # type: ignore[arg-type]


def _content(value: Any, field: str) -> tuple[Json, tuple[Part, ...], dict[str, str]]:
    if not is_object(value):
        raise ConfigError(f"{field} is no object: give {{'role': ..., 'parts': [...]}}", field=field)
    names: dict[str, str] = {}
    sent = object_of(camel_cased({name: item for name, item in value.items() if name != "parts"}, names))
    parts = value.get("parts")
    listed: list[Any] = list_of(parts) if is_array(parts) or parts is None else [parts]
    if not isinstance(parts, dict | str | list | None):
        raise ConfigError(f"{field}.parts is {parts!r}: give a list of parts", field=f"{field}.parts")
    return sent, tuple(decode_part(part, f"{field}.parts[{i}]") for i, part in enumerate(listed)), names


def _native(rest: Json, names: dict[str, str], **written: Any) -> Json | None:
    how = known({"names": names or None, **written})
    state = rest | ({WRITTEN: how} if how else {})
    return {NAME: state} if state else None


# --- parts ------------------------------------------------------------------------------------------------------------


def decode_part(value: Any, field: str) -> Part:
    """
    Read a part.  One of a kind that is not known becomes `Opaque`.

    Raises:
        ConfigError: Not a part, or one with a damaged source; `.field` says where.
    """
    if isinstance(value, str):
        return Text(value)
    if not is_object(value):
        raise ConfigError(f"{field} is {value!r}: give {{'text': ...}}", field=field)
    names: dict[str, str] = {}
    sent = object_of(camel_cased(value, names))
    name, read = next(((name, read) for name, read in _READ.items() if name in sent), (None, None))
    if name is None or read is None:
        return Opaque(NAME, value)
    body = sent[name]
    try:
        part, written = read(body, sent, f"{field}.{name}")
    except ConfigError as error:
        where = error.field if error.field and error.field.startswith(field) else f"{field}.{name}"
        raise ConfigError(f"{where}: {error.message}", field=where) from error
    if part is None:
        return Opaque(NAME, value)
    marked = msgspec.structs.replace(part, native=_native({}, {}, **written) or {NAME: {}})
    rest = difference(sent, _again(marked, field))
    native: Json | None = _native(rest, names, **written)
    if native is None and not (isinstance(part, Text) and part.text):
        native = {NAME: {}}  # it came in this dialect, which decides how it is sent back
    return msgspec.structs.replace(marked, native=native)


def _again(part: Part, field: str) -> Json:
    """How a part would be written, without what is not said in it."""
    place = Place(field, "user", True, [])
    if isinstance(part, ToolResult):
        return encode_result(part, part.name or "", place, nested=True)[0]
    return encode_part(part, place) or {}


_Read = tuple[Part | None, Json]
"""The part, and how it was written."""


def _text(value: Any, sent: Json, field: str) -> _Read:
    if not isinstance(value, str):
        raise ConfigError(f"{value!r} is no text", field=field)
    return (Reasoning(value) if sent.get("thought") is True else Text(value)), {}


def _inline(value: Any, sent: Json, field: str) -> _Read:
    blob = object_of(value)
    return decode_inline(blob, field), {"base64url": True} if is_for_addresses(blob) else {}


def _file(value: Any, sent: Json, field: str) -> _Read:
    return decode_file(object_of(value), field), {}


def _call(value: Any, sent: Json, field: str) -> _Read:
    call = object_of(value)
    arguments = call.get("args", {})
    if not isinstance(arguments, dict):
        raise ConfigError(f"{arguments!r} is no object: give the arguments", field=f"{field}.args")
    name = call.get("name")
    if not isinstance(name, str):
        raise ConfigError(f"{name!r} is no name of a function", field=f"{field}.name")
    return ToolCall(text_of(call.get("id")), name, msgspec.json.encode(arguments).decode()), {}


def _result(value: Any, sent: Json, field: str) -> _Read:
    result = object_of(value)
    name, response = result.get("name"), result.get("response", {})
    if not isinstance(name, str):
        raise ConfigError(f"{name!r} is no name of a function", field=f"{field}.name")
    if not is_object(response):
        raise ConfigError(f"{response!r} is no object: give {{'output': ...}}", field=f"{field}.response")
    text, failed = said_by(response)
    media = [decode_part(part, f"{field}.parts[{i}]") for i, part in enumerate(list_of(result.get("parts")))]
    kept = [part for part in media if isinstance(part, Image | Audio | File | Opaque)]
    if len(kept) != len(media):
        return None, {}
    part = ToolResult(text_of(result.get("id")), (Text(text), *kept), name, failed)
    plain = {"error" if failed else "output": text} == response
    return part, {} if plain else {"response": response}


_READ: Final[dict[str, Callable[[Any, Json, str], _Read]]] = {
    "functionCall": _call,
    "functionResponse": _result,
    "inlineData": _inline,
    "fileData": _file,
    "text": _text,
}
