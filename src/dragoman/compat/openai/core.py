"""
What both faces do: a call's arguments in, objects out.

Rule: nothing is asked here but through the client, so every call is paced, retried, budgeted and measured as its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlencode

import msgspec

from dragoman import wire
from dragoman.bridge.chat import say
from dragoman.bridge.reply import Flow
from dragoman.client import AsyncClient, Client
from dragoman.compat.openai import parsing
from dragoman.compat.openai.answers import completion_of, stamped
from dragoman.compat.openai.asking import CHAT, EMBEDDINGS, RESPONSES, Options, encode, split
from dragoman.compat.openai.chat_types import (
    ChatCompletion,
    ChatCompletionChunk,
    CreateEmbeddingResponse,
    Model,
    ParsedChatCompletion,
)
from dragoman.compat.openai.errors import NotFoundError, both
from dragoman.compat.openai.response_types import ParsedResponse, Response, ResponseStreamEvent
from dragoman.compat.openai.snapshots import ChatSnapshot, ResponseSnapshot
from dragoman.compat.openai.streams import Pieces
from dragoman.errors import ConfigError, DragomanError, UnknownModelError
from dragoman.exact import Exact
from dragoman.plain import Plain
from dragoman.policy.base import Context, Opened
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.verbs.embed import embed
from dragoman.verbs.listing import models
from dragoman.wire.embeddings import CODECS

Json = dict[str, Any]

_CHAT: Final = "openai-chat"
_RESPONSES: Final = "openai-responses"

A = TypeVar("A")
T = TypeVar("T")


class Made(msgspec.Struct, frozen=True):
    """
    What came of a call.

    Attributes:
        value: An object, or the pieces of a stream.
        headers: Of the provider's answer, as far as there was one.
    """

    value: Any
    headers: Mapping[str, str]


class Core:
    """
    One compatible client.

    Args:
        client: Asks.
        row: Provider of a model that names none.
        alone: Whether every model belongs to it, whatever its name looks like.
        usual: Options of every call.
    """

    def __init__(self, client: Client | AsyncClient, row: str, *, alone: bool, usual: Options) -> None:
        self.client = client
        self.row = row
        self.alone = alone
        self.usual = usual
        self._plain = client._plain  # pyright: ignore[reportPrivateUsage]

    # --- chat.completions ---------------------------------------------------------------------------------------------

    async def chat(self, arguments: Json) -> Made:
        """`chat.completions.create`."""
        return await _both(self._chat, arguments)

    async def _chat(self, arguments: Json) -> Made:
        body, options = split(arguments, CHAT, "create")
        call = self._call(_CHAT, body, options)
        if call.request.stream:
            return Made(await call.pieces(ChatCompletionChunk, "created"), call.context.headers)
        completion = await self._completion(call, ChatCompletion)
        return Made(completion, call.context.headers)

    async def parse_chat(self, arguments: Json) -> Made:
        """`chat.completions.parse`."""
        return await _both(self._parse_chat, arguments)

    async def _parse_chat(self, arguments: Json) -> Made:
        arguments, kind = parsing.typed_chat(arguments)
        body, options = split(arguments, CHAT - {"stream"}, "parse")
        call = self._call(_CHAT, body, options)
        completion = await self._completion(call, ParsedChatCompletion)
        for choice in completion.choices:
            parsing.complete(choice, completion, kind, body.get("tools") or ())
        return Made(completion, call.context.headers)

    async def stream_chat(self, arguments: Json) -> tuple[Made, ChatSnapshot]:
        """The pieces of `chat.completions.stream`, and what makes its events."""
        arguments, kind = parsing.typed_chat(arguments)
        made = await self.chat({**arguments, "stream": True})
        return made, ChatSnapshot(kind, arguments.get("tools") or ())

    async def _completion(self, call: _Call, shape: type[ChatCompletion]) -> ChatCompletion:
        """A whole answer, with as many choices as were asked for."""
        responses = [await call.response()]
        missing = (call.request.n or 1) - 1 - len(responses[0].alternatives)
        if missing > 0:  # who answers knows no `n`: it is asked that often
            again = [partial(self._once_more, call) for _ in range(missing)]
            responses += await call.context.runtime.gather(again, limit=missing)
        fields = completion_of(responses, int(call.context.runtime.wall()))
        return stamped(shape(fields), responses[0])

    async def _once_more(self, call: _Call) -> ChatResponse:
        other = self._call(_CHAT, {**call.body, "n": None}, call.options)
        return await other.response()

    # --- responses ----------------------------------------------------------------------------------------------------

    async def respond(self, arguments: Json) -> Made:
        """`responses.create`."""
        return await _both(self._respond, arguments)

    async def _respond(self, arguments: Json, shape: type[Response] = Response) -> Made:
        body, options = split(arguments, RESPONSES, "create")
        call = self._call(_RESPONSES, body, options)
        if call.request.stream:
            return Made(await call.pieces(ResponseStreamEvent, "created_at"), call.context.headers)
        response = await call.response()
        fields = await call.fields(response)
        if not fields.get("created_at"):
            fields["created_at"] = call.context.runtime.wall()
        return Made(stamped(shape(fields), response), call.context.headers)

    async def parse_response(self, arguments: Json) -> Made:
        """`responses.parse`."""
        return await _both(self._parse_response, arguments)

    async def _parse_response(self, arguments: Json) -> Made:
        arguments, kind = parsing.typed_response(arguments)
        made = await self._respond(arguments, ParsedResponse)
        parsing.items(made.value, kind, arguments.get("tools") or ())
        return made

    async def stream_response(self, arguments: Json) -> tuple[Made, ResponseSnapshot]:
        """The pieces of `responses.stream`, and what makes its events."""
        arguments, kind = parsing.typed_response(arguments)
        made = await self.respond({**arguments, "stream": True})
        return made, ResponseSnapshot(kind, arguments.get("tools") or ())

    # --- the rest -----------------------------------------------------------------------------------------------------

    async def embed(self, arguments: Json) -> Made:
        """`embeddings.create`."""
        return await _both(self._embed, arguments)

    async def _embed(self, arguments: Json) -> Made:
        body, options = split(arguments, EMBEDDINGS, "create")
        codec = CODECS["openai"]
        # A base64 text is asked for by those who decode it themselves.
        asked = codec.decode_request(encode({"encoding_format": "float", **body}), path="/v1/embeddings")
        context = self._plain.context(None)
        options.apply(context, self.usual)
        model = self._reference(asked.model)
        answer = await embed(
            self._plain, context, model, asked.inputs, dimensions=asked.dimensions, kind=None, extra=asked.extra
        )
        fields = msgspec.json.decode(codec.encode_response(answer, asked))
        return Made(stamped(CreateEmbeddingResponse(fields), answer), context.headers)

    async def models(self) -> list[Model]:
        """`models.list`."""
        return await _both(self._models, None)

    async def _models(self, _: None) -> list[Model]:
        context = self._plain.context(None)
        self.usual.apply(context, self.usual)
        cards = await models(self._plain, context, self.row)
        return [
            Model(
                id=card.id,
                created=int(card.created.timestamp()) if card.created else 0,
                object="model",
                owned_by=card.owned_by or card.provider,
            )
            for card in cards
        ]

    async def model(self, name: str) -> Model:
        """
        `models.retrieve`.

        Raises:
            NotFoundError: The provider does not list it.
        """
        for model in await self.models():
            if model.id == name:
                return model
        error = both(UnknownModelError(f"{self.row} does not list a model {name!r}", provider=self.row))
        assert isinstance(error, NotFoundError)  # by its status
        raise error

    # --- how it is asked ----------------------------------------------------------------------------------------------

    def _reference(self, model: str) -> str:
        """`provider/model`, or the name of a plan."""
        if self.alone:
            return f"{self.row}/{model}"
        if model in self._plain.routes.plans:
            return model
        try:
            self._plain.routes.names(model)
        except UnknownModelError:
            return f"{self.row}/{model}"
        return model

    def _call(self, dialect: str, body: Json, options: Options) -> _Call:
        request = wire.get(dialect).decode_request(encode(body))
        directed = request.directed(model=self._reference(request.model))
        asked, context = self.client._begun(directed, None)  # pyright: ignore[reportPrivateUsage]
        options.apply(context, self.usual)
        if context.plan is None:
            self._as_written(asked, context, dialect, body, options)
        elif options.query:
            raise _no_query()
        return _Call(self._plain, asked, context, dialect, body, options)

    def _as_written(self, request: ChatRequest, context: Context, dialect: str, body: Json, options: Options) -> None:
        """
        Send what was written, where the provider speaks Responses itself.

        What that dialect keeps with its vendor (answers to go on from, tools that the vendor runs) has no form in any
        other.
        """
        row, model = self._plain.routes.locate(request.model)
        if dialect != _RESPONSES or dialect not in (row.wire, *row.also):
            if options.query:
                raise _no_query()
            return
        http = wire.get(dialect).encode_request(request.directed(model=model), row)
        query = urlencode(options.query, doseq=True)
        more = f"{'&' if '?' in http.url else '?'}{query}" if query else ""
        written = msgspec.structs.replace(http, url=http.url + more, body=encode({**body, "model": model}))
        context.exact = Exact(request, written, dialect)


def _no_query() -> ConfigError:
    return ConfigError(
        "extra_query goes with responses of a provider that speaks that dialect only: give the query in the "
        "provider's row, quirks={'query': ...}",
        field="extra_query",
    )


class _Call:
    """One question on its way."""

    def __init__(
        self, plain: Plain, request: ChatRequest, context: Context, dialect: str, body: Json, options: Options
    ) -> None:
        self.request = request
        self.context = context
        self.body = body
        self.options = options
        self._plain = plain
        self._dialect = dialect
        self._opened: Opened | None = None

    async def response(self) -> ChatResponse:
        """The whole answer."""
        self._opened = opened = await self._plain.answered(self.request, self.context)
        if opened.response is None:
            while await opened.more():
                pass
        return opened.folded()

    async def fields(self, response: ChatResponse) -> Json:
        """The same as the dialect writes it."""
        assert self._opened is not None  # it has answered
        if self._opened.response is None:
            return cast("Json", msgspec.json.decode(wire.get(self._dialect).encode_response(response)))
        reply = await say(self._opened, self.request, self._dialect, self.context)
        return cast("Json", msgspec.json.decode(await reply.flow.read()))

    async def pieces(self, shape: Any, stamp: str) -> Pieces:
        """A stream."""
        opened = await self._plain.answered(self.request, self.context)
        reply = await say(opened, self.request, self._dialect, self.context, errors_in_band=False)
        flow: Flow = reply.flow
        return Pieces(flow, shape, {stamp: int(self.context.runtime.wall())})


async def _both(work: Callable[[A], Awaitable[T]], arguments: A) -> T:
    """Do what may fail, with openai's errors."""
    try:
        return await work(arguments)
    except DragomanError as error:
        raise both(error) from error.__cause__
