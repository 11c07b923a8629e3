"""From a URL to a store, and from a filter to the documents that it means."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from dragoman.drivers.open import from_url
from dragoman.drivers.postgres import Postgres
from dragoman.drivers.sqlite import Sqlite
from dragoman.errors import ConfigError
from dragoman.knowledge.postgres import PostgresStore
from dragoman.knowledge.sqlite import SqliteStore
from dragoman.knowledge.store import Store
from dragoman.knowledge.values import Document


def open_store(url: str, name: str) -> Store:
    """
    Make the store that a URL names.  Nothing is opened yet.

    Args:
        url: `sqlite:///path.db`, `memory://` or `postgresql://...`.
        name: Of the base, where one database holds several.

    Raises:
        ConfigError: The URL is none of those, or SQLite is given a name.
    """
    driver = from_url(url)
    if isinstance(driver, Sqlite):
        if name != "default":
            raise ConfigError("an SQLite file holds one base: name it by its path", field="name")
        return SqliteStore(driver.path)
    if isinstance(driver, Postgres):
        return PostgresStore(driver, name)
    raise ConfigError("a knowledge base is kept by sqlite:///, memory:// or postgresql://", field="store")


def chosen(documents: Sequence[Document], path: str | None, tags: Sequence[str]) -> list[int] | None:
    """
    Numbers of the documents that a filter means; None for all.

    Args:
        documents: All of them.
        path: A pattern as a shell writes it, for the whole name or the end of it.
        tags: Each of which a document must have.
    """
    if path is None and not tags:
        return None
    wanted = frozenset(tags)
    return [
        document.id
        for document in documents
        if wanted <= set(document.tags) and (path is None or _fits(document, path))
    ]


def _fits(document: Document, pattern: str) -> bool:
    return fnmatchcase(document.source, pattern) or fnmatchcase(document.source, f"*/{pattern.removeprefix('./')}")
