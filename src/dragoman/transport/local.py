"""
Models in this process: a transport that asks llama.cpp, through xllamacpp (the extra `local`).

A request to `local://models/chat/completions` is given to the model that it names, and the events of llama.cpp's own
chat endpoint come back as the bytes that its HTTP server would send; no socket is involved.  Where the answer is
computed and how models stay in memory is in `local_models`.

Rule: the answer is always asked for as a stream, because only between two pieces can llama.cpp be stopped; and while it
reads the prompt it reports its progress, so that it can be stopped there too.

Source: llama.cpp, tools/server/README.md (`return_progress`, error format); xllamacpp 2026.10.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from dragoman.errors import BadRequestError, DragomanError, NotFoundError, StatusError
from dragoman.transport.base import Clockout, Disconnected
from dragoman.transport.local_models import Model, find, loaded
from dragoman.transport.local_source import parse_source
from dragoman.types.http import HttpRequest

_EVENTS: Final = {"content-type": "text/event-stream"}
_JSON: Final = {"content-type": "application/json"}
_ERROR: Final = b'{"error":'
# No text that a model writes can look like this: inside of a JSON string the quotes are escaped.
_PROGRESS: Final = b'"prompt_progress":{'


class Bell(Protocol):
    """Wakes the one who waits; how depends on the face."""

    def ring(self) -> None:
        """Wake the waiting one, or have the next wait end at once.  From any thread, never waits."""
        ...

    async def wait(self, until: float | None) -> None:
        """
        Wait for the bell.

        Raises:
            Clockout: `until` passed.
        """
        ...


class ThreadBell:
    """
    Waits by blocking the thread.

    A bare lock and no `Event`: a collected stream rings it from any place, also while the same thread rings it.
    """

    def __init__(self) -> None:
        self._silent = threading.Lock()  # held until the bell rings
        self._silent.acquire()

    def ring(self) -> None:
        with suppress(RuntimeError):  # it has rung, and nobody has waited since
            self._silent.release()

    async def wait(self, until: float | None) -> None:
        if not self._silent.acquire(timeout=-1 if until is None else max(0.0, until - monotonic())):
            raise Clockout(sent=True)


class TaskBell:
    """Waits by suspending the task."""

    def __init__(self) -> None:
        import asyncio  # only who awaits pays for it

        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, until: float | None) -> None:
        import asyncio

        try:
            async with asyncio.timeout(None if until is None else max(0.0, until - monotonic())):
                await self._rung.wait()
        except TimeoutError as error:
            raise Clockout(sent=True) from error
        self._rung.clear()


class Run:
    """
    One request: a model's thread writes what comes of it, and whoever asked reads it.

    Attributes:
        left: Whether nobody reads it any more.
    """

    def __init__(self, body: bytes, bell: Bell, *, hide_progress: bool) -> None:
        self.left = False
        self._body = body
        self._bell = bell
        self._hide = hide_progress
        self._chunks: deque[bytes] = deque()
        self._error: DragomanError | None = None
        self._ended = False
        self._process = os.getpid()

    def perform(self, model: Model) -> None:
        """Have the model answer; in its thread."""
        try:
            model.server().handle_chat_completions(self._body, self._take)
        except DragomanError as error:
            self._error = error
        except (ValueError, RuntimeError) as error:  # what C++ throws: requests that it cannot read
            self._take(_error(400, str(error)))
        finally:
            self._ended = True
            self._bell.ring()

    def _take(self, chunk: bytes) -> bool:
        """One piece has come.  True has llama.cpp stop."""
        if not (self._hide and _PROGRESS in chunk):
            self._chunks.append(chunk)
            self._bell.ring()
        return self.left

    async def next(self, until: float | None) -> list[bytes]:
        """
        Return the pieces that are there, as soon as one is; none at the end.

        Raises:
            Clockout: `until` passed.
            Disconnected: It was aborted, or belongs to the process that this one was forked from.
            ConfigError: The model cannot be loaded.
        """
        self._check()
        while not self._chunks and not self._ended:
            await self._bell.wait(until)
            self._check()
        if self._error is not None:
            raise self._error
        return [self._chunks.popleft() for _ in range(len(self._chunks))]

    def abort(self) -> None:
        """Stop it.  Idempotent, from any thread."""
        self.left = True
        if self._process == os.getpid():
            self._bell.ring()

    def _check(self) -> None:
        if self.left:
            raise Disconnected("the answer was left", answered=True)
        if self._process != os.getpid():
            raise Disconnected("the answer is computed in the process that this one was forked from", answered=True)


class LocalExchange:
    """One answer; see `transport.base.Exchange`."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, run: Run | None = None) -> None:
        self.status = status
        self.headers = headers
        self._body = body
        self._run = run

    async def read(self, until: float | None) -> bytes:
        """All events that are there, as soon as one is."""
        if self._body or self._run is None:
            body, self._body = self._body, b""
            return body
        return _events(await self._run.next(until))

    def release(self) -> None:
        """What may still come is not read."""
        self.abort()

    def abort(self) -> None:
        """Have the model stop: after the piece, or the part of the prompt, that it is at."""
        if self._run is not None:
            self._run.abort()


class LocalTransport:
    """
    Answers requests to `local://...` in this process; see `transport.base.Transport`.

    Models belong to the process, not to the transport: closing one frees nothing that others use.

    Args:
        suspends: Whether waits suspend (the async face) or block.
    """

    def __init__(self, *, suspends: bool) -> None:
        self._bell: type[TaskBell | ThreadBell] = TaskBell if suspends else ThreadBell

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> LocalExchange:
        """
        Have a model answer, and return when its first piece is there.  Loading it counts as waiting for that.

        Raises:
            ConfigError: No such file, or it or xllamacpp cannot be used; `.field` names what.
            Clockout: `until` passed.
        """
        path = urlsplit(request.url).path
        if (request.method, path) == ("GET", "/models"):
            return _list()
        try:
            if (request.method, path) != ("POST", "/chat/completions"):
                raise NotFoundError(f"local models answer no {request.method} {path}", status=404)
            asked = _decode(request.body)
        except StatusError as error:
            return _refusal(_error(error.status or 400, error.message))
        return await self._ask(asked, until)

    async def _ask(self, asked: dict[str, Any], until: float | None) -> LocalExchange:
        source = parse_source(asked["model"])
        body = asked | {"stream": True, "return_progress": True}
        body["stream_options"] = {"include_usage": True} | (asked.get("stream_options") or {})
        run = Run(msgspec.json.encode(body), self._bell(), hide_progress=not asked.get("return_progress"))
        find(source).submit(run)
        try:
            first = await run.next(until)
        except BaseException:
            run.abort()
            raise
        if first and first[0].startswith(_ERROR):
            return _refusal(first[0])
        return LocalExchange(200, _EVENTS, _events(first), run)

    def close(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""


def _decode(body: bytes) -> dict[str, Any]:
    try:
        asked = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise BadRequestError(f"the request is no JSON object: {error}", status=400) from error
    if not isinstance(asked.get("model"), str):
        raise BadRequestError("the request names no model", status=400)
    return asked


def _list() -> LocalExchange:
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "local"} for name in loaded()]
    return LocalExchange(200, _JSON, msgspec.json.encode({"object": "list", "data": rows}))


def _error(status: int, message: str) -> bytes:
    """An error as llama.cpp writes it, with the status as its code."""
    return msgspec.json.encode({"error": {"code": status, "message": message}})


def _refusal(error: bytes) -> LocalExchange:
    fields: dict[str, Any] = msgspec.json.decode(error)["error"]
    status: Any = fields.pop("code", None)
    if fields.get("type") == "exceed_context_size_error":
        fields["message"] = f"{fields.get('message')}, with ?ctx=... after the model's name"
    return LocalExchange(
        status if isinstance(status, int) and 400 <= status < 600 else 500,
        _JSON,
        msgspec.json.encode({"error": fields}),
    )


def _events(chunks: list[bytes]) -> bytes:
    return b"".join(b"data: " + chunk + b"\n\n" for chunk in chunks)
