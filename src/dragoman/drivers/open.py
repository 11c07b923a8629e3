"""
From a URL to its driver.

    sqlite:///path.db   sqlite:////absolute/path.db   memory://
    redis://...   rediss://...   valkey://...   valkeys://...   unix:///path/to.sock
    postgresql://...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit

from dragoman.drivers.postgres import Postgres
from dragoman.drivers.redis import Redis
from dragoman.drivers.sqlite import Sqlite
from dragoman.drivers.sqlite_file import MEMORY
from dragoman.errors import ConfigError

AnyDriver = Sqlite | Redis | Postgres


def from_url(url: str) -> AnyDriver:
    """
    Make the driver that a URL names.  Nothing is opened yet.

    Raises:
        ConfigError: The URL is none of those above, or the library for it is missing.
    """
    if not isinstance(url, str):
        raise ConfigError(f"a store's URL is a text, not {type(url).__name__}", field="url")
    scheme = url.partition("://")[0].lower() if "://" in url else ""
    make = _DRIVERS.get(scheme)
    if make is None:
        known = ", ".join(f"{name}://" for name in _DRIVERS)
        what = f"{scheme}:// is not known" if scheme else "it has no scheme"
        raise ConfigError(f"the store's URL cannot be used: {what}; there are {known}", field="url")
    return make(url)


def sqlite_path(url: str) -> str:
    """
    Return the path in an SQLite URL: relative after three slashes, absolute after four.

    Raises:
        ConfigError: It has a host, an option or no path.

    >>> sqlite_path("sqlite:///talk.db"), sqlite_path("sqlite:////var/lib/talk.db")
    ('talk.db', '/var/lib/talk.db')
    """
    split = urlsplit(url)
    if split.netloc or split.query or split.fragment or split.path in ("", "/"):
        raise ConfigError(
            "an SQLite URL is sqlite:///path.db, or sqlite:////path.db for an absolute path; "
            "special characters in it are percent-encoded",
            field="url",
        )
    return unquote(split.path[1:])


def _memory(url: str) -> Sqlite:
    if url.partition("://")[2]:
        raise ConfigError("the URL of a store in memory is memory://", field="url")
    return Sqlite(MEMORY)


_DRIVERS: Final[dict[str, Callable[[str], AnyDriver]]] = {
    "sqlite": lambda url: Sqlite(sqlite_path(url)),
    "memory": _memory,
    "redis": Redis,
    "rediss": Redis,
    "valkey": Redis,
    "valkeys": Redis,
    "unix": Redis,
    "postgresql": Postgres,
    "postgres": Postgres,
}
