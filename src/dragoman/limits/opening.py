"""
The pacer of a `limit=`.

One for each store and process: all clients that name the same one share it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Final

from dragoman.errors import ConfigError
from dragoman.limits.host import HostPacer
from dragoman.limits.remote import RemotePacer
from dragoman.policy.limit.pacer import Pacer

HOST: Final = "host"


def open_pacer(limit: str) -> Pacer:
    """
    The pacer that a client shares its limits by.

    Args:
        limit: `host`, or the URL of a store: `redis://`, `rediss://`, `valkey://`, `valkeys://`, `unix://`,
            `postgresql://`, `postgres://`.

    Raises:
        ConfigError: There is no such way, this machine cannot, or a library for it is missing.
    """
    with _lock:
        found = _pacers.get(limit)
        if found is None:
            found = _pacers[limit] = _open(limit)
        return found


def _open(limit: str) -> Pacer:
    if limit == HOST:
        return HostPacer()
    scheme = limit.partition("://")[0] if "://" in limit else ""
    opener = _STORES.get(scheme)
    if opener is None:
        raise ConfigError(
            f"limit={limit.partition('@')[2] or limit!r} is no way to share: give 'process', 'host', or a URL "
            f"({', '.join(f'{name}://' for name in _STORES)})",
            field="limit",
        )
    return opener(limit)


def _redis(url: str) -> Pacer:
    from dragoman.limits.stores import RedisStore  # who shares by a file needs no driver

    return RemotePacer(RedisStore(url))


def _postgres(url: str) -> Pacer:
    from dragoman.limits.stores import PostgresStore

    return RemotePacer(PostgresStore(url))


_STORES: Final[dict[str, Callable[[str], Pacer]]] = {
    "redis": _redis,
    "rediss": _redis,
    "valkey": _redis,
    "valkeys": _redis,
    "unix": _redis,
    "postgresql": _postgres,
    "postgres": _postgres,
}
_pacers: Final[dict[str, Pacer]] = {}
_lock = threading.Lock()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
