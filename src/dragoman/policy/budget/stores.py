"""
From what a caller gave as `store` to what keeps the book.

Rule: a library for a store is imported when such a store is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from dragoman.errors import ConfigError
from dragoman.policy.budget.ledger import Ledger
from dragoman.policy.budget.memory import MemoryLedger

if TYPE_CHECKING:
    from dragoman.drivers.open import AnyDriver


def ledger_of(store: str | AnyDriver | None, name: str, seconds: int | None) -> Ledger:
    """
    Make what keeps the book of a budget.  Nothing is opened yet.

    Args:
        store: None or `memory://` for this process, the URL of a store, or a driver that the caller has.
        name: Of the book.
        seconds: Length of a window; None for one that never ends.

    Raises:
        ConfigError: It is no store, or the library for it is missing.
    """
    if store is None or store == "memory://":
        return MemoryLedger(seconds)
    driver = _opened(store) if isinstance(store, str) else store
    make = _LEDGERS.get(type(driver).__name__)
    if make is None:
        raise ConfigError(
            f"store is {type(driver).__name__}: give a URL (sqlite:///, redis://, postgresql://) or a driver",
            field="store",
        )
    return make(driver, name, seconds)


def _opened(url: str) -> AnyDriver:
    from dragoman.drivers.open import from_url, sqlite_path  # only who has a store pays for its driver

    if not url.startswith("sqlite://"):
        return from_url(url)
    from dragoman.drivers.sqlite import Sqlite
    from dragoman.drivers.sqlite_schema import Schema
    from dragoman.policy.budget.sqlite import tables

    # What was reserved in the second before a power cut may be lost; what a process wrote that was killed is not.
    return Sqlite(sqlite_path(url), durable=False, schema=Schema("budgets", [tables]))


def _sqlite(driver: Any, name: str, seconds: int | None) -> Ledger:
    from dragoman.policy.budget.sqlite import SqliteLedger

    return SqliteLedger(driver, name, seconds)


def _redis(driver: Any, name: str, seconds: int | None) -> Ledger:
    from dragoman.policy.budget.redis import RedisLedger

    return RedisLedger(driver, name, seconds)


def _postgres(driver: Any, name: str, seconds: int | None) -> Ledger:
    from dragoman.policy.budget.postgres import PostgresLedger

    return PostgresLedger(driver, name, seconds)


_LEDGERS: Final[dict[str, Callable[[Any, str, int | None], Ledger]]] = {
    "Sqlite": _sqlite,
    "Redis": _redis,
    "Postgres": _postgres,
}
