"""
Pictures as the dialect has them, both ways: base64 without a media type.

Rule: the type is read from the bytes; bytes that are no known picture are passed on as what they are, for the model's
server to judge.

Source: Ollama's OpenAPI file (`ChatMessage.images`).
"""

from __future__ import annotations

import base64

from dragoman.types.media import image_type
from dragoman.types.messages import Image


def encode_picture(part: Image) -> str | None:
    """A picture as base64; None for one that is only named, because the dialect takes no addresses."""
    return base64.b64encode(part.data).decode() if part.data is not None else None


def decode_picture(text: str) -> Image:
    """
    A picture of base64.

    Raises:
        ValueError: It is damaged or cut.
    """
    data = base64.b64decode(text, validate=True)
    return Image(data=data, media_type=image_type(data) or "application/octet-stream")
