"""
From a URL to what a connection needs: scheme, host, port and the target of the request line.

One rule for both faces: a URL is sent as it is written.  What is percent-encoded stays so (a signature covers it),
what may not stand in a request line is encoded, and what cannot be sent is refused before a socket is opened.

Source: RFC 3986; RFC 9112 section 3.2 (request target).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from dragoman.errors import ConfigError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# All that RFC 3986 lets stand in a path or query, and `%`, which begins what is encoded already.
_TARGET_SAFE: Final = "%/?:@!$&'()*+,;=-._~[]"


class Origin(NamedTuple):
    """Where a request goes: `http` or `https`, host without brackets, port."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """`host:port`, brackets around IPv6."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """The URL up to its path, the port only where it is not the scheme's own."""
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
    target = quote(parts.path or "/", safe=_TARGET_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_TARGET_SAFE)
    return Origin(parts.scheme, _ascii_host(parts.hostname or ""), port), target


def _parse(url: str) -> tuple[SplitResult, int]:
    if any(char <= " " or char == "\x7f" for char in url):
        raise _refused("it holds a space or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(str(error)) from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise _refused("it must begin with http:// or https:// and name a host")
    return parts, port or _DEFAULT_PORTS[parts.scheme]


def _ascii_host(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise _refused("its host is not a name that DNS knows") from None


def _refused(why: str) -> ConfigError:
    # The URL itself is not shown: it may hold a credential, which is the mistake that some of these errors are about.
    return ConfigError(f"the URL cannot be used: {why}", field="base_url")
