"""Pictures, sound and files, as those forms have them that tell bytes or an address and a media type."""

from __future__ import annotations

import base64
import binascii

from dragoman.conversation.transcripts.reading import wrong
from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, File, Image

Media = Image | Audio | File


def media_part(
    form: str,
    field: str,
    *,
    kind: str | None,
    url: str | None = None,
    data: bytes | None = None,
    name: str | None = None,
) -> Media:
    """
    The part of some bytes, or of an address.

    Args:
        form: For the error.
        field: Likewise.
        kind: Its media type, or None if that is not told.
        url: Address, or a `data:` URL.
        data: Bytes.
        name: File name.

    Raises:
        ConfigError: Neither bytes nor an address, or bytes that are no picture although the type says so.
    """
    try:
        if kind is None or kind.startswith("image/"):
            return Image(data=data, media_type=kind if data is not None else None, url=url)
        if kind.startswith("audio/"):
            return Audio(data=data, media_type=kind if data is not None else None, url=url)
        return File(data=data, media_type=kind if data is not None else None, url=url, name=name)
    except ConfigError as error:
        raise wrong(form, error.message, field) from error


def bytes_of(text: str, form: str, field: str) -> bytes:
    """
    Decode base64, of either alphabet.

    Raises:
        ConfigError: It is none.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded.translate(_STANDARD), validate=True)
    except (binascii.Error, ValueError) as error:
        raise wrong(form, f"it is no base64: {error}", field) from error


_STANDARD = str.maketrans("-_", "+/")
