"""
Blocks of a message's content in a request, both ways.

Rule: what is read is written again exactly.  A part that came as a block carries what it would write differently; a
block of a type that is not known is carried as `Opaque`.

A document that a tool gave back is read as its words: the text, where it is nothing else, or its fields as JSON.  It
goes back to this dialect as the document that it was.

Sources: Cohere SDK 7.3, `types/content.py`, `types/tool_content.py`, `types/assistant_message_v2content.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Image, Opaque, Part, Reasoning, Text
from dragoman.wire.cohere_chat.dialect import NAME, Json
from dragoman.wire.data_urls import data_url
from dragoman.wire.lenient import known, object_of, text_of
from dragoman.wire.native import difference, over, own
from dragoman.wire.place import Place
from dragoman.wire.text_forms import as_text

# --- value to block ---------------------------------------------------------------------------------------------------


def encode_block(part: Part, place: Place) -> Json | None:
    """Write a part as a block; None, with a notice, if the dialect has none for it there."""
    write = _WRITE.get(type(part))
    block = write(part, place) if write is not None else _words(part, place)
    return None if block is None else over(block, own(part.native, NAME, place.replay).get("block") or {})


def _write_text(part: Text, place: Place) -> Json:
    return {"type": "text", "text": part.text}


def _write_thought(part: Reasoning, place: Place) -> Json | None:
    if place.replay and place.role == "assistant":
        return {"type": "thinking", "thinking": part.text}
    if part.text:
        place.note("reasoning of another provider is not sent; left out")
    return None


def _write_image(part: Image, place: Place) -> Json | None:
    url = data_url(part.data, part.media_type) if part.data is not None else part.url
    if url is None:
        place.note("this dialect takes pictures as bytes or addresses only; left out: give data or url")
        return None
    return {"type": "image_url", "image_url": {"url": url, **known({"detail": part.detail})}}


def _write_opaque(part: Opaque, place: Place) -> Json | None:
    return dict(part.data) if part.wire == NAME and place.replay else _words(part, place)


def _words(part: Part, place: Place) -> Json | None:
    text = as_text(part, place)
    return None if text is None else {"type": "text", "text": text}


_WRITE: Final[dict[type[Any], Callable[[Any, Place], Json | None]]] = {
    Text: _write_text,
    Reasoning: _write_thought,
    Image: _write_image,
    Opaque: _write_opaque,
}


# --- block to value ---------------------------------------------------------------------------------------------------


def decode_block(block: Json, role: str, field: str) -> Part:
    """
    Read a block.

    Raises:
        ConfigError: A block with a damaged source; `.field` says where.
    """
    read = _READ.get(text_of(block.get("type")))
    try:
        part = read(block) if read is not None else None
    except ConfigError as error:
        raise ConfigError(f"{field}: {error.message}", field=field) from error
    if part is None:
        return Opaque(NAME, block)
    written = encode_block(part, Place(field, role, True, [])) or {}
    return msgspec.structs.replace(part, native={NAME: {"block": difference(block, written)}})


def _read_text(block: Json) -> Part | None:
    text = block.get("text")
    return Text(text) if isinstance(text, str) else None


def _read_thought(block: Json) -> Part | None:
    thought = block.get("thinking")
    return Reasoning(thought) if isinstance(thought, str) else None


def _read_image(block: Json) -> Part | None:
    source = object_of(block.get("image_url"))
    url, detail = source.get("url"), source.get("detail")
    return Image(url=url, detail=detail) if isinstance(url, str) and isinstance(detail, str | None) else None


def _read_document(block: Json) -> Part | None:
    data = object_of(object_of(block.get("document")).get("data"))
    lone = data.get("text") if len(data) == 1 else None
    return Text(lone if isinstance(lone, str) else msgspec.json.encode(data).decode()) if data else None


_READ: Final[dict[str, Callable[[Json], Part | None]]] = {
    "text": _read_text,
    "thinking": _read_thought,
    "image_url": _read_image,
    "document": _read_document,
}
