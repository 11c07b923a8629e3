"""
The process of a worker.

It reads rows from the socket that is its standard input, and ends when that ends, whatever its driver died of.  Ctrl-C
is for the driver to understand.

Rule: nothing of the user's program is imported here but what a pickle names.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import platform
import signal
import socket
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from dragoman._version import __version__
from dragoman.batch.afar.asker import BEAT, Asker
from dragoman.batch.afar.carrying import About, code_of, python_of
from dragoman.batch.processes import errands
from dragoman.batch.processes.errands import Exchange, Failure, Question
from dragoman.batch.processes.frames import Frames, Say
from dragoman.errors import ConfigError, DragomanError
from dragoman.policy.base import Context
from dragoman.policy.deadline import Clocks
from dragoman.runtime import AsyncRuntime
from dragoman.secrets import Secret
from dragoman.transport.base import Clockout, Disconnected, Transport
from dragoman.types.timeouts import Timeouts

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

# Seconds that others may still come with the first outcome: a frame costs as much for one as for many.
_GATHER: Final = 0.003
# Seconds for closing connections.
_GOODBYE: Final = 2.0
# New objects after which Python looks for cycles.  There are hardly any, and the usual 700 are those of a few requests.
_OBJECTS: Final = 20_000


class Worker(Asker):
    """The worker: its end of the socket, and what it asks by."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()
        self.frames = Frames(self._take, self.over.set)
        self._runtime = AsyncRuntime()
        self._client: AsyncClient | None = None
        self._network: Transport | None = None
        self._timeouts = Timeouts()
        self._flushing = False
        self._said = False

    async def serve(self) -> None:
        """Say who it is, and work until nobody is there any more."""
        about = About(__version__, code_of(), python_of(), platform.node(), os.getpid())
        self.frames.send(Say.ABOUT, msgspec.msgpack.encode(about))
        parent = os.getppid()
        while not self.over.is_set() and os.getppid() == parent:
            self._said = False
            try:
                async with asyncio.timeout(BEAT):
                    await self.over.wait()
            except TimeoutError:
                if not self._said:
                    self.frames.send(Say.TOLD, errands.pack_outcomes([]))
        self._end()
        with suppress(TimeoutError):  # what is left goes with the process
            async with asyncio.timeout(_GOODBYE):
                if self._client is not None and self._network is not None:
                    await self._client.aclose()
                    await self._network.aclose()

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == Say.TAKE:
            self._begin(errands.unpack_rows(payload))
        elif kind == Say.DROP:
            self._forget(errands.unpack_numbers(payload))
        elif kind == Say.OPEN:
            self._open(payload)
        else:
            self.over.set()

    def _open(self, arguments: bytes) -> None:
        from dragoman.client import AsyncClient  # a worker that is refused need not load it

        try:
            self._client = AsyncClient(**pickle.loads(arguments), retry=None, limit=None, breaker=None)
            self._timeouts = self._client._timeouts  # pyright: ignore[reportPrivateUsage] - half of one client
            # Loads the HTTP library: requests that have waited for their turn would wait for it again, and go together.
            self._network = self._client._network()  # pyright: ignore[reportPrivateUsage]
        except (DragomanError, ImportError, AttributeError, TypeError) as error:
            self.frames.send(Say.OPENED, f"{type(error).__name__}: {error}".encode("utf-8", "replace"))
            return
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS, 20, 50)
        self.frames.send(Say.OPENED)

    def _something(self) -> None:
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_later(_GATHER, self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self._said = True
        self.frames.send(Say.TOLD, errands.pack_outcomes(self._told()))
        if self._done:
            self._something()

    # --- one request --------------------------------------------------------------------------------------------------

    async def _answer(self, data: bytes) -> bytes:
        errand = errands.unpack_errand(data)
        assert self._client is not None  # it is open before it is handed anything
        assert self._network is not None
        if isinstance(errand, Question):
            return await self._chat(self._client, errand)
        return await self._exchange(self._network, errand)

    async def _chat(self, client: AsyncClient, question: Question) -> bytes:
        context = Context(self._runtime, self._clocks(question), strict=client._strict)  # pyright: ignore[reportPrivateUsage]
        context.key, context.extra_headers = question.key, question.headers
        context.waited, context.paced = question.waited, question.paced
        if question.credential is not None:
            context.credential = _secret(question.credential)
        try:
            opened = await client._sender(question.request, context)  # pyright: ignore[reportPrivateUsage]
        except DragomanError as error:
            return _failed(Failure(error, dict(context.headers), tuple(context.notices)))
        return errands.pack_reply(opened.folded(), dict(context.headers), tuple(context.notices))

    def _clocks(self, question: Question) -> Clocks:
        if question.total is None or question.until is None:
            return Clocks(self._timeouts, 0.0)
        return Clocks(msgspec.structs.replace(self._timeouts, total=question.total), question.until - question.total)

    async def _exchange(self, network: Transport, errand: Exchange) -> bytes:
        try:
            exchange = await network.open(errand.request, connect_until=errand.connect_until, until=errand.until)
            try:
                pieces = list[bytes]()
                while piece := await exchange.read(errand.until):
                    pieces.append(piece)
            except BaseException:
                exchange.abort()
                raise
            exchange.release()
        except Clockout as error:
            return _failed(Failure(clockout=error.sent))
        except Disconnected as error:
            return _failed(Failure(disconnected=(error.reason, error.answered, error.reused)))
        except DragomanError as error:
            return _failed(Failure(error))
        return errands.pack_body(exchange.status, exchange.headers, b"".join(pieces))


def _failed(failure: Failure) -> bytes:
    return errands.pack_failure(failure)


@lru_cache(64)
def _secret(text: str) -> Secret:
    return Secret(text)


async def _work(connection: socket.socket) -> None:
    worker = Worker()
    await asyncio.get_running_loop().connect_accepted_socket(lambda: worker.frames, connection)
    await worker.serve()
    os._exit(0)  # nothing is kept here, and a thread that looks up a name would be waited for


def main() -> NoReturn:
    """Work until the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    asyncio.run(_work(connection))
    raise ConfigError("a worker ended that should not", field="workers")
