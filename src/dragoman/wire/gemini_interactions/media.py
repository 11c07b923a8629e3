"""
Pictures, sound, documents and video as content blocks, both ways: bytes under `data`, or an address under `uri`.

The block's type decides what a part is.  A block that a part would write differently (bytes and an address at once,
damaged base64, a type that its media type denies) has no neutral form.

Source: google-genai SDK 3.4.0 (`ImageContent`, `AudioContent`, `DocumentContent`, `VideoContent`).
"""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, File, Image
from dragoman.wire.gemini_interactions.dialect import NAME, Json
from dragoman.wire.google_media import decode_base64, is_kept
from dragoman.wire.lenient import known, text_of
from dragoman.wire.native import difference

Media = Image | Audio | File

_PARTS: Final[dict[str, type[Image] | type[Audio]]] = {"image": Image, "audio": Audio}
# How exactly a picture is looked at; the vendor knows more degrees than the neutral form.
_DETAILS: Final = {"low": "low", "high": "high"}


def decode_media(block: Json) -> Media | None:
    """The part of a block; None if no part says what it says."""
    try:
        part = _read(block)
    except ConfigError:
        return None  # no source, several, or bytes that are nothing known
    made = encode_media(part)
    rest = difference(block, made)
    if "uri" in rest or ("type" in rest and part.media_type):
        return None
    return msgspec.structs.replace(part, native={NAME: rest}) if rest else part


def _read(block: Json) -> Media:
    kind = _PARTS.get(text_of(block.get("type")), File)
    source: dict[str, Any] = {"media_type": text_of(block.get("mime_type")) or None}
    if data := text_of(block.get("data")):
        source["data"] = decode_base64(data, "data")
    if uri := text_of(block.get("uri")):
        source["file_id" if is_kept(uri) else "url"] = uri
    part = kind(**source)
    detail = _DETAILS.get(text_of(block.get("resolution")))
    return msgspec.structs.replace(part, detail=detail) if isinstance(part, Image) and detail else part


def encode_media(part: Media) -> Json:
    """The block of a part, in the neutral form's words."""
    data = None if part.data is None else base64.b64encode(part.data).decode()
    uri = part.url if part.url is not None else None if data is not None else part.file_id
    detail = _DETAILS.get(part.detail or "") if isinstance(part, Image) else None
    return {"type": _type(part)} | known({"data": data, "uri": uri, "mime_type": part.media_type, "resolution": detail})


def _type(part: Media) -> str:
    if not isinstance(part, File):
        return "image" if isinstance(part, Image) else "audio"
    family = (part.media_type or "").partition("/")[0]
    return family if family in ("image", "audio", "video") else "document"
