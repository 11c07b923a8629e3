"""
What a Redis URL says, without the credentials in anything that is read by people.

    redis://[user:password@]host[:port][/db]     rediss:// the same over TLS
    valkey://... valkeys://...                   the same two
    unix://[user:password@]/path/to.sock[?db=0]

Options after `?` are those of redis-py (`db`, `ssl_ca_certs`, `client_name`, ...), and `max_connections`.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec

from dragoman.drivers.base import library
from dragoman.errors import ConfigError
from dragoman.redact import register

SCHEMES: Final = ("redis", "rediss", "unix", "valkey", "valkeys")
# What redis-py calls them.
_NAMES: Final = {"valkey": "redis", "valkeys": "rediss"}
# Connections in use at once, in a process and in each of its loops.
_MOST: Final = 32
# What we decide ourselves: the clocks, the pool, and the protocol, in which all servers answer alike.
_OURS: Final = (
    "connection_class",
    "max_connections",
    "timeout",
    "socket_timeout",
    "socket_connect_timeout",
    "protocol",
    "decode_responses",
    "retry_on_timeout",
    "retry_on_error",
    "health_check_interval",
)


class Address(msgspec.Struct, frozen=True):
    """
    Where a server is.

    Attributes:
        place: For people: `Redis at 127.0.0.1:6379/0`.
        kind: Name of redis-py's class of connections.
        options: For that class.  Holds the credentials.
        most: Connections in use at once.
    """

    place: str
    kind: str
    options: dict[str, Any]
    most: int

    def __repr__(self) -> str:
        return f"Address({self.place!r})"


def parse_address(url: str) -> Address:
    """
    Read a URL.

    Raises:
        ConfigError: It is none, or redis-py is missing.
    """
    split = _split(url)
    _register(split)
    module = library("redis.connection", "redis")
    try:
        options: dict[str, Any] = module.parse_url(_named(url))
    except ValueError as error:
        raise _wrong(str(error)) from None
    kind = options["connection_class"].__name__ if "connection_class" in options else "Connection"
    most = int(options.get("max_connections", _MOST))
    if most < 1:
        raise _wrong("max_connections is at least 1")
    for name in _OURS:
        options.pop(name, None)
    address = Address(_place(split, options), kind, options, most)
    _try_options(module, address)
    return address


def _named(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{_NAMES.get(scheme, scheme)}{mark}{rest}"


def _split(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        _ = split.port  # is parsed when it is asked for
    except ValueError:
        raise _wrong("its host or port cannot be read; percent-encode what is special in a password") from None
    if split.scheme not in SCHEMES:
        raise _wrong(f"it begins with one of {', '.join(scheme + '://' for scheme in SCHEMES)}")
    if split.scheme == "unix":
        if not split.path or split.hostname:
            raise _wrong("it has the form unix:///path/to.sock, with three slashes")
    elif split.path.strip("/") and not split.path.strip("/").isdigit():
        raise _wrong("its path is the number of the database, such as /0")
    return split


def _register(split: SplitResult) -> None:
    register(unquote(split.password or ""))
    for value in parse_qs(split.query).get("password", []):
        register(value)


def _place(split: SplitResult, options: dict[str, Any]) -> str:
    if split.scheme == "unix":
        return f"Redis at {options['path']}"
    host = options.get("host", "localhost")
    shown = f"[{host}]" if ":" in host else host
    return f"Redis at {shown}:{options.get('port', 6379)}/{options.get('db', 0)}"


def _try_options(module: Any, address: Address) -> None:
    """An option that redis-py does not know is found now, not at the first call."""
    try:
        getattr(module, address.kind)(**address.options)
    except (TypeError, ValueError, module.RedisError) as error:
        raise _wrong(f"redis-py does not accept its options: {error}") from None


def _wrong(why: str) -> ConfigError:
    return ConfigError(f"the Redis URL cannot be used: {why}", field="url")
