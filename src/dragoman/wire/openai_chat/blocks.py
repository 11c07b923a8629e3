"""
Blocks of a message's content in a request, both ways.

Rule: what is read is written again exactly.  A part that came as a block carries `native["openai-chat"]`: the fields
of the block that the part has no place for, or that it would write differently.  So a lone text that was a block
stays one.

Source: OpenAI's OpenAPI file (`ChatCompletionRequestMessageContentPart*`); `cache_control` as OpenRouter takes it;
`file` with an address and `video_url` as OpenRouter, `document_url` and `thinking` as Mistral, from the recordings.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.messages import (
    Audio,
    CacheMark,
    File,
    Image,
    Native,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
)
from dragoman.wire.lenient import list_of, object_of, text_of
from dragoman.wire.openai_chat.dialect import NAME
from dragoman.wire.openai_chat.serve import data_url

Block = dict[str, Any]

# `input_audio.format` and the media type that it stands for; OpenAI takes the first two, its imitators more.
_FORMATS: Final = {
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
    "pcm16": "audio/pcm",
}
_FORMAT_OF: Final = {media: name for name, media in _FORMATS.items()}


class Notes:
    """What the encoder had to adapt."""

    def __init__(self) -> None:
        self.all: list[Notice] = []

    def add(self, field: str, text: str, *, adapted: bool = True) -> None:
        """Say that `field` was adapted, or what should be known of it."""
        self.all.append(Notice(field, text, adapted))


def own(native: Native | None, replay: bool = True) -> dict[str, Any]:
    """This dialect's fields of a part or message; none where the target is not who wrote them."""
    return object_of(native.get(NAME)) if native and replay else {}


def own_block(part: Part, replay: bool = True) -> bool:
    """Whether a part came as a block of this dialect, from people or from the provider that is asked."""
    return replay and NAME in (part.native or {})


# --- value to block ---------------------------------------------------------------------------------------------------


def encode_block(part: Part, field: str, notes: Notes, replay: bool = True) -> Block | None:
    """Write a part as a block; None, with a notice, if the dialect has none for it."""
    if not replay and isinstance(part, Opaque):
        return _no_block(part, field, notes)
    if not replay and part.native:
        part = msgspec.structs.replace(part, native=None)  # what another provider left is not looked at
    write = _WRITE.get(type(part))
    block = write(part, field, notes) if write is not None else _no_block(part, field, notes)
    if block is None:
        return None
    if part.cache is not None:
        block["cache_control"] = encode_cache(part.cache)
    return block | own(part.native, replay)


def encode_cache(mark: CacheMark) -> dict[str, Any]:
    """Write a cache mark."""
    return {"type": "ephemeral"} | ({"ttl": mark.ttl} if mark.ttl else {})


def _write_text(part: Text, field: str, notes: Notes) -> Block | None:
    return {"type": "text", "text": part.text}


def _write_image(part: Image, field: str, notes: Notes) -> Block | None:
    url = data_url(part.data, part.media_type) or part.url
    if url is None:
        notes.add(field, "a picture cannot be named by file id in this dialect; it was left out: give data or url")
        return None
    return {"type": "image_url", "image_url": {"url": url} | ({"detail": part.detail} if part.detail else {})}


def _write_audio(part: Audio, field: str, notes: Notes) -> Block | None:
    if part.data is not None:
        kind = _FORMAT_OF.get(part.media_type or "") or (part.media_type or "").partition("/")[2]
        data = base64.b64encode(part.data).decode()
        return {"type": "input_audio", "input_audio": {"data": data, "format": kind}}
    if part.transcript:
        notes.add(field, "sound by reference was sent as its transcript, because this dialect takes only bytes")
        return {"type": "text", "text": part.transcript}
    notes.add(field, "sound by reference was left out, because this dialect takes only bytes: give data")
    return None


def _write_file(part: File, field: str, notes: Notes) -> Block | None:
    if part.file_id is not None:
        return {"type": "file", "file": {"file_id": part.file_id}}
    if part.data is not None:
        name = part.name or f"file.{(part.media_type or 'application/octet-stream').rpartition('/')[2]}"
        return {"type": "file", "file": {"filename": name, "file_data": data_url(part.data, part.media_type)}}
    if NAME in (part.native or {}):
        return {"type": "file"}  # it came so (OpenRouter takes addresses), and the rest is in its native fields
    notes.add(field, "a file by address was sent as a text with the address, because this dialect takes only bytes")
    return {"type": "text", "text": f"{part.name}: {part.url}" if part.name else str(part.url)}


def _write_refusal(part: Refusal, field: str, notes: Notes) -> Block | None:
    return {"type": "refusal", "refusal": part.text}


def _write_opaque(part: Opaque, field: str, notes: Notes) -> Block | None:
    return dict(part.data) if part.wire == NAME else _no_block(part, field, notes)


def _no_block(part: Part, field: str, notes: Notes) -> Block | None:
    what = f"a block of {part.wire}" if isinstance(part, Opaque) else f"{type(part).__name__} here"
    notes.add(field, f"{what} has no place in this dialect and was left out")
    return None


_WRITE: Final[dict[type[Any], Callable[[Any, str, Notes], Block | None]]] = {
    Text: _write_text,
    Image: _write_image,
    Audio: _write_audio,
    File: _write_file,
    Refusal: _write_refusal,
    Opaque: _write_opaque,
}


# --- block to value ---------------------------------------------------------------------------------------------------


def parse_block(value: Any, field: str) -> Part:
    """
    Read a block.  One of a type that is not known becomes `Opaque`.

    Raises:
        ConfigError: Not a block, or one with a damaged source; `.field` says where.
    """
    block = object_of(value)
    kind = block.get("type")
    if not isinstance(kind, str):
        raise ConfigError(f"{field} has no type: give {{'type': 'text', 'text': ...}}", field=f"{field}.type")
    read = _READ.get(kind)
    try:
        part = read(block, field) if read is not None else None
    except ConfigError as error:
        where = f"{field}.{kind}"
        raise ConfigError(f"{where}: {error.message}", field=where) from error
    if part is None:
        return Opaque(NAME, {name: item for name, item in block.items() if item is not None})
    return part if isinstance(part, Reasoning) else _as_block(part, block, field)


def _as_block(part: Part, block: Block, field: str) -> Part:
    """Mark the part as one that came as `block`, with what it would not write the same."""
    cache = parse_cache(block.get("cache_control"))
    written = encode_block(msgspec.structs.replace(part, native={NAME: {}}), field, Notes()) or {}
    if cache is not None:
        written["cache_control"] = encode_cache(cache)
    rest = {name: item for name, item in block.items() if item is not None and written.get(name) != item}
    return msgspec.structs.replace(part, cache=cache, native={NAME: rest})


def parse_cache(value: Any) -> CacheMark | None:
    """Read a cache mark; None if it is none."""
    mark = object_of(value)
    if mark.get("type") != "ephemeral":
        return None
    ttl = mark.get("ttl")
    return CacheMark(ttl if isinstance(ttl, str) else None)


def _read_text(block: Block, field: str) -> Part | None:
    text = block.get("text")
    if not isinstance(text, str):
        raise ConfigError(f"{field}.text is {text!r}: give a text", field=f"{field}.text")
    return Text(text)


def _read_image(block: Block, field: str) -> Part | None:
    source = block.get("image_url")
    url = text_of(source) or text_of(object_of(source).get("url"))
    if not url:
        raise ConfigError("no address: give {'url': ...}")
    detail = text_of(object_of(source).get("detail")) or None
    return Image(url=url, detail=detail)


def _read_audio(block: Block, field: str) -> Part | None:
    source = object_of(block.get("input_audio"))
    data, kind = source.get("data"), text_of(source.get("format"))
    if not isinstance(data, str):
        raise ConfigError("no data: give base64 and a format")
    if data.startswith(("http://", "https://", "data:")):
        return None  # DashScope takes addresses here
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError("the base64 is damaged or cut") from error
    return Audio(data=decoded, media_type=_FORMATS.get(kind) or (f"audio/{kind}" if kind else None))


def _read_file(block: Block, field: str) -> Part | None:
    source = object_of(block.get("file"))
    data, name = text_of(source.get("file_data")), text_of(source.get("filename")) or None
    if source.get("file_id"):
        return File(file_id=str(source["file_id"]), name=name)
    if data.startswith(("data:", "http://", "https://")):
        return File(url=data, name=name)
    if not data:
        raise ConfigError("no source: give file_data (a data: URL) or file_id")
    try:
        return File(data=base64.b64decode(data, validate=True), name=name)
    except (binascii.Error, ValueError) as error:
        raise ConfigError("file_data is no data: URL and no base64") from error


def _read_refusal(block: Block, field: str) -> Part | None:
    return Refusal(text_of(block.get("refusal")))


def _read_thinking(block: Block, field: str) -> Part | None:
    thought = block.get("thinking")
    texts = [text_of(object_of(inner).get("text")) for inner in list_of(thought)]
    return Reasoning(text_of(thought) or "".join(texts), native={NAME: {"block": block}})


_READ: Final[dict[str, Callable[[Block, str], Part | None]]] = {
    "text": _read_text,
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
    "refusal": _read_refusal,
    "thinking": _read_thinking,
}


def encode_thought(part: Reasoning, replay: bool) -> Block | None:
    """The block as which a thought came, where its dialect and author are the target's; else None."""
    block = own(part.native, replay).get("block")
    return dict(object_of(block)) if block else None
