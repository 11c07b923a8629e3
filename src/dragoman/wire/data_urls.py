"""
Bytes as `data:` URLs.

Taking one apart is `dragoman.types.media.split_data_url`.
"""

from __future__ import annotations

import base64


def data_url(data: bytes, media_type: str | None) -> str:
    """
    The `data:` URL of some bytes.

    >>> data_url(b"hi", "text/plain")
    'data:text/plain;base64,aGk='
    """
    return f"data:{media_type or ''};base64,{base64.b64encode(data).decode()}"
