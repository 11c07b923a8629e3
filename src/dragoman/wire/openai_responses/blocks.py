"""
Blocks of a message's content, and of a tool's result, both ways.

Rule: what is read is written again exactly.  A part that came as a block carries what it would write differently; a
block of a type that is not known is carried as `Opaque`.

Source: OpenAI's OpenAPI file (`InputContent`, `OutputMessageContent`, `Annotation`); `input_audio` as Azure and others
take it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Opaque,
    Part,
    Refusal,
    Text,
)
from dragoman.wire.data_urls import data_url
from dragoman.wire.lenient import list_of, object_of, text_of, whole
from dragoman.wire.logprobs import decode_logprobs, encode_logprobs
from dragoman.wire.openai_responses.dialect import NAME, Item, difference, is_ours, over, own
from dragoman.wire.place import Place

_BREAKPOINT: Final = {"mode": "explicit"}
_FORMATS: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_EXTENSIONS: Final = {"text/plain": "txt", "text/markdown": "md", "image/jpeg": "jpg"}  # others are named by their type
_FORMAT_OF: Final = {media: name for name, media in _FORMATS.items()}


# --- value to block ---------------------------------------------------------------------------------------------------


def encode_block(part: Part, place: Place) -> Item | None:
    """Write a part as a block; None, with a notice, if the dialect has none for it there."""
    write = _WRITE.get(type(part))
    block = write(part, place) if write is not None else _no_block(part, place)
    if block is None:
        return None
    if part.cache is not None:
        block |= _breakpoint(part.cache, place)
    return over(block, own(part.native, place.replay).get("block") or {})


def _breakpoint(mark: CacheMark, place: Place) -> Item:
    if place.role == "assistant":
        place.note("this dialect marks no answers for its cache; left out", ".cache")
        return {}
    if mark.ttl:
        place.note("this dialect gives its cache one lifetime for a request; see `cache`", ".cache.ttl")
    return {"prompt_cache_breakpoint": _BREAKPOINT}


def _write_text(part: Text, place: Place) -> Item:
    if place.role != "assistant":
        return {"type": "input_text", "text": part.text}
    annotations = (encode_citation(citation, place.replay) for citation in part.citations)
    return {
        "type": "output_text",
        "text": part.text,
        "annotations": [annotation for annotation in annotations if annotation is not None],
        "logprobs": encode_logprobs(part.logprobs),
    }


def _write_refusal(part: Refusal, place: Place) -> Item | None:
    return {"type": "refusal", "refusal": part.text} if place.role == "assistant" else _no_block(part, place)


def _write_image(part: Image, place: Place) -> Item | None:
    if place.role == "assistant":
        return _no_block(part, place)
    url = data_url(part.data, part.media_type) if part.data is not None else part.url
    source = {"file_id": part.file_id} if part.file_id is not None else {"image_url": url}
    return {"type": "input_image", **source, "detail": part.detail or "auto"}


def _write_file(part: File, place: Place) -> Item | None:
    if place.role == "assistant":
        return _no_block(part, place)
    if part.data is None:
        source = {"file_id": part.file_id} if part.file_id is not None else {"file_url": part.url}
        return {"type": "input_file", **source} | ({"filename": part.name} if part.name else {})
    media = part.media_type or ""
    name = part.name or f"file.{_EXTENSIONS.get(media) or media.rpartition('/')[2] or 'bin'}"
    return {"type": "input_file", "filename": name, "file_data": data_url(part.data, part.media_type)}


def _write_audio(part: Audio, place: Place) -> Item | None:
    if is_ours(part.native, place.replay) and part.data is not None:
        kind = _FORMAT_OF.get(part.media_type or "", "")
        return {"type": "input_audio", "input_audio": {"data": base64.b64encode(part.data).decode(), "format": kind}}
    if not part.transcript:
        return _no_block(part, place)
    place.note("this dialect takes no sound; its transcript was sent")
    return _write_text(Text(part.transcript), place)


def _write_opaque(part: Opaque, place: Place) -> Item | None:
    return dict(part.data) if part.wire == NAME and place.replay else _no_block(part, place)


def _no_block(part: Part, place: Place) -> Item | None:
    what = f"a block of {part.wire}" if isinstance(part, Opaque) else type(part).__name__
    where = {"assistant": "answers", "tool": "results of tools"}.get(place.role, "messages")
    place.note(f"{what} has no place in {where} of this dialect; left out")
    return None


_WRITE: Final[dict[type[Any], Callable[[Any, Place], Item | None]]] = {
    Text: _write_text,
    Refusal: _write_refusal,
    Image: _write_image,
    File: _write_file,
    Audio: _write_audio,
    Opaque: _write_opaque,
}


def encode_citation(citation: Citation, replay: bool = True) -> Item | None:
    """Write a source of the text: its own form, or a web source; None for one that is neither."""
    if came := own(citation.native, replay):
        return came
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }


# --- block to value ---------------------------------------------------------------------------------------------------


def decode_block(block: Item, role: str, field: str) -> Part:
    """
    Read a block.

    Raises:
        ConfigError: A block with a damaged source; `.field` says where.
    """
    kind = block.get("type")
    read = _READ.get(kind) if isinstance(kind, str) else None
    try:
        part = read(block) if read is not None else None
    except ConfigError as error:
        where = f"{field}.{error.field.partition('.')[2]}" if error.field and "." in error.field else field
        raise ConfigError(f"{where}: {error.message}", field=where) from error
    if part is None:
        return Opaque(NAME, block, native={NAME: {"block": {}}})
    cache = CacheMark() if block.get("prompt_cache_breakpoint") == _BREAKPOINT else None
    part = msgspec.structs.replace(part, cache=cache, native={NAME: {}})
    written = encode_block(part, Place(field, role, True, [])) or {}
    return msgspec.structs.replace(part, native={NAME: {"block": difference(block, written)}})


def _read_text(block: Item) -> Part | None:
    text = block.get("text")
    if not isinstance(text, str):
        return None
    citations = tuple(decode_citation(object_of(item)) for item in list_of(block.get("annotations")))
    return Text(text, citations, decode_logprobs(block.get("logprobs")))


def decode_citation(annotation: Item) -> Citation:
    """Read a source of the text; its own form is kept for replay."""
    return Citation(
        url=text_of(annotation.get("url")) or None,
        title=text_of(annotation.get("title")) or text_of(annotation.get("filename")) or None,
        start=whole(annotation.get("start_index")),
        end=whole(annotation.get("end_index")),
        native={NAME: annotation},
    )


def _read_refusal(block: Item) -> Part | None:
    refusal = block.get("refusal")
    return Refusal(refusal) if isinstance(refusal, str) else None


def _read_image(block: Item) -> Part | None:
    url, detail = block.get("image_url"), block.get("detail")
    file_id = block.get("file_id")
    if not _one_text(url, file_id) or not isinstance(detail, str | None):
        return None
    return Image(url=url, file_id=file_id, detail=detail)


def _read_file(block: Item) -> Part | None:
    data, url, file_id, name = (block.get(key) for key in ("file_data", "file_url", "file_id", "filename"))
    if not _one_text(data, url, file_id) or not isinstance(name, str | None):
        return None
    if data is not None and not data.startswith("data:"):
        return None  # bare base64, which some servers take: what it is cannot be told
    return File(url=data or url, file_id=file_id, name=name)


def _read_audio(block: Item) -> Part | None:
    sound = object_of(block.get("input_audio"))
    media = _FORMATS.get(text_of(sound.get("format")))
    if media is None or not isinstance(sound.get("data"), str):
        return None
    try:
        return Audio(data=base64.b64decode(sound["data"], validate=True), media_type=media)
    except (binascii.Error, ValueError) as error:
        raise ConfigError("the base64 of the sound is damaged or cut", field="audio.input_audio.data") from error


def _one_text(*sources: Any) -> bool:
    """Whether exactly one source is given, as a text; other shapes are carried as they are."""
    given = [source for source in sources if source is not None]
    return len(given) == 1 and isinstance(given[0], str)


_READ: Final[dict[str, Callable[[Item], Part | None]]] = {
    "input_text": _read_text,
    "output_text": _read_text,
    "text": _read_text,
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
}
