"""
Headers out and in, the same on both faces.

Out: names are lower case as given; `host`, `content-length` and the framing belong to the HTTP library.  A value that
would break out of its line is refused here, with the header's name and never its value, because it is likely a key.

In: names in lower case, repeated ones joined, bytes as Latin-1, the sum held against a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from dragoman._version import __version__
from dragoman.errors import ConfigError, WireError
from dragoman.types.http import HttpRequest

USER_AGENT: Final = f"dragoman/{__version__}"
# Framing is decided from the body that is really sent; a second opinion is a request-smuggling bug.
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})
# Between here and a server, who routes by this name would send the key to where no base URL points.
_ADDRESS: Final = "host"

_STREAMS: Final = ("text/event-stream", "application/x-ndjson")

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_BREAKS: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]").search
_FOLD: Final = re.compile(r"[ \t]*\r?\n[ \t]*")


def outgoing(request: HttpRequest, *, alone: bool = False) -> dict[str, str]:
    """
    Return all headers to send, except those that the HTTP library writes.

    A stream is asked for uncompressed: compression holds events back until a block is full.

    Args:
        alone: Whether it shall be the only request of its connection.  So it is where a proxy forwards it: tinyproxy
            closes after each answer and hands on the server's word that it will not, so that every second request
            would be lost.

    Raises:
        ConfigError: A name or value cannot stand in a header; `.field` names it.
    """
    accepted = request.headers.get("accept", "")
    streamed = any(media in accepted for media in _STREAMS)
    headers = {"accept-encoding": "identity" if streamed else "gzip, deflate", "user-agent": USER_AGENT}
    for name, value in request.headers.items():
        plain = _plain(name)
        if not value.isprintable() and _BREAKS(value):
            raise ConfigError(
                f"the value of header {name!r} holds a line break or control character; does the key end in a newline?",
                field=f"headers.{name}",
            )
        if plain not in _FRAMING:
            headers[plain] = value
    if alone:
        headers["connection"] = "close"
    return headers


@lru_cache(maxsize=256)
def _plain(name: str) -> str:
    """The name of a header to send, in lower case."""
    if _TOKEN(name) is None:
        raise ConfigError(f"{name!r} is no header name", field="headers")
    plain = name.lower()
    if plain == _ADDRESS:
        raise ConfigError("header host is set from the base URL: leave it out", field="headers.host")
    return plain


def incoming(fields: Iterable[tuple[str, str]], limit: int) -> dict[str, str]:
    """
    Return an answer's headers.

    Raises:
        WireError: They are larger than `limit` bytes, or say that the body is framed in a way that is not HTTP/1.1.
    """
    headers: dict[str, str] = {}
    size = 0
    for name, value in fields:
        size += len(name) + len(value) + 4
        if "\n" in value:
            value = _FOLD.sub(" ", value)
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if size > limit:
        raise too_large(limit)
    coding = headers.get("transfer-encoding")
    if coding is not None and coding.strip().lower() not in ("chunked", "identity"):
        raise WireError(f"the answer's transfer-encoding is {coding[:80]!r}, which cannot be read")
    return headers


def too_large(limit: int) -> WireError:
    """The error for headers above the limit."""
    return WireError(f"the answer's headers are larger than {limit} bytes, or too many")
