"""
Which base a command is about.

Rule: options win over `DRAGOMAN_KB`; a command that only looks makes no file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import click
import msgspec

from dragoman.cli.kit.about import prompts_of
from dragoman.client import Client
from dragoman.drivers.open import sqlite_path
from dragoman.errors import ConfigError
from dragoman.knowledge.base import KnowledgeBase
from dragoman.observe.place import data_directory

F = TypeVar("F", bound=Callable[..., Any])


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a base is: the store's URL, and its name in a Postgres database."""

    store: str
    name: str

    @contextmanager
    def opened(self, client: Client | None = None, *, new: bool = False, **arguments: Any) -> Generator[KnowledgeBase]:
        """
        The base, closed at the end.

        Args:
            client: Who asks models.
            new: Whether it may be made.
            **arguments: More for `KnowledgeBase`.

        Raises:
            ConfigError: There is none, and it may not be made.
        """
        if not new and not self.is_there:
            raise ConfigError("there is nothing in the base yet: dragoman kb add FOLDER", field="store")
        edited = prompts_of("knowledge", os.environ)
        with KnowledgeBase(self.store, name=self.name, client=client, prompts=edited, **arguments) as base:
            yield base

    @property
    def is_there(self) -> bool:
        """Whether there is a file; a database is asked when it is used."""
        return not self.store.startswith("sqlite:") or Path(sqlite_path(self.store)).exists()


def placed(command: F) -> F:
    """Give a command the options that say where, as `place`."""

    def called(*args: Any, store: str | None, kb: str, **options: Any) -> Any:
        return command(*args, place=_place(store, kb, os.environ), **options)

    called.__doc__, called.__name__ = command.__doc__, command.__name__
    for option in reversed(_OPTIONS):
        called = option(called)
    return called  # type: ignore[return-value]  # what click calls


_OPTIONS: Final = (
    click.option("--kb", metavar="NAME", default="default", help="Another base than the usual."),
    click.option("--store", metavar="URL", help="Where it is; DRAGOMAN_KB."),
)


def shown(source: str) -> str:
    """A document's name, from here if it is below this folder."""
    here = f"{Path.cwd().as_posix().rstrip('/')}/"
    return source.removeprefix(here)


def named(source: str) -> str:
    """The name in the base of what someone calls a document."""
    return Path(os.path.abspath(source)).as_posix()


def _place(store: str | None, kb: str, environ: Mapping[str, str]) -> Place:
    url = store or environ.get("DRAGOMAN_KB")
    if url:
        return Place(store=url, name=kb)
    if not kb.replace("-", "").replace("_", "").isalnum():
        raise ConfigError(f"--kb is {kb!r}: a name is letters, digits, - and _", field="kb")
    file = data_directory(environ) / "knowledge" / f"{kb}.db"
    return Place(store=f"sqlite:///{quote(str(file))}", name="default")
