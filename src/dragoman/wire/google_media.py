"""
How Google's dialects write bytes and addresses of files.

Rule: an address that only Google can read (a file kept by its Files API, `gs://`) is an id, any other is an address.

Sources: google-genai SDK 3.4.0 (`Blob`, `FileData`, `ImageContent`).
"""

from __future__ import annotations

import base64
import binascii
from typing import Final
from urllib.parse import urlsplit

from dragoman.errors import ConfigError

# Google's SDK writes base64 with the letters for addresses, and its servers take both.
_STANDARD: Final = str.maketrans("-_", "+/")
_FILES_HOST: Final = "generativelanguage.googleapis.com"


def decode_base64(text: str, field: str) -> bytes:
    """
    Read base64 in either alphabet, padded or not.

    Raises:
        ConfigError: It is damaged or cut.

    >>> decode_base64("-_8", "data")
    b'\\xfb\\xff'
    """
    try:
        return base64.b64decode(text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"{field}: the base64 is damaged or cut", field=field) from error


def is_address(value: str) -> bool:
    """
    Whether an id of a file is one that Google gave: an address, or a name of its Files API; other providers' are none.

    >>> is_address("gs://bucket/a.png"), is_address("files/abc"), is_address("file-123")
    (True, True, False)
    """
    return "://" in value or value.startswith("files/")


def is_kept(uri: str) -> bool:
    """
    Whether an address names a file that Google keeps.

    >>> is_kept("gs://bucket/a.png"), is_kept("https://example.org/a.png")
    (True, False)
    """
    try:
        parts = urlsplit(uri)
        return parts.scheme not in ("http", "https") or parts.hostname == _FILES_HOST
    except ValueError:
        return False
