"""
One coroutine for each kit, two ways to call it.

A kit asks many questions at once, so it is written for `AsyncClient`.  On the blocking face it runs in an event loop of
its own, in a thread that lives for the call, by a client made with the same arguments as the caller's: limits, budgets
and caches are shared.

Rule: a kit's coroutine takes `client` as a keyword, and gets an `AsyncClient` there.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from dragoman.client import AsyncClient, Client
from dragoman.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")

AnyClient = Client | AsyncClient | None
"""Whose models are asked; None for a client with nothing but defaults."""


def blocking(core: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Call a kit and wait for it; Ctrl-C cancels it cleanly and is raised again."""

    @wraps(core)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        client: Any = kwargs.get("client")
        if isinstance(client, AsyncClient):
            raise ConfigError("client is an AsyncClient: await the function of dragoman.kits.aio", field="client")
        return _in_own_loop(lambda: _called(core, client, args, kwargs))

    return call


def awaited(core: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Await a kit, with a client of its own if none is given."""

    @wraps(core)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await _called(core, kwargs.get("client"), args, kwargs)

    return call


def asker(client: AnyClient) -> AsyncClient:
    """The client that a kit's coroutine was given."""
    if not isinstance(client, AsyncClient):
        raise ConfigError(f"client is {type(client).__name__}: give an AsyncClient", field="client")
    return client


async def _called(core: Callable[..., Coroutine[Any, Any, T]], client: Any, args: Any, kwargs: Any) -> T:
    async with _asking(client) as asking:
        return await core(*args, **{**kwargs, "client": asking})


@asynccontextmanager
async def _asking(client: Any) -> AsyncGenerator[AsyncClient]:
    if isinstance(client, AsyncClient):
        yield client
        return
    if client is not None and not isinstance(client, Client):
        raise ConfigError(f"client is {type(client).__name__}: give a Client", field="client")
    made = AsyncClient() if client is None else client._again(None)  # pyright: ignore[reportPrivateUsage] - as batch does
    async with made:
        yield made


def _in_own_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread of its own, because this one may have a loop that runs."""
    done: list[T] = []
    failed: list[BaseException] = []
    begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = []
    over = threading.Event()

    async def watched() -> T:
        task = asyncio.ensure_future(work())
        begun.append((asyncio.get_running_loop(), task))
        return await task

    def run() -> None:
        try:
            done.append(asyncio.run(watched()))
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            failed.append(error)
        finally:
            over.set()

    threading.Thread(target=run, name="dragoman-kit").start()
    try:
        over.wait()
    except KeyboardInterrupt:
        if begun and not over.is_set():
            loop, task = begun[0]
            loop.call_soon_threadsafe(task.cancel)
        over.wait()
        raise
    if failed:
        raise failed[0]
    return done[0]
