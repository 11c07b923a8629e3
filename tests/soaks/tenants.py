"""
Two tenants ask 10,000 random questions of one cache, and neither is given an answer of the other.

The questions come from a small number of texts and settings, so that most are asked by both.  The provider numbers its
answers; a number belongs to the tenant whose call brought it.  Both faces, plain and streamed, several threads; scopes
by name, by function and by credential; in memory, in a file, and with a likeness that takes every question for every
other.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from dragoman import AsyncClient, Cache, ChatRequest, ChatResponse, Client, Semantic
from dragoman.testing import Server, calls, says

TENANTS = ("ada", "ada-2")  # one name begins with the other
THREADS = 4
_TENANT: ContextVar[str] = ContextVar("tenant")
_ALIKE = Semantic(embed=lambda text: [1.0, 0.5], threshold=0.99)

Question = tuple[str, str, dict[str, Any], bool]
"""Tenant, text, settings, whether as a stream."""


def question(rng: random.Random) -> Question:
    """One of some hundred."""
    settings: dict[str, Any] = {}
    if rng.random() < 0.5:
        settings["temperature"] = rng.choice((0.0, 0.5))
    if rng.random() < 0.3:
        settings["extra"] = {"note": rng.choice(TENANTS)}
    if rng.random() < 0.05:
        settings["reuse"] = rng.choice((False, "refresh", 0.05, 60.0))
    return rng.choice(TENANTS), rng.choice("abcdefghij"), settings, rng.random() < 0.4


class Told:
    """Whose answer is whose."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.crossed: list[str] = []

    def note(self, tenant: str, text: str, answer: ChatResponse) -> None:
        """An answer came: a new one is the tenant's own from now on, one that was kept must be so already."""
        with self._lock:
            self.counts["again" if answer.cached else "asked"] += 1
            # A call that waited for another may be first to say what they were given.
            owner = self._owners.setdefault(answer.text, tenant)
            if owner != tenant:
                self.crossed.append(f"{tenant} asked {text!r} and was given answer {answer.text} of {owner}")


Caches = dict[str, Cache]


def named(store: str) -> Caches:
    """One store, a view for each."""
    shared = Cache(store)
    return {tenant: shared.scoped(tenant) for tenant in TENANTS}


def told(store: str) -> Caches:
    """One cache, which is told by the program whose call it is."""
    shared = Cache(store, scope=lambda request: _TENANT.get())
    return dict.fromkeys(TENANTS, shared)


def by_credential(store: str) -> Caches:
    """One cache without a scope: each has a key of his own."""
    return dict.fromkeys(TENANTS, Cache(store))


def alike(store: str) -> Caches:
    """Every question is like every other, within a scope."""
    shared = Cache(store, semantic=_ALIKE)
    return {tenant: shared.scoped(tenant) for tenant in TENANTS}


def _rows(server: Server, tenant: str) -> dict[str, Any]:
    return {"openai": {"base_url": server.base_url("openai-chat"), "api_key": f"key-of-{tenant}"}}


def blocking(server: Server, caches: Caches, count: int, rng: random.Random, told: Told) -> None:
    """One thread of the blocking face."""
    with ExitStack() as stack:
        clients = {
            tenant: stack.enter_context(Client(providers=_rows(server, tenant), cache=caches[tenant]))
            for tenant in TENANTS
        }
        for _ in range(count):
            tenant, text, settings, streamed = question(rng)
            _TENANT.set(tenant)
            if streamed:
                answer = clients[tenant].stream("openai/m", text, **settings).drain()
            else:
                answer = clients[tenant].chat("openai/m", text, **settings)
            told.note(tenant, text, answer)


async def suspending(server: Server, caches: Caches, count: int, rng: random.Random, told: Told) -> None:
    """One loop of the async face, some tasks at once."""
    clients = {tenant: AsyncClient(providers=_rows(server, tenant), cache=caches[tenant]) for tenant in TENANTS}
    numbers = iter(range(count))

    async def ask() -> None:
        for _ in numbers:
            tenant, text, settings, streamed = question(rng)
            _TENANT.set(tenant)
            if streamed:
                answer = await clients[tenant].stream("openai/m", text, **settings).drain()
            else:
                answer = await clients[tenant].chat("openai/m", text, **settings)
            told.note(tenant, text, answer)

    await asyncio.gather(*(ask() for _ in range(8)))
    for client in clients.values():
        await client.aclose()


def _both_faces(server: Server, caches: Caches, count: int, seed: int, told: Told) -> None:
    each = max(1, count // (THREADS + 1))
    work = [
        threading.Thread(target=blocking, args=(server, caches, each, random.Random(seed + at), told))
        for at in range(THREADS)
    ]
    for one in work:
        one.start()
    asyncio.run(suspending(server, caches, count - each * THREADS, random.Random(seed - 1), told))
    for one in work:
        one.join()


def tenants(scale: float = 1.0) -> dict[str, Any]:
    """Two tenants, 10,000 random questions for each kind of scope and store."""
    count = max(50, int(10_000 * scale))
    problems: list[str] = []
    figures: dict[str, Any] = {}
    kinds: tuple[Callable[[str], Caches], ...] = (named, told, by_credential, alike)
    with tempfile.TemporaryDirectory(prefix="dragoman-tenants-") as folder:
        for number, (kind, where) in enumerate(itertools.product(kinds, ("memory", "sqlite"))):
            store = "memory://" if where == "memory" else f"sqlite:///{Path(folder) / kind.__name__}.db"
            heard, serial, caches = Told(), itertools.count(), kind(store)

            def answer(chat: ChatRequest, serial: Any = serial) -> Any:
                return says(str(next(serial)))

            with Server(default=calls(answer)) as server:
                _both_faces(server, caches, count, 100 * number, heard)
            for cache in caches.values():
                cache.close()
            name = f"{kind.__name__}, {where}"
            figures[name] = dict(heard.counts)
            problems += [f"{name}: {line}" for line in heard.crossed[:5]]
            if not heard.counts["again"]:
                problems.append(f"{name}: nothing was found in the cache")
    return {"questions_each": count, "answers": figures, "problems": problems}
