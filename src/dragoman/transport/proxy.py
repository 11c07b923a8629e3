"""
Which proxy a request goes through, for both faces: one pure function of URL, environment and what was asked for.

The rules, where tools differ:

* What was passed explicitly is used for every request, this machine's own included, and `""` means none; the
  environment is then not looked at.  It is one URL, or one for each scheme: `{"https": ..., "http": ..., "all": ...,
  "no": ...}`, where a scheme that is not named goes direct and `no` is written as `NO_PROXY` is.
* From the environment: `http_proxy`, `https_proxy`, then `all_proxy`; lower case wins over upper case, and one that
  is set to nothing means "direct".  `HTTP_PROXY` in upper case is ignored under CGI, where a `Proxy:` header sets it.
* This machine (`localhost`, `*.localhost`, 127.0.0.0/8, `::1`) is never reached through a proxy from the environment:
  the proxy would reach itself.
* `NO_PROXY`: `example.com`, `.example.com` and `*.example.com` all mean that domain and everything below it; addresses
  match as numbers, networks as CIDR; `:port` limits an entry to a port; `*` is everything.  Names are not resolved
  for it.

* A proxy sees what is sent to an `http` server, and of an `https` server only its name.  With `https://proxy` the
  way to the proxy is encrypted, too, so that nobody before it sees its credentials.

Sources: curl's manual, section "environment"; CVE-2016-5385 ("httpoxy") for CGI.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Mapping
from typing import Final, NamedTuple, cast
from urllib.parse import SplitResult, unquote, urlsplit

from dragoman.errors import ConfigError
from dragoman.redact import register
from dragoman.transport.address import Origin, bracketed, split

_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}
_ASKS_FOR_NAMES: Final = ("socks4", "socks5")
_KINDS: Final = ("http", "https", "all", "no")
_ENTRY: Final = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d+))?")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Proxies = str | Mapping[str, str]
"""What a caller passes: one URL for every request, or one for each scheme."""


class Proxy(NamedTuple):
    """
    A proxy, taken apart.

    Attributes:
        scheme: `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`.
        host: Without brackets.
        username: As it is sent, or None.
        password: As it is sent, or None.
    """

    scheme: str
    host: str
    port: int
    username: str | None = None
    password: str | None = None

    @property
    def netloc(self) -> str:
        """`host:port`, safe to show."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def socks(self) -> bool:
        """Whether it speaks SOCKS, not HTTP."""
        return self.scheme.startswith("socks")

    @property
    def encrypted(self) -> bool:
        """Whether the connection to it is TLS."""
        return self.scheme == "https"

    @property
    def takes_names(self) -> bool:
        """Whether it resolves the server's name itself; if not, that is done here."""
        return self.scheme not in _ASKS_FOR_NAMES

    @property
    def authorization(self) -> str | None:
        """Value of `proxy-authorization`, or None."""
        if self.username is None:
            return None
        return "Basic " + base64.b64encode(f"{self.username}:{self.password or ''}".encode()).decode()

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.netloc})"


def check_proxies(explicit: object) -> Proxies | None:
    """
    Return what a caller passed, if it has the form of proxies.  The URLs in it are looked at when they are used.

    Raises:
        ConfigError: It has not.
    """
    if explicit is None or isinstance(explicit, str):
        return explicit
    if not isinstance(explicit, Mapping):
        raise _wrong(f"proxy is {type(explicit).__name__}: give a URL, or a dict of URLs by scheme")
    proxies = cast("Mapping[object, object]", explicit)
    for kind, value in proxies.items():
        if kind not in _KINDS:
            raise _wrong(f"proxy has the key {kind!r}: known are {', '.join(_KINDS)}")
        if not isinstance(value, str):
            raise _wrong(f"proxy[{kind!r}] is {type(value).__name__}: give a text, '' for no proxy")
    return cast("Mapping[str, str]", explicit)


def proxy_for(url: str, environ: Mapping[str, str], explicit: Proxies | None) -> str | None:
    """
    Return the URL of the proxy to use for `url`, or None to go direct.

    Args:
        url: Absolute http(s) URL of the request.
        environ: Environment variables; `{}` for none.
        explicit: What the caller passed; `""` means no proxy, None means the environment decides.

    A unix socket is never reached through a proxy.

    >>> proxy_for("https://api.example/v1", {"https_proxy": "http://p:3128", "no_proxy": "internal"}, None)
    'http://p:3128'
    """
    origin, _ = split(url)
    if origin.unix:
        return None
    if isinstance(explicit, str):
        return explicit or None
    if explicit is not None:
        passed = explicit.get(origin.scheme, explicit.get("all"))
        return None if exempt(origin, explicit.get("no", "")) else passed or None
    if is_loopback(origin.host) or exempt(origin, _variable(environ, "no_proxy") or ""):
        return None
    chosen = _variable(environ, f"{origin.scheme}_proxy")
    if chosen is None:
        chosen = _variable(environ, "all_proxy")
    return chosen or None


def parse_proxy(url: str) -> Proxy:
    """
    Take a proxy's URL apart; without a scheme it is `http`.  Its password is never shown from now on.

    Raises:
        ConfigError: Not a proxy that can be used.  The URL is not in the text: it may hold a password.

    >>> parse_proxy("proxy.corp:3128")
    Proxy(http://proxy.corp:3128)
    """
    parts, port = _split_proxy(url if "://" in url else f"http://{url}")
    username = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    proxy = Proxy(parts.scheme, parts.hostname or "", port or _DEFAULT_PORTS[parts.scheme], username, password)
    if proxy.socks and not all(part.isascii() and len(part) < 256 for part in (username or "", password or "")):
        raise _wrong("SOCKS carries a user and a password of at most 255 letters of ASCII each")
    for secret in (password, parts.password, (proxy.authorization or "").removeprefix("Basic ")):
        register(secret or "")
    return proxy


def _split_proxy(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("the proxy's URL cannot be read; write http://host:port") from None
    if parts.scheme not in _DEFAULT_PORTS:
        known = ", ".join(_DEFAULT_PORTS)
        raise _wrong(f"a proxy of scheme {parts.scheme!r} cannot be used; known are {known}")
    if not parts.hostname:
        raise _wrong("the proxy's URL names no host; write http://host:port")
    return parts, port


def _wrong(what: str) -> ConfigError:
    return ConfigError(what, field="proxy")


def _variable(environ: Mapping[str, str], name: str) -> str | None:
    """Value of a variable, lower case first; None if it is not set."""
    if name in environ:
        return environ[name].strip()
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        return None
    value = environ.get(name.upper())
    return None if value is None else value.strip()


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by its name or number."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def exempt(origin: Origin, no_proxy: str) -> bool:
    """Whether an entry of `NO_PROXY` names `origin`."""
    host = origin.host.rstrip(".").lower()
    address = _address(host)
    return any(_matches(entry, host, address, origin.port) for entry in re.split(r"[,\s]+", no_proxy.lower()) if entry)


def _matches(entry: str, host: str, address: Address | None, port: int) -> bool:
    if entry == "*":
        return True
    name = entry
    if _address(entry) is None:  # a bare IPv6 address holds colons, but no port
        found = _ENTRY.fullmatch(entry)
        if found is not None:
            if found["port"] and int(found["port"]) != port:
                return False
            name = found["v6"] or found["host"]
    if address is not None:
        return _in_network(address, name)
    name = name.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith("." + name))


def _in_network(address: Address, name: str) -> bool:
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _address(host: str) -> Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    # `::ffff:127.0.0.1` is 127.0.0.1 in the clothes of IPv6.   (RFC 4291, section 2.5.5.2)
    return (address.ipv4_mapped if address.version == 6 else None) or address
