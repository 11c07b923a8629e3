"""
A request of an SDK that is no chat request: vectors, files, batches, lists, sound.

It is paced, retried, measured and authorized until its status is known.  A body of JSON is read whole before it is
handed on; anything else (sound, files, streams of events) passes piece by piece.

Rule: what cannot be understood is passed on, never refused.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman import wire
from dragoman.bridge.asked import Asked
from dragoman.bridge.reply import Reply, Whole, passed, refused
from dragoman.call import authorized
from dragoman.errors import ConfigError, DragomanError, TransportError, WireError
from dragoman.exact import Kept
from dragoman.ledger import Entry
from dragoman.observe.base import Operation
from dragoman.plain import Plain
from dragoman.policy.base import Context
from dragoman.routes import Route
from dragoman.transfer import Transfer
from dragoman.types.embeddings import EmbedRequest, EmbedResponse
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.providers import Provider
from dragoman.verbs.embed import price
from dragoman.wire.embeddings import codec_of_path
from dragoman.wire.embeddings.codec import Codec
from dragoman.wire.refusal import check_status

_IN_PATH: Final = re.compile(r"/(?:models|tunedModels)/([^/:]+):")
_COUNTS: Final = re.compile(r"/count_tokens\Z|/input_tokens\Z|:countTokens\Z")


class _Subject(msgspec.Struct, frozen=True):
    """What a request is about, as far as it can be read."""

    operation: Operation = "raw"
    model: str = ""
    codec: Codec | None = None
    embed: EmbedRequest | None = None

    @property
    def chars(self) -> int:
        return sum(map(len, self.embed.inputs)) if self.embed else 0


class _Model(msgspec.Struct):
    model: str = ""


async def answer(plain: Plain, row: Provider | None, asked: Asked) -> Reply:
    """
    Have it answered.

    Args:
        plain: The client.
        row: Whose address it is; None for a stranger's, where nothing is added to the request.
        asked: The request.

    Raises:
        TransportError: The network failed, or a clock ran out.
        WireError: What came is not HTTP.
    """
    sending = _Sending(plain, asked, asked.context(plain))
    try:
        if row is None:
            await plain.again(partial(sending.once, _stranger(asked)), None, sending.context)
        else:
            await _policed(plain, row, sending)
    except (TransportError, WireError):
        raise
    except DragomanError as error:
        return refused(error, sending.kept, row.wire if row is not None else "openai-chat")
    assert sending.reply is not None  # it did not fail
    return sending.reply


async def _policed(plain: Plain, row: Provider, sending: _Sending) -> None:
    """Have a request to a provider answered, as the client's policies say."""
    subject, context = sending.subject, sending.context
    ref = f"{row.name}/{subject.model}"
    route = _route(plain, row, sending.asked, subject.model)
    once = partial(plain.again, partial(sending.once, route), route, context, subject.chars)
    if plain.budgeting is not None and subject.embed is not None:
        once = partial(plain.budgeting.texts, once, ref, subject.embed.inputs, context)
    await plain.watch.plain(once, subject.operation, ref, context)


def _route(plain: Plain, row: Provider, asked: Asked, model: str) -> Route:
    """
    The way to a provider; its key is looked for only if it is asked for.

    Raises:
        MissingKeyError: It is, and none was found.
    """
    if not asked.credential.asked:
        return Route(row, model, wire.get(row.wire), None, plain.routes.facts(row.name, model) if model else None)
    return plain.routes.resolve(f"{row.name}/{model}") if model else plain.routes.to_provider(row.name)


def _stranger(asked: Asked) -> Route:
    """
    The way to an address that is no provider's.

    Raises:
        ConfigError: The client's own key is asked for, and it belongs to somebody else.
    """
    parts = urlsplit(asked.url)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if asked.credential.asked:
        raise ConfigError(
            f"no provider of this client is at {origin}, so there is no key for it: give the SDK the base_url of one, "
            f"or the client a row, Client(providers={{'mine': {{'base_url': {origin!r}, 'api_key': ...}}}})",
            field="base_url",
        )
    return Route(Provider(name="other", base_url=origin, auth="none"), "", wire.get("openai-chat"), None)


class _Sending:
    """
    One call.

    Attributes:
        kept: The last answer that said no, or None.
        reply: The answer, once it is there.
    """

    def __init__(self, plain: Plain, asked: Asked, context: Context) -> None:
        self.asked = asked
        self.subject = _subject(asked)
        self.context = context
        self.kept: Kept | None = None
        self.reply: Reply | None = None
        self._plain = plain

    async def once(self, route: Route) -> EmbedResponse:
        """Make one request, and return what its answer tells of usage and cost."""
        context, self.kept = self.context, None
        ready = await self._ready(route)
        transfer = Transfer(context)
        entry = Entry(context, transfer, route.provider.name, route.model)
        try:
            await transfer.open(self._plain.transport(route), ready)
            told = await self._read(route, transfer, entry)
        except DragomanError as error:
            transfer.abort()
            entry.complete(error)
            raise
        except BaseException as error:
            transfer.abort()
            entry.cancelled(error)
            raise
        entry.write("ok")
        return told

    async def _ready(self, route: Route) -> HttpRequest:
        request, context = self.asked.request(), self.context
        more = {"idempotency-key": context.key} if request.method not in ("GET", "HEAD") else {}
        keyed = msgspec.structs.replace(request, headers={**request.headers, **more, **context.extra_headers})
        if not self.asked.credential.asked:
            return keyed
        return await authorized(route.keyed(context.credential), keyed, context)

    async def _read(self, route: Route, transfer: Transfer, entry: Entry) -> EmbedResponse:
        status, headers = transfer.status or 0, transfer.headers
        whole = status >= 300 or headers.get("content-type", "").startswith("application/json")
        if not whole:
            self.reply = passed(status, headers, _PassedFlow(transfer, entry))
            return EmbedResponse(vectors=())
        if status >= 300:
            self.kept = Kept(status, headers)
        body = await transfer.body()
        if self.kept is not None:
            self.kept.keep(body)
        raw = RawResponse(status=status, headers=headers, body=body)
        check_status(raw, route.provider)
        self.reply = passed(status, headers, Whole(body))
        return _told(raw, route, self.subject.codec)


class _PassedFlow:
    """A body that is handed on as it comes."""

    def __init__(self, transfer: Transfer, entry: Entry) -> None:
        self._transfer = transfer
        self._entry = entry
        self._ended = False
        transfer.progress(content=True)

    async def read(self) -> bytes:
        if self._ended:
            return b""
        try:
            piece = await self._transfer.read()
        except DragomanError as error:
            self.abandon()
            self._entry.complete(error)
            raise
        except BaseException as error:
            self.abandon()
            self._entry.cancelled(error)
            raise
        if piece:
            self._transfer.progress(content=True)
        else:
            self._ended = True
            self._transfer.release()
        return piece

    def abandon(self) -> None:
        if not self._ended:
            self._ended = True
            self._transfer.abort()


# --- what a request is about ------------------------------------------------------------------------------------------


def _subject(asked: Asked) -> _Subject:
    codec = codec_of_path(asked.path) if asked.method == "POST" else None
    if codec is not None:
        try:
            embed = codec.decode_request(asked.body, path=asked.path)
        except ConfigError:
            return _Subject("embeddings", _model(asked))
        return _Subject("embeddings", embed.model, codec, embed)
    if _COUNTS.search(asked.path):
        return _Subject("count_tokens", _model(asked))
    listed = asked.method == "GET" and asked.path.endswith("/models")
    return _Subject("models") if listed else _Subject("raw", _model(asked))


def _model(asked: Asked) -> str:
    """The model that a request names in its path or its body; empty if it names none."""
    found = _IN_PATH.search(asked.path)
    if found:
        return found[1]
    if not asked.headers.get("content-type", "").startswith("application/json"):
        return ""
    try:
        return msgspec.json.decode(asked.body, type=_Model).model
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _told(raw: RawResponse, route: Route, codec: Codec | None) -> EmbedResponse:
    """What an answer tells of usage and cost; of one that we cannot read, nothing: it is the SDK that reads it."""
    if codec is None:
        return EmbedResponse(vectors=())
    try:
        usage = codec.decode_response(raw.status, raw.headers, raw.body, route.provider).usage
    except WireError:
        return EmbedResponse(vectors=())
    return EmbedResponse(vectors=(), usage=usage, cost=price(usage, route))
