"""
The simulator: a transport that asks no network.

It takes the request's bytes, reads them with the server half of the OpenAI chat wire, lets a simulated model answer,
and gives the answer's bytes back.  So a call to `sim/...` runs through everything that a real call runs through.

Rule: what it answers is marked.  Every JSON object that it sends has `"simulated": true` at the top, and `"usage_unit":
"words"`, since it counts words and not a tokenizer's tokens.

Nothing here waits, so no coroutine suspends and both faces use it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from dragoman import wire
from dragoman.errors import BadRequestError, ConfigError, DragomanError, NotFoundError, StatusError
from dragoman.transport.simulated import MODELS, answer, tokens
from dragoman.transport.simulated_script import ScriptedAnswer, choose, read_script
from dragoman.types.events import Event, ReasoningDelta, TextDelta
from dragoman.types.fold import unfold
from dragoman.types.http import HttpRequest
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.status import status_error

_MARK: Final = b'{"simulated":true,"usage_unit":"words",'
_SCRIPT: Final = "script:"


class SimExchange:
    """One answer of the simulator; see `transport.base.Exchange`."""

    def __init__(self, status: int, headers: dict[str, str], pieces: Iterable[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._pieces = deque(pieces)

    async def read(self, until: float | None) -> bytes:
        """The next event, or the whole of a plain body; never waits."""
        return self._pieces.popleft() if self._pieces else b""

    def release(self) -> None:
        """There is no connection to keep."""
        self._pieces.clear()

    def abort(self) -> None:
        """Drop what was not read."""
        self._pieces.clear()


class SimTransport:
    """
    Answers requests to `sim://...` in this process; see `transport.base.Transport`.

    Each instance reads a script once, and remembers which of its answers it gave.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scripts: dict[str, tuple[ScriptedAnswer, ...]] = {}
        self._positions: dict[str, int] = {}

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> SimExchange:
        """
        Answer `request`.

        Raises:
            ConfigError: The file of a `script:` model cannot be used.
        """
        try:
            return self._answer(request)
        except StatusError as error:
            status, headers, body = wire.get("openai-chat").encode_error(error)
            return SimExchange(status, headers, [_marked(body)])

    def close(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""

    def _answer(self, request: HttpRequest) -> SimExchange:
        path = urlsplit(request.url).path
        if request.method == "GET" and path == "/models":
            return _model_list()
        if request.method != "POST" or path != "/chat/completions":
            raise NotFoundError(f"the simulator answers no {request.method} {path}", status=404)
        chat = _decode(request.body, path)
        response = answer(chat, self._scripted(chat))
        if not chat.stream:
            body = wire.get("openai-chat").encode_response(response)
            return SimExchange(200, {"content-type": "application/json"}, [_marked(body)])
        return SimExchange(200, {"content-type": "text/event-stream"}, _stream(response))

    def _scripted(self, chat: ChatRequest) -> ScriptedAnswer | None:
        if not chat.model.startswith(_SCRIPT):
            return None
        name = chat.model.removeprefix(_SCRIPT)
        prompt = next((message.text for message in reversed(chat.messages) if message.role == "user"), "")
        with self._lock:
            if name not in self._scripts:
                self._scripts[name] = read_script(name)
            found, self._positions[name] = choose(self._scripts[name], prompt, self._positions.get(name, 0))
        if found is None:
            raise BadRequestError(
                f"the script {name} has no more answers, and none that matches the prompt", status=400
            )
        if found.status is not None:
            raise _failure(found, found.status)
        return found


def _decode(body: bytes, path: str) -> ChatRequest:
    try:
        return wire.get("openai-chat").decode_request(body, path=path)
    except ConfigError as error:
        raise BadRequestError(error.message, status=400, code="invalid_request_error") from error


def _failure(said: ScriptedAnswer, status: int) -> DragomanError:
    error = status_error(status, {}, message=said.message or f"the script says {status}", code=said.code)
    error.retry_after = said.retry_after
    return error


def _model_list() -> SimExchange:
    rows = [{"id": name, "object": "model", "created": 0, "owned_by": "dragoman-simulator"} for name in MODELS]
    body = msgspec.json.encode({"object": "list", "data": rows})
    return SimExchange(200, {"content-type": "application/json"}, [_marked(body)])


# --- bytes ------------------------------------------------------------------------------------------------------------


def _stream(response: ChatResponse) -> Iterator[bytes]:
    encoder = wire.get("openai-chat").encoder()
    for event in unfold(response):
        for piece in _pieces(event):
            if data := encoder.feed(piece):
                yield _marked_frames(data)
    yield _marked_frames(encoder.close())


def _pieces(event: Event) -> Iterable[Event]:
    """A delta as the tokens in which a model writes it."""
    if isinstance(event, TextDelta | ReasoningDelta):
        kind: Any = type(event)
        return [kind(token) for token in tokens(event.text)]
    return (event,)


def _marked(body: bytes) -> bytes:
    return body.replace(b"{", _MARK, 1)


def _marked_frames(data: bytes) -> bytes:
    # JSON has no line break of its own, so a data line begins a JSON object wherever it begins so.
    return data.replace(b"data: {", b"data: " + _MARK)
