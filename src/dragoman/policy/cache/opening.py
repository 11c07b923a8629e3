"""
From a URL to the store of a cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from dragoman.errors import ConfigError
from dragoman.policy.cache.store import Limits, Store

if TYPE_CHECKING:
    from dragoman.drivers.redis import Redis


def make_store(store: object, limits: Limits) -> Store:
    """
    Make the store that a caller named.

    Args:
        store: A URL, a `drivers.redis.Redis`, or a ready store.
        limits: Of one in memory or in a file; Redis has limits of its own.

    Raises:
        ConfigError: There is no such store, or a library for it is missing.
    """
    if isinstance(store, str):
        return _by_url(store, limits)
    if all(hasattr(store, name) for name in ("get", "put", "drop", "clear", "place")):
        return cast("Store", store)
    if all(hasattr(store, name) for name in ("script", "pipeline", "place")):
        return _redis(cast("Redis", store))
    raise _unknown(type(store).__name__)


def _by_url(url: str, limits: Limits) -> Store:
    scheme, found, rest = url.partition("://")
    make = _STORES.get(scheme.lower() if found else "")
    if make is None:
        raise _unknown(f"{scheme}://" if found else "a text that is no URL")
    if make is _memory and rest:
        raise ConfigError("the URL of a cache in memory is memory://", field="cache.store")
    return make(url, limits)


def _unknown(what: str) -> ConfigError:
    return ConfigError(
        f"no cache can be kept in {what}: give memory://, sqlite:///path, redis://host:port/db, or a driver of Redis",
        field="cache.store",
    )


def _memory(url: str, limits: Limits) -> Store:
    from dragoman.policy.cache.memory import MemoryStore

    return MemoryStore(limits)


def _sqlite(url: str, limits: Limits) -> Store:
    from dragoman.drivers.open import sqlite_path
    from dragoman.policy.cache.sqlite import SqliteStore

    return SqliteStore(sqlite_path(url), limits)


def _redis_url(url: str, limits: Limits) -> Store:
    from dragoman.drivers.redis import Redis

    return _redis(Redis(url))


def _redis(driver: Redis) -> Store:
    from dragoman.policy.cache.redis import RedisStore

    return RedisStore(driver)


_STORES: Final[dict[str, Callable[[str, Limits], Store]]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis_url,
    "rediss": _redis_url,
    "valkey": _redis_url,
    "valkeys": _redis_url,
    "unix": _redis_url,
}
