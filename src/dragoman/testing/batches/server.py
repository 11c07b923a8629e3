"""
Serves batch APIs on 127.0.0.1, in a thread and an event loop of its own.

Rule: every request can be stopped at, before it has done anything and after it has done everything: `hook` is called
at both, may kill who asks, and may have the connection cut by returning "cut".
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from dragoman.testing.batches.base import Api, Batch, Course, House

# A file may be as large as a provider takes it.
_LARGEST = 1 << 30


class Seen(NamedTuple):
    """One request: its number from 0, method and path, and what it was answered (0 before)."""

    number: int
    method: str
    path: str
    status: int = 0


Hook = Callable[[Literal["before", "after"], Seen], "Literal['cut'] | int | None"]
"""
Called around each request: "cut" breaks its connection, a number is the status to answer instead.
"""


class BatchServer:
    """
    Batch APIs over real HTTP.

    Args:
        api: The class of an API, or several.
        courses: How batches go, in the order in which they are created.
        default: How all others go.
        hook: Called before and after each request.
        lag: Seconds until a batch that was created is in the lists.

    Attributes:
        house: Files and batches.
        seen: All requests that were answered.
    """

    def __init__(
        self,
        api: type[Api] | tuple[type[Api], ...],
        *courses: Course,
        default: Course | None = None,
        hook: Hook | None = None,
        lag: float = 0.0,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dragoman-testing-batches-")
        self.house = House(Path(self._folder.name), courses, default or Course(), lag)
        self.seen: list[Seen] = []
        self.hook = hook
        self._apis = [made(self.house) for made in (api if isinstance(api, tuple) else (api,))]
        self._count = 0
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready, self._stopping = threading.Event(), asyncio.Event()

    @property
    def url(self) -> str:
        """The root, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def batches(self) -> list[Batch]:
        """All that were created, oldest first."""
        return list(self.house.batches.values())

    def count(self, method: str, ending: str = "") -> int:
        """How many requests of that method, to paths with that ending, were answered well."""
        return sum(1 for s in self.seen if s.method == method and s.path.endswith(ending) and s.status < 400)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="dragoman-testing-batches", daemon=True)
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._folder.cleanup()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._serve())

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._around], client_max_size=_LARGEST)
        for api in self._apis:
            app.add_routes(api.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._port = runner.addresses[0][1]
        self._ready.set()
        await self._stopping.wait()
        await runner.cleanup()

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        number, self._count = self._count, self._count + 1
        seen = Seen(number, request.method, request.path)
        if (instead := self._asked_hook("before", seen, request)) is not None:
            return instead
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.Response(status=error.status, text=error.text)
        seen = seen._replace(status=response.status)
        self.seen.append(seen)
        return self._asked_hook("after", seen, request) or response

    def _asked_hook(self, moment: Literal["before", "after"], seen: Seen, request: web.Request) -> web.Response | None:
        said = self.hook(moment, seen) if self.hook else None
        if said is None:
            return None
        if said == "cut":
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        return web.json_response({"error": {"message": "as the test wants it", "type": "as_asked"}}, status=said)
