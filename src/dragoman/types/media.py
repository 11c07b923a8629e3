"""
What kind of file some bytes are.

Providers refuse a picture whose declared type is wrong, after it was uploaded and with a vague message.  So the type is
read from the bytes, and what is not recognised is refused before anything is sent.

Source of the signatures: WHATWG MIME Sniffing, sections 6.1 to 6.3.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Callable
from typing import Any

from msgspec.structs import force_setattr

from dragoman.errors import ConfigError

_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_AUDIO = (
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
)
_FILES = ((b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"))


def _by_signature(data: bytes, table: tuple[tuple[bytes, str], ...]) -> str | None:
    return next((media for start, media in table if data.startswith(start)), None)


def _riff(data: bytes, form: bytes, media: str) -> str | None:
    return media if data[:4] == b"RIFF" and data[8:12] == form else None


def _iso_media(data: bytes) -> str | None:
    """The `ftyp` box of the ISO base media format names its brand."""
    if data[4:8] != b"ftyp":
        return None
    brand = data[8:12]
    if brand in (b"avif", b"avis"):
        return "image/avif"
    if brand in (b"heic", b"heix", b"mif1"):
        return "image/heic"
    return "audio/mp4" if brand.startswith(b"M4A") else "video/mp4"


def _only(kind: str, media: str | None) -> str | None:
    return media if media is not None and media.startswith(kind) else None


def image_type(data: bytes) -> str | None:
    """Media type of a picture, or None if the bytes are none that is known."""
    return _by_signature(data, _IMAGES) or _riff(data, b"WEBP", "image/webp") or _only("image/", _iso_media(data))


def audio_type(data: bytes) -> str | None:
    """Media type of a sound, or None if the bytes are none that is known."""
    return _by_signature(data, _AUDIO) or _riff(data, b"WAVE", "audio/wav") or _only("audio/", _iso_media(data))


def file_type(data: bytes, name: str | None = None) -> str | None:
    """Media type of any file, from its bytes, else from its name, else `text/plain` where the bytes are text."""
    known = _by_signature(data, _FILES) or image_type(data) or audio_type(data) or _iso_media(data)
    if known:
        return known
    guessed = mimetypes.guess_type(name)[0] if name else None
    if guessed:
        return guessed
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "text/plain" if b"\x00" not in data else None


def split_data_url(url: str) -> tuple[bytes, str | None]:
    """
    Take a `data:` URL apart into bytes and media type.

    Raises:
        ConfigError: Not base64, or cut.
    """
    head, comma, payload = url.partition(",")
    if not comma or not head.endswith(";base64"):
        raise ConfigError("a data: URL must be base64 (data:image/png;base64,...)", field="url")
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError("the base64 of a data: URL is damaged or cut", field="url") from error
    return data, head[len("data:") : -len(";base64")] or None


def checked_source(part: Any, kind: str, recognise: Callable[[bytes], str | None]) -> None:
    """Hold a media part to exactly one source, with a known media type where it brings bytes."""
    url: object = part.url
    if isinstance(url, str) and url.startswith("data:"):
        data, media = split_data_url(url)
        force_setattr(part, "data", data)
        force_setattr(part, "url", None)
        if media and not part.media_type:
            force_setattr(part, "media_type", media)
    if part.data is not None and not isinstance(part.data, bytes):
        raise ConfigError(f"{kind}.data must be bytes, not {type(part.data).__name__}", field=f"{kind}.data")
    sources = [name for name in ("data", "url", "file_id") if getattr(part, name) is not None]
    if len(sources) != 1 and not (kind == "audio" and sources == ["data", "file_id"]):
        raise ConfigError(
            f"{kind} needs exactly one of data, url, file_id; it has {' and '.join(sources) or 'none'}", field=kind
        )
    if part.data is not None and not part.media_type:
        media = recognise(part.data)
        if media is None:
            raise ConfigError(
                f"{kind} of unknown type: the bytes are no {kind} that is known; give media_type=... if they are",
                field=f"{kind}.media_type",
            )
        force_setattr(part, "media_type", media)
