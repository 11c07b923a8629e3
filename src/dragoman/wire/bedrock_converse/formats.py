"""
Pictures, documents, films and sounds: which block carries them, in which format, from where.

Rule: a format is written only where the dialect has a word for it, but that every text may go as a plain one.

Source: service model of `bedrock-runtime` (`ImageFormat`, `DocumentFormat`, `VideoFormat`, `AudioFormat`).
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import Any, Final

import msgspec

from dragoman.types.messages import Audio, File, Image
from dragoman.wire.lenient import known, list_of, object_of, text_of

Media = Image | File | Audio

_OFFICE: Final = "application/vnd.openxmlformats-officedocument"

# Block to media type to format.  Of several words for one type the first is written, and all are read.
_FORMATS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "image": (("image/png", "png"), ("image/jpeg", "jpeg"), ("image/gif", "gif"), ("image/webp", "webp")),
    "document": (
        ("application/pdf", "pdf"),
        ("text/csv", "csv"),
        ("application/msword", "doc"),
        (f"{_OFFICE}.wordprocessingml.document", "docx"),
        ("application/vnd.ms-excel", "xls"),
        (f"{_OFFICE}.spreadsheetml.sheet", "xlsx"),
        ("text/html", "html"),
        ("text/plain", "txt"),
        ("text/markdown", "md"),
    ),
    "video": (
        ("video/x-matroska", "mkv"),
        ("video/quicktime", "mov"),
        ("video/mp4", "mp4"),
        ("video/webm", "webm"),
        ("video/x-flv", "flv"),
        ("video/mpeg", "mpeg"),
        ("video/mpeg", "mpg"),
        ("video/x-ms-wmv", "wmv"),
        ("video/3gpp", "three_gp"),
    ),
    "audio": (
        ("audio/mpeg", "mp3"),
        ("audio/mpeg", "mpeg"),
        ("audio/mpeg", "mpga"),
        ("audio/opus", "opus"),
        ("audio/wav", "wav"),
        ("audio/aac", "aac"),
        ("audio/aac", "x-aac"),
        ("audio/flac", "flac"),
        ("audio/mp4", "m4a"),
        ("audio/mp4", "mp4"),
        ("audio/ogg", "ogg"),
        ("audio/x-matroska", "mka"),
        ("audio/x-matroska", "mkv"),
        ("audio/pcm", "pcm"),
        ("audio/webm", "webm"),
    ),
}
_WRITTEN: Final = {block: dict(reversed(pairs)) for block, pairs in _FORMATS.items()}
_MEDIA: Final = {block: {word: media for media, word in pairs} for block, pairs in _FORMATS.items()}
_PARTS: Final[dict[str, type[Media]]] = {"image": Image, "document": File, "video": File, "audio": Audio}


def media_type_of(part: Media) -> str:
    """A part's media type, else what its name or address says; empty where nothing does."""
    named = part.name if isinstance(part, File) and part.name else part.url
    guessed = part.media_type or (mimetypes.guess_type(named)[0] if named else None) or ""
    return guessed.partition(";")[0].strip().lower()


def block_of(part: Media) -> str:
    """The block that carries a part."""
    if not isinstance(part, File):
        return "audio" if isinstance(part, Audio) else "image"
    kind = media_type_of(part).partition("/")[0]
    return kind if kind in _FORMATS else "document"


def format_of(part: Media) -> tuple[str | None, bool]:
    """The dialect's word for a part's format, or None if it has none; and whether it says just that."""
    block, media = block_of(part), media_type_of(part)
    word = _WRITTEN[block].get(media)
    if word is None and block == "document" and (media.startswith("text/") or media in _TEXTUAL):
        return "txt", False
    return word, True


_TEXTUAL: Final = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})


def source_of(part: Media) -> dict[str, Any] | None:
    """Where a part's bytes are, or None if it is where Bedrock does not look."""
    if part.data is not None:
        return {"bytes": base64.b64encode(part.data).decode()}
    if part.url is not None and part.url.startswith("s3://"):
        return {"s3Location": {"uri": part.url}}
    return None


def read_media(block: str, inner: dict[str, Any]) -> Media | None:
    """
    The part of a block, or None for one that has no source that a part can hold.

    Raises:
        msgspec.ValidationError: Damaged base64; the text ends with its path in the block.
    """
    source, word = object_of(inner.get("source")), text_of(inner.get("format"))
    media = _MEDIA[block].get(word) or (word if "/" in word else None)
    named = known({"name": text_of(inner.get("name")) or None}) if block == "document" else {}
    if "s3Location" in source:
        uri = text_of(object_of(source["s3Location"]).get("uri"))
        return _PARTS[block](url=uri, media_type=media, **named) if uri else None
    data = _bytes_of(block, source)
    if data is None:
        return None
    return _PARTS[block](data=data, media_type=media or f"{_PLAIN.get(block, block)}/{word or 'plain'}", **named)


_PLAIN: Final = {"document": "text"}


def _bytes_of(block: str, source: dict[str, Any]) -> bytes | None:
    if "bytes" in source:
        try:
            return base64.b64decode(text_of(source["bytes"]), validate=True)
        except (binascii.Error, ValueError) as error:
            raise msgspec.ValidationError(f"Invalid base64 - at `$.{block}.source.bytes`") from error
    texts = [text_of(source["text"])] if "text" in source else [_piece(item) for item in list_of(source.get("content"))]
    return "\n".join(texts).encode() if texts else None


def _piece(item: Any) -> str:
    return text_of(object_of(item).get("text"))
