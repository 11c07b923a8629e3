"""
From a URL to what a connection needs: scheme, host, port and the target of the request line.

One rule for both faces: a URL is sent as it is written.  What is percent-encoded stays so (a signature covers it),
what may not stand in a request line is encoded, and what cannot be sent is refused before a socket is opened.

A server on a unix socket is written `http+unix://%2Frun%2Fllm.sock/v1`: the socket's path, percent-encoded, stands in
the place of the host.  (The form of requests-unixsocket and docker-py.)

Source: RFC 3986; RFC 9112 section 3.2 (request target).
"""

from __future__ import annotations

import os
import re
import socket
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from dragoman.errors import ConfigError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNIX: Final = "http+unix"
# Longest path of a socket, in bytes: what `sun_path` holds on Linux.   (unix(7))
_LONGEST: Final = 107
# Steps that servers and proxies resolve, each in its own way, before or after they decide who may go there.
_STEPS: Final = frozenset((".", ".."))
_STEP: Final = re.compile(r"[/\\]")
# Names as DNS and container networks have them; whatever else a parser of ours lets through, another may read in
# another way, and send the request elsewhere.
_HOST: Final = re.compile(r"[0-9a-z._~-]+|[0-9a-f]*:[0-9a-f:.]+(?:%[0-9a-z._~-]+)?").fullmatch
# All that RFC 3986 lets stand in a path or query, and `%`, which begins what is encoded already.
_TARGET_SAFE: Final = "%/?:@!$&'()*+,;=-._~[]"


class Origin(NamedTuple):
    """
    Where a request goes.

    Attributes:
        scheme: `http`, `https` or `http+unix`.
        host: Without brackets; of a unix socket its path.
        port: 0 for a unix socket.
    """

    scheme: str
    host: str
    port: int

    @property
    def unix(self) -> bool:
        """Whether it is a unix socket."""
        return self.scheme == _UNIX

    @property
    def netloc(self) -> str:
        """`host:port`, brackets around IPv6."""
        return f"unix:{self.host}" if self.unix else f"{bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """The URL up to its path, the port only where it is not the scheme's own; a unix socket is `localhost`."""
        if self.unix:
            return "http://localhost"
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{bracketed(self.host)}{port}"


def bracketed(host: str) -> str:
    """Return `host` as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


@lru_cache(maxsize=512)
def split(url: str) -> tuple[Origin, str]:
    """
    Split an absolute URL into its origin and its request target.

    Raises:
        ConfigError: Not an absolute http(s) URL, or one with credentials in it.

    >>> split("https://api.example/v1/a%3A0?x=1#y")
    (Origin(scheme='https', host='api.example', port=443), '/v1/a%3A0?x=1')
    """
    parts, port = _parse(url)
    if parts.username is not None or parts.password is not None:
        raise _refused("it holds credentials; pass them as api_key or in headers")
    if not _STEPS.isdisjoint(_STEP.split(unquote(parts.path))):
        raise _refused("its path has a step '.' or '..', which leads elsewhere; is it in the name of the model?")
    target = quote(parts.path or "/", safe=_TARGET_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_TARGET_SAFE)
    host = _socket_path(parts.netloc) if parts.scheme == _UNIX else _ascii_host(parts.hostname or "")
    return Origin(parts.scheme, host, port), target


def _parse(url: str) -> tuple[SplitResult, int]:
    if any(char <= " " or char == "\x7f" for char in url):
        raise _refused("it holds a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(str(error)) from None
    if parts.scheme == _UNIX:
        return parts, 0
    if parts.scheme == "unix":
        raise _refused("a unix socket is written http+unix://%2Frun%2Fname.sock/v1, its path percent-encoded")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise _refused("it must begin with http:// or https:// and name a host")
    return parts, _DEFAULT_PORTS[parts.scheme] if port is None else port


def _ascii_host(host: str) -> str:
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            raise _refused("its host is not a name that DNS knows") from None
    if _HOST(host) is None or not all(0 < len(label) < 64 for label in host.removesuffix(".").split(".")):
        raise _refused("its host is not a name that DNS knows")
    return host


def _socket_path(netloc: str) -> str:
    path = unquote(netloc)
    if not path.startswith("/") or "\0" in path or ":" in netloc:
        raise _refused("a unix socket needs its whole path, percent-encoded: http+unix://%2Frun%2Fname.sock/v1")
    if len(os.fsencode(path)) > _LONGEST:
        raise _refused(f"the path of its unix socket is longer than {_LONGEST} bytes")
    if not hasattr(socket, "AF_UNIX"):
        raise _refused("Python has no unix sockets on this system")
    return path


def _refused(why: str) -> ConfigError:
    # The URL itself is not shown: it may hold a credential, which is the mistake that some of these errors are about.
    return ConfigError(f"the URL cannot be used: {why}", field="base_url")
