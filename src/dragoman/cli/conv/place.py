"""
Which conversations a command is about: the store, the tenant, the owner, the key.

Rule: options win over `DRAGOMAN_STORE`, `DRAGOMAN_TENANT`, `DRAGOMAN_OWNER` and `DRAGOMAN_ENCRYPTION`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import quote

import click
import msgspec

from dragoman.client import Client
from dragoman.conversation.model import Listed, Ref
from dragoman.conversation.sealed import SealedStore
from dragoman.conversation.sealing import Keys
from dragoman.conversation.store import Store, open_store
from dragoman.errors import ConfigError
from dragoman.observe.place import data_directory
from dragoman.runtime import BlockingRuntime, drive
from dragoman.verbs.conversations.blocking import Conversation

F = TypeVar("F", bound=Callable[..., Any])

_PAGE: Final = 200
RUNTIME: Final = BlockingRuntime()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where, and whose.

    Attributes:
        store: URL.
        tenant: Whose.
        owner: Whose within; None for all.
        keys: Of encrypted conversations, or references to them; the first seals.
    """

    store: str
    tenant: str
    owner: str | None
    keys: tuple[str, ...]

    @contextmanager
    def opened(self) -> Generator[Store]:
        """The store, closed at the end."""
        store = open_store(self.store)
        try:
            yield SealedStore(store, Keys(self.keys)) if self.keys else store
        finally:
            store.close()

    @contextmanager
    def talk(self, name: str, branch: str = "main") -> Generator[Conversation]:
        """
        A conversation that there is.

        Raises:
            ConfigError: There is none of that name.
        """
        with self.opened() as store, Client() as client:
            if not drive(store.branches(RUNTIME, self.ref(name))):
                raise ConfigError(
                    f"there is no conversation {name!r}: dragoman conv list shows those that there are", field="name"
                )
            yield client.conversation(
                name, model="sim/echo", store=store, tenant=self.tenant, owner=self.owner or "", branch=branch
            )

    def ref(self, name: str) -> Ref:
        """A conversation of this owner's."""
        return Ref(self.tenant, name, user=self.owner or "")

    def each(self, store: Store) -> Iterator[Listed]:
        """All conversations of this place, page by page."""
        after = ("", "")
        while page := drive(store.scan(RUNTIME, self.tenant, user=self.owner, after=after, limit=_PAGE)):
            yield from page
            after = (page[-1].user, page[-1].name)


def usual_store(environ: Mapping[str, str]) -> str:
    """The store of this user."""
    return environ.get("DRAGOMAN_STORE") or f"sqlite:///{quote(str(data_directory(environ) / 'conversations.db'))}"


def placed(command: F) -> F:
    """Give a command the options that say where, as `place`."""

    def at(store: str | None, tenant: str, owner: str | None, encryption: tuple[str, ...]) -> Place:
        return Place(store=store or usual_store(os.environ), tenant=tenant, owner=owner, keys=encryption)

    def called(*args: Any, **options: Any) -> Any:
        where = {name: options.pop(name) for name in ("store", "tenant", "owner", "encryption")}
        return command(*args, place=at(**where), **options)

    called.__doc__, called.__name__ = command.__doc__, command.__name__
    for option in reversed(_OPTIONS):
        called = option(called)
    return called  # type: ignore[return-value]  # what click calls


_OPTIONS: Final = (
    click.option("--store", metavar="URL", help="Where they are; DRAGOMAN_STORE."),
    click.option("--tenant", envvar="DRAGOMAN_TENANT", default="default", help="Whose they are."),
    click.option("--owner", envvar="DRAGOMAN_OWNER", metavar="NAME", help="Only this owner's."),
    click.option(
        "--encryption",
        envvar="DRAGOMAN_ENCRYPTION",
        multiple=True,
        metavar="REF",
        help="Where the key of encrypted ones is: env:NAME, file:PATH, awskms:...; the first seals.",
    ),
)
