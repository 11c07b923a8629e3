"""
The public value: a cache, which any number of clients may share.

Rule: a cache never answers across scopes.  Without a scope, whoever has the same credential has the same answers.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Collection
from copy import copy
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.policy.base import Context
from dragoman.policy.cache.flights import Flights
from dragoman.policy.cache.key import scope_id, scope_of_name
from dragoman.policy.cache.opening import make_store
from dragoman.policy.cache.rules import KEPT, checked_reasons
from dragoman.policy.cache.similar import Semantic
from dragoman.policy.cache.store import Guarded, Limits, Store
from dragoman.policy.deadline import Clocks
from dragoman.runtime import BlockingRuntime, Runtime, drive
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import FinishReason
from dragoman.types.timeouts import Timeouts

if TYPE_CHECKING:
    from dragoman.runtime import AsyncRuntime

Scope = str | Callable[[ChatRequest], str] | None
"""Whose answers they are: a name, or a function from a request to it."""

_log: Final = logging.getLogger("dragoman.cache")

Count = Literal["hits", "misses", "shared", "similar", "stored", "passed", "damaged"]


class CacheStats(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a cache did in this process, all scopes together.

    Attributes:
        hits: Calls that were answered from the store.
        shared: Calls that got the answer of another call that was under way.
        similar: Calls that got the answer to a question that was nearly the same.
        misses: Calls for which a model was asked.
        passed: Calls that may not be cached.
        stored: Answers that were kept.
        damaged: Entries that were found and could not be read.
        failures: How often the store failed.
        saved: US dollars that the answers cost that were given again, as far as that is known.
    """

    hits: int = 0
    shared: int = 0
    similar: int = 0
    misses: int = 0
    passed: int = 0
    stored: int = 0
    damaged: int = 0
    failures: int = 0
    saved: Decimal = Decimal(0)


class Keyed(Protocol):
    """A client, which knows what its calls are known by."""

    def key(self, request: ChatRequest, context: Context, scope: Scope) -> tuple[bytes, bytes]:
        """Scope and key of a request, as stores know them."""
        ...


class Shared:
    """What a cache and all its scoped views have in common."""

    def __init__(self, store: Store) -> None:
        self.guarded = Guarded(store)
        self.flights = Flights()
        self.clients: weakref.WeakSet[Any] = weakref.WeakSet()
        self._warned: set[str] = set()
        self._lock = threading.RLock()
        self._counts: dict[Count, int] = dict.fromkeys(get_args(Count), 0)
        self._saved = Decimal(0)
        _all.add(self)

    def count(self, what: Count, saved: Decimal | None = None) -> None:
        """Count one."""
        with self._lock:
            self._counts[what] += 1
            if saved is not None:
                self._saved += saved

    def warn(self, what: str, text: str) -> None:
        """Say something in the log, once for each kind."""
        if what not in self._warned:
            self._warned.add(what)
            _log.warning("%s", text)

    def forget_lock(self) -> None:
        """In a forked child: who holds the lock may be in the parent only."""
        self._lock = threading.RLock()

    def stats(self) -> CacheStats:
        """What was counted."""
        with self._lock:
            return CacheStats(**cast("dict[str, int]", self._counts), saved=self._saved, failures=self.guarded.failures)


_all: weakref.WeakSet[Shared] = weakref.WeakSet()


def _after_fork() -> None:
    for shared in list(_all):
        shared.forget_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Cache:
    """
    Answers that were given before.  Give it to clients: `Client(cache=Cache(...))`.

    One cache serves any number of clients of both faces, threads and event loops.

    >>> from dragoman import Cache
    >>> Cache("memory://", ttl=3600).stats().hits
    0
    """

    def __init__(
        self,
        store: str | object = "memory://",
        *,
        ttl: float | None = None,
        scope: Scope = None,
        keep: Collection[FinishReason] = KEPT,
        simulated: bool = False,
        semantic: Semantic | None = None,
        max_entries: int = 10_000,
        max_bytes: int = 64 * 2**20,
        max_entry_bytes: int = 4 * 2**20,
        wait: float = 60.0,
    ) -> None:
        """
        Nothing is opened yet.

        Args:
            store: `memory://`, `sqlite:///path`, `redis://host:port/db` (also `rediss://`, `unix://`), or a driver of
                Redis.
            ttl: Seconds for which an answer is kept; None for as long as there is room.
            scope: Whose answers they are: a name, or a function that gives it for each request.  None keeps the answers
                of each credential apart.
            keep: Finish reasons of answers that are kept; also possible are `length`, `content_filter` and `refusal`.
            simulated: Whether answers of the simulator are kept.
            semantic: Also answer with the answer to a question that is nearly the same.
            max_entries: Answers in memory or in a file.
            max_bytes: Bytes of them all together.
            max_entry_bytes: Bytes of one answer, before it is compressed.
            wait: Seconds that a call waits for another that asks the same, within its own deadline; then it asks for
                itself.  0 for never.

        Raises:
            ConfigError: A value that cannot work; `.field` names it.
        """
        if ttl is not None:
            _check_seconds(ttl, "ttl", 0.001)
        _check_seconds(wait, "wait", 0)
        for field, whole in (("entries", max_entries), ("bytes", max_bytes), ("entry_bytes", max_entry_bytes)):
            _check_whole(whole, f"max_{field}")
        self.ttl = ttl
        self.scope = _checked_scope(scope)
        self.keep = checked_reasons(keep)
        self.simulated = simulated
        self.semantic = _checked_semantic(semantic)
        self.max_entry_bytes = max_entry_bytes
        self.wait = wait
        made = make_store(store, Limits(entries=max_entries, size=max_bytes))
        if semantic is not None and not made.near:
            raise ConfigError(
                f"a cache in {made.place} keeps no vectors: use memory:// or sqlite:///path with semantic",
                field="cache.semantic",
            )
        self.shared = Shared(made)

    def __repr__(self) -> str:
        return f"<Cache in {self.shared.guarded.store.place}>"

    def scoped(self, scope: str) -> Cache:
        """
        Return the same cache for one scope: its answers, store, limits and counts are those of this one.

        Raises:
            ConfigError: The scope has no name.
        """
        view = copy(self)
        view.scope = _checked_scope(scope)
        if view.scope is None:
            raise ConfigError("scope is None: give a name", field="cache.scope")
        return view

    def stats(self) -> CacheStats:
        """What was found and what was not, in this process, since this cache was made."""
        return self.shared.stats()

    def clear(self, scope: str | None = None) -> None:
        """
        Remove all answers of a scope.

        Args:
            scope: Its name; None for the one of this cache, and for everything where it has none.

        Raises:
            StoreError: The store failed; some may be gone.
        """
        drive(self._clear(_BLOCKING, scope))

    async def aclear(self, scope: str | None = None) -> None:
        """Like `clear`, on the asyncio face."""
        await self._clear(_suspending(), scope)

    def forget(self, request: ChatRequest) -> bool:
        """
        Remove the answer that the clients of this cache would find for a request: whether there was one.

        Raises:
            ConfigError: No client has this cache, or the request cannot be sent.
            StoreError: The store failed.
        """
        return drive(self._forget(_BLOCKING, request))

    async def aforget(self, request: ChatRequest) -> bool:
        """Like `forget`, on the asyncio face."""
        return await self._forget(_suspending(), request)

    def close(self) -> None:
        """Close what the store has open; a later call opens it again.  Closing a client does not do it."""
        self.shared.guarded.store.close()

    async def aclose(self) -> None:
        """Like `close`, on the asyncio face."""
        await self.shared.guarded.store.aclose()

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Cache:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _clear(self, runtime: Runtime, scope: str | None) -> None:
        name = self.scope if scope is None else _checked_scope(scope)
        place = scope_id(scope_of_name(name)) if isinstance(name, str) else None
        await self.shared.guarded.store.clear(runtime, place, None)

    async def _forget(self, runtime: Runtime, request: ChatRequest) -> bool:
        context = Context(runtime, Clocks(Timeouts(), runtime.now()))
        keys = {client.key(request, context, self.scope) for client in list(self.shared.clients)}
        if not keys:
            raise ConfigError("no client has this cache: give it to one first", field="cache")
        store = self.shared.guarded.store
        return any([await store.drop(runtime, scope, key, None) for scope, key in keys])


_BLOCKING: Final = BlockingRuntime()


def _suspending() -> AsyncRuntime:
    from dragoman.runtime import AsyncRuntime

    return AsyncRuntime()


def scope_name(scope: Callable[[ChatRequest], str] | str, request: ChatRequest) -> str:
    """
    The name of the scope of a request.

    Raises:
        ConfigError: The function gave none.
    """
    name: object = scope if isinstance(scope, str) else scope(request)
    if not isinstance(name, str) or not name:
        raise ConfigError(
            f"the cache's scope gave {name!r} for this call: it must give a name, or the call must say reuse=False",
            field="cache.scope",
        )
    return name


def _checked_scope(scope: Any) -> Any:
    if scope is None or callable(scope) or (isinstance(scope, str) and scope):
        return scope
    raise ConfigError(f"scope is {scope!r}: give a name, or a function from a request to one", field="cache.scope")


def _checked_semantic(semantic: object) -> Any:
    if semantic is None or isinstance(semantic, Semantic):
        return semantic
    raise ConfigError(f"semantic is {type(semantic).__name__}: give a Semantic", field="cache.semantic")


def _check_seconds(value: object, field: str, least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < float("inf"):
        raise ConfigError(f"{field} is {value!r}: give seconds, {least:g} or more", field=f"cache.{field}")


def _check_whole(value: object, field: str) -> None:
    if type(value) is not int or value < 1:
        raise ConfigError(f"{field} is {value!r}: give a whole number, 1 or more", field=f"cache.{field}")
