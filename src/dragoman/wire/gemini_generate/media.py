"""
Pictures, sound and files as parts, both ways: `inlineData` (bytes) and `fileData` (an address).

The media type decides what a part is.

Source: google-genai SDK 3.4.0 (`Blob`, `FileData`).
"""

from __future__ import annotations

import base64
import mimetypes
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, File, Image
from dragoman.wire.gemini_generate.dialect import Json
from dragoman.wire.google_media import decode_base64, is_kept
from dragoman.wire.lenient import known, text_of

Media = Image | Audio | File


def decode_inline(blob: Json, field: str) -> Media:
    """
    Read `inlineData`.

    Raises:
        ConfigError: No data, damaged base64, or bytes of a type that is neither given nor known.
    """
    text = blob.get("data")
    if not isinstance(text, str):
        raise ConfigError(f"{field}.data is {text!r}: give base64", field=f"{field}.data")
    data = decode_base64(text, f"{field}.data")
    media = text_of(blob.get("mimeType")) or None
    kind = _kind(media)
    if kind is File:
        return File(data=data, media_type=media, name=text_of(blob.get("displayName")) or None)
    return kind(data=data, media_type=media)


def decode_file(source: Json, field: str) -> Media:
    """
    Read `fileData`.

    Raises:
        ConfigError: No address.
    """
    uri = text_of(source.get("fileUri"))
    if not uri:
        raise ConfigError(f"{field}.fileUri is missing: give an address", field=f"{field}.fileUri")
    media = text_of(source.get("mimeType")) or None
    place: dict[str, Any] = {"file_id": uri} if is_kept(uri) else {"url": uri}
    return _kind(media)(media_type=media, **place)


def _kind(media: str | None) -> type[Image] | type[Audio] | type[File]:
    family = (media or "").partition("/")[0]
    return _KINDS.get(family, File)


_KINDS: Final[dict[str, type[Image] | type[Audio]]] = {"image": Image, "audio": Audio}


def encode_media(part: Media, *, for_addresses: bool = False) -> Json:
    """
    Write a picture, sound or file.

    Args:
        part: What to write.
        for_addresses: Write base64 with `-` and `_`.
    """
    if part.data is not None:
        encode = base64.urlsafe_b64encode if for_addresses else base64.b64encode
        return {"inlineData": {"mimeType": part.media_type, "data": encode(part.data).decode()}}
    uri = part.url if part.url is not None else part.file_id
    return {"fileData": known({"fileUri": uri, "mimeType": part.media_type or _guessed(uri or "")})}


def _guessed(uri: str) -> str | None:
    """The media type that an address's ending tells; the API wants one where it cannot ask the server."""
    try:
        return mimetypes.guess_type(urlsplit(uri).path)[0]
    except ValueError:
        return None


def is_for_addresses(blob: Json) -> bool:
    """Whether base64 was written with `-` and `_`."""
    return any(letter in text_of(blob.get("data")) for letter in "-_")
