"""
The verbs as the openai library names them, on both faces.

Rule: here stand names, and nothing else; what a verb does is a coroutine of `core` that both faces share.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, overload

import msgspec

from dragoman.compat.openai.chat_types import (
    ChatCompletion,
    ChatCompletionChunk,
    CreateEmbeddingResponse,
    ParsedChatCompletion,
)
from dragoman.compat.openai.core import Core, Made
from dragoman.compat.openai.helpers import AsyncHelperStream, AsyncManager, HelperStream, Manager
from dragoman.compat.openai.response_types import ParsedResponse, Response, ResponseStreamEvent
from dragoman.compat.openai.streams import AsyncStream, Pieces, Stream
from dragoman.runtime import drive

_REQUEST_IDS: Final = ("x-request-id", "request-id", "apim-request-id", "x-goog-request-id")


class RawResponse(msgspec.Struct, frozen=True):
    """
    What `with_raw_response` gives.

    Attributes:
        headers: Of the provider's answer, names in lower case.
        status_code: HTTP status.
    """

    _value: Any
    headers: Mapping[str, str]
    status_code: int = 200

    @property
    def request_id(self) -> str | None:
        """The provider's id of the request."""
        return next((self.headers[name] for name in _REQUEST_IDS if name in self.headers), None)

    def parse(self) -> Any:
        """The object, or the stream."""
        return self._value


def _given(made: Made) -> Any:
    return Stream[Any](made.value) if isinstance(made.value, Pieces) else made.value


def _given_async(made: Made) -> Any:
    return AsyncStream[Any](made.value) if isinstance(made.value, Pieces) else made.value


class _Raw:
    """`resource.with_raw_response`: the same verbs, each with its headers."""

    def __init__(self, **verbs: Callable[[dict[str, Any]], Any]) -> None:
        self._verbs = verbs

    def __getattr__(self, name: str) -> Callable[..., RawResponse]:
        if name not in self._verbs:
            raise AttributeError(f"no {name!r} here")

        def call(**arguments: Any) -> RawResponse:
            made = drive(self._verbs[name](arguments))
            return RawResponse(_given(made), made.headers)

        return call


class _AsyncRaw:
    """The same on the asynchronous face."""

    def __init__(self, **verbs: Callable[[dict[str, Any]], Any]) -> None:
        self._verbs = verbs

    def __getattr__(self, name: str) -> Callable[..., Awaitable[RawResponse]]:
        if name not in self._verbs:
            raise AttributeError(f"no {name!r} here")

        async def call(**arguments: Any) -> RawResponse:
            made = await self._verbs[name](arguments)
            return RawResponse(_given_async(made), made.headers)

        return call


# --- chat.completions -------------------------------------------------------------------------------------------------


class Completions:
    """`client.chat.completions`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.with_raw_response = _Raw(create=core.chat, parse=core.parse_chat)

    @overload
    def create(self, *, stream: Literal[True], **arguments: Any) -> Stream[ChatCompletionChunk]: ...
    @overload
    def create(self, *, stream: Literal[False] | None = None, **arguments: Any) -> ChatCompletion: ...
    def create(self, **arguments: Any) -> Any:
        """Ask; the arguments are those of OpenAI's API."""
        return _given(drive(self._core.chat(arguments)))

    def parse(self, **arguments: Any) -> ParsedChatCompletion:
        """Ask for an answer of a type, `response_format=`; it is in `choices[0].message.parsed`."""
        parsed: ParsedChatCompletion = drive(self._core.parse_chat(arguments)).value
        return parsed

    def stream(self, **arguments: Any) -> Manager:
        """Return a context manager that opens a stream of `content.delta`, `content.done`... events."""

        def opening() -> HelperStream:
            made, snapshot = drive(self._core.stream_chat(arguments))
            return HelperStream(made.value, snapshot)

        return Manager(opening)


class AsyncCompletions:
    """The same on the asynchronous face."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.with_raw_response = _AsyncRaw(create=core.chat, parse=core.parse_chat)

    @overload
    async def create(self, *, stream: Literal[True], **arguments: Any) -> AsyncStream[ChatCompletionChunk]: ...
    @overload
    async def create(self, *, stream: Literal[False] | None = None, **arguments: Any) -> ChatCompletion: ...
    async def create(self, **arguments: Any) -> Any:
        """Ask; the arguments are those of OpenAI's API."""
        return _given_async(await self._core.chat(arguments))

    async def parse(self, **arguments: Any) -> ParsedChatCompletion:
        """Ask for an answer of a type; see `Completions.parse`."""
        parsed: ParsedChatCompletion = (await self._core.parse_chat(arguments)).value
        return parsed

    def stream(self, **arguments: Any) -> AsyncManager:
        """Return a context manager that opens a stream; see `Completions.stream`."""

        async def opening() -> AsyncHelperStream:
            made, snapshot = await self._core.stream_chat(arguments)
            return AsyncHelperStream(made.value, snapshot)

        return AsyncManager(opening)


class Chat:
    """`client.chat`."""

    def __init__(self, core: Core) -> None:
        self.completions = Completions(core)


class AsyncChat:
    """The same on the asynchronous face."""

    def __init__(self, core: Core) -> None:
        self.completions = AsyncCompletions(core)


class Beta:
    """`client.beta`, where older programs find `chat`."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat


class AsyncBeta:
    """The same on the asynchronous face."""

    def __init__(self, chat: AsyncChat) -> None:
        self.chat = chat


# --- responses --------------------------------------------------------------------------------------------------------


class Responses:
    """`client.responses`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.with_raw_response = _Raw(create=core.respond, parse=core.parse_response)

    @overload
    def create(self, *, stream: Literal[True], **arguments: Any) -> Stream[ResponseStreamEvent]: ...
    @overload
    def create(self, *, stream: Literal[False] | None = None, **arguments: Any) -> Response: ...
    def create(self, **arguments: Any) -> Any:
        """Ask; the arguments are those of OpenAI's API."""
        return _given(drive(self._core.respond(arguments)))

    def parse(self, **arguments: Any) -> ParsedResponse:
        """Ask for an answer of a type, `text_format=`; it is in `output_parsed`."""
        parsed: ParsedResponse = drive(self._core.parse_response(arguments)).value
        return parsed

    def stream(self, **arguments: Any) -> Manager:
        """Return a context manager that opens a stream of events with snapshots."""

        def opening() -> HelperStream:
            made, snapshot = drive(self._core.stream_response(arguments))
            return HelperStream(made.value, snapshot)

        return Manager(opening)


class AsyncResponses:
    """The same on the asynchronous face."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.with_raw_response = _AsyncRaw(create=core.respond, parse=core.parse_response)

    @overload
    async def create(self, *, stream: Literal[True], **arguments: Any) -> AsyncStream[ResponseStreamEvent]: ...
    @overload
    async def create(self, *, stream: Literal[False] | None = None, **arguments: Any) -> Response: ...
    async def create(self, **arguments: Any) -> Any:
        """Ask; the arguments are those of OpenAI's API."""
        return _given_async(await self._core.respond(arguments))

    async def parse(self, **arguments: Any) -> ParsedResponse:
        """Ask for an answer of a type; see `Responses.parse`."""
        parsed: ParsedResponse = (await self._core.parse_response(arguments)).value
        return parsed

    def stream(self, **arguments: Any) -> AsyncManager:
        """Return a context manager that opens a stream of events with snapshots."""

        async def opening() -> AsyncHelperStream:
            made, snapshot = await self._core.stream_response(arguments)
            return AsyncHelperStream(made.value, snapshot)

        return AsyncManager(opening)


# --- embeddings -----------------------------------------------------------------------------------------------


class Embeddings:
    """`client.embeddings`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.with_raw_response = _Raw(create=core.embed)

    def create(self, **arguments: Any) -> CreateEmbeddingResponse:
        """Turn texts into vectors; the arguments are those of OpenAI's API."""
        made: CreateEmbeddingResponse = drive(self._core.embed(arguments)).value
        return made


class AsyncEmbeddings:
    """The same on the asynchronous face."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.with_raw_response = _AsyncRaw(create=core.embed)

    async def create(self, **arguments: Any) -> CreateEmbeddingResponse:
        """Turn texts into vectors; see `Embeddings.create`."""
        made: CreateEmbeddingResponse = (await self._core.embed(arguments)).value
        return made
