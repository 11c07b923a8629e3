"""
Vectors for texts, however many there are.

A list longer than the provider takes at once goes out as several requests, in order: one after another on the blocking
face, some at a time on the other.

Rule: what was paid for is not lost in silence.  When a request fails, no further one is begun, those under way are
waited for, and the error says how many texts have their vectors, and holds these.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final, cast, get_args

import msgspec

from dragoman.catalog.cost import cost, is_free
from dragoman.errors import ConfigError, DragomanError, UnsupportedError, WireError
from dragoman.plain import Plain
from dragoman.policy.base import Context
from dragoman.routes import Route
from dragoman.tokens import estimate
from dragoman.types.attempts import Attempt
from dragoman.types.embeddings import EmbedRequest, EmbedResponse, InputKind, Vector
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.jsonable import checked_object
from dragoman.types.usage import Usage
from dragoman.wire.embeddings import Codec, codec_for

# Requests of one call that are under way at once, on the asynchronous face.
_AT_ONCE: Final = 8

# How much of a provider's limit of tokens a request may fill by our estimate, which can be short by a fifth.
FILLED: Final = 0.75


async def embed(
    plain: Plain,
    context: Context,
    model: str,
    inputs: str | Iterable[str],
    *,
    dimensions: int | None,
    kind: InputKind | None,
    extra: Mapping[str, Any] | None,
) -> EmbedResponse:
    """Ask for vectors; see `Client.embed`."""
    once = partial(_embed, plain, context, model, inputs, dimensions=dimensions, kind=kind, extra=extra)
    return await plain.watch.plain(once, "embeddings", model, context)


async def _embed(
    plain: Plain,
    context: Context,
    model: str,
    inputs: str | Iterable[str],
    *,
    dimensions: int | None,
    kind: InputKind | None,
    extra: Mapping[str, Any] | None,
) -> EmbedResponse:
    texts = _texts(inputs)
    _check(dimensions, kind)
    checked = checked_object(extra, "extra") if extra is not None else None
    route = plain.routes.resolve(model)
    codec, quirks = codec_for(route.provider), route.provider.quirks
    asked = EmbedRequest(
        model=route.model,
        inputs=texts,
        dimensions=dimensions,
        kind=kind,
        encoding="base64" if codec.has_base64 and quirks.embed_base64 else "float",
        extra=checked,
    )
    call = _Call(plain, route, context, codec, asked)
    spans = list(spans_of(texts, quirks.embed_limit or codec.limit, codec.token_limit))
    call.notice(call.request(spans[0]))
    await context.runtime.gather([partial(call.send, span) for span in spans], limit=_AT_ONCE)
    return call.response(len(spans))


def spans_of(texts: Sequence[str], limit: int, token_limit: int | None) -> Iterator[slice]:
    """
    Cut a list of texts into what one request may hold.

    Args:
        texts: All of them.
        limit: Most texts in one request.
        token_limit: Most tokens of all its texts together, or None for no limit.  A text that is longer goes alone.

    >>> list(spans_of(["a", "b", "c"], 2, None))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    most = token_limit * FILLED if token_limit is not None else None
    start, tokens = 0, 0
    for at, text in enumerate(texts):
        more = estimate(text) if most is not None else 0
        if at > start and (at - start == limit or (most is not None and tokens + more > most)):
            yield slice(start, at)
            start, tokens = at, 0
        tokens += more
    yield slice(start, len(texts))


class _Call:
    """One call for vectors: its requests, and what has come of them."""

    def __init__(self, plain: Plain, route: Route, context: Context, codec: Codec, asked: EmbedRequest) -> None:
        self._plain = plain
        self._route = route
        self._context = context
        self._codec = codec
        self._asked = asked
        self._vectors: list[Vector | None] = [None] * len(asked.inputs)
        self._answers: dict[int, EmbedResponse] = {}  # by the place of their first text
        self._ledgers: dict[int, list[Attempt]] = {}  # likewise
        self._failure: DragomanError | None = None

    def request(self, span: slice) -> HttpRequest:
        """The request for some of the texts, without its credential."""
        some = msgspec.structs.replace(self._asked, inputs=self._asked.inputs[span])
        return self._codec.encode_request(some, self._route.provider)

    def notice(self, request: HttpRequest) -> None:
        """
        Take over what the encoder noticed.

        Raises:
            UnsupportedError: Something would have to be adapted, and the context is strict.
        """
        notices, route = [*self._route.notices, *request.notices], self._route
        changed = next((notice for notice in notices if notice.adapted), None)
        if changed is not None and self._context.strict:
            raise UnsupportedError(
                f"{changed} (strict=True)", provider=route.provider.name, model=route.model, field=changed.field
            )
        self._context.notices.extend(notices)

    async def send(self, span: slice) -> None:
        """Ask for the vectors of some of the texts, unless a request has failed."""
        if self._failure is not None:
            return
        own = Context(self._context.runtime, self._context.clocks)  # each request is sent again by itself
        own.extra_headers = self._context.extra_headers
        chars = sum(map(len, self._asked.inputs[span]))
        self._ledgers[span.start] = own.attempts
        read = partial(self._read, count=span.stop - span.start)
        once = partial(self._plain.ask, self._route, self.request(span), own, read, chars)
        try:
            answer = await self._affordable(once, span, own)
        except DragomanError as error:
            self._failure = self._failure or error
        else:
            self._answers[span.start] = answer
            self._vectors[span] = answer.vectors

    async def _affordable(
        self, once: Callable[[], Awaitable[EmbedResponse]], span: slice, own: Context
    ) -> EmbedResponse:
        """Do what makes one request, if the client's budgets have room for it."""
        budgeting, route = self._plain.budgeting, self._route
        if budgeting is None:
            return await once()
        answer = await budgeting.texts(once, f"{route.provider.name}/{route.model}", self._asked.inputs[span], own)
        self._context.notices += (notice for notice in own.notices if notice not in self._context.notices)
        return answer

    def _read(self, raw: RawResponse, count: int) -> EmbedResponse:
        answer = self._codec.decode_response(raw.status, raw.headers, raw.body, self._route.provider)
        if len(answer.vectors) != count:
            raise WireError(f"{count} texts were sent and {len(answer.vectors)} vectors came", status=raw.status)
        return msgspec.structs.replace(answer, cost=price(answer.usage, self._route))

    def response(self, requests: int) -> EmbedResponse:
        """
        All vectors, in order.

        Raises:
            DragomanError: A request failed.
        """
        if self._failure is not None:
            raise self._failed(self._failure, requests)
        answers = [self._answers[start] for start in sorted(self._answers)]
        return EmbedResponse(
            vectors=tuple(cast("list[Vector]", self._vectors)),
            usage=answers[0].usage if requests == 1 else _sum(answer.usage for answer in answers),
            cost=_sum_of_costs(answers),
            model=answers[0].model or self._route.model,
            provider=self._route.provider.name,
            request_id=answers[0].request_id,
            notices=tuple(self._context.notices),
            attempts=self._attempts(),
        )

    def _attempts(self) -> tuple[Attempt, ...]:
        """All requests, by the place of their texts."""
        return tuple(attempt for start in sorted(self._ledgers) for attempt in self._ledgers[start])

    def _failed(self, error: DragomanError, requests: int) -> DragomanError:
        """The error of the first request that failed, with what the others gave."""
        error.attempts = self._attempts()
        if requests > 1:
            done = sum(vector is not None for vector in self._vectors)
            error.embedded = tuple(self._vectors)
            error.message += (
                f" ({len(self._answers)} of {requests} requests were done: {done} of {len(self._vectors)} texts have "
                "their vectors, in error.embedded)"
            )
            error.args = (error.message,)
        return error


def price(usage: Usage, route: Route) -> Decimal | None:
    """What one request for vectors cost, in US dollars; None if that is not known."""
    if is_free(route.provider, route.facts):
        return Decimal(0)
    bill = cost(msgspec.structs.replace(usage, output_tokens=0), route.facts) if route.facts else None
    return bill.total if bill else None


def _sum(usages: Iterable[Usage]) -> Usage:
    """What several requests used; None where one of them did not say."""
    each = list(usages)
    return Usage(
        input_tokens=_all(usage.input_tokens for usage in each),
        output_tokens=_all(usage.output_tokens for usage in each),
    )


def _sum_of_costs(answers: Iterable[EmbedResponse]) -> Decimal | None:
    """What several requests cost; None where that of one is not known."""
    each = [answer.cost for answer in answers]
    return None if None in each else sum((cost or Decimal(0) for cost in each), Decimal(0))


def _all(numbers: Iterable[int | None]) -> int | None:
    known = list(numbers)
    return None if None in known else sum(number or 0 for number in known)


# --- what the caller gave ---------------------------------------------------------------------------------------------

# They can be iterated, and what comes out is no text that was meant.
_NO_LISTS: Final[tuple[type[Any], ...]] = (bytes, bytearray, Mapping)


def _texts(inputs: object) -> tuple[str, ...]:
    if isinstance(inputs, str):
        return (_text(inputs, "inputs"),)
    kind = type(inputs).__name__
    if isinstance(inputs, _NO_LISTS) or not isinstance(inputs, Iterable):
        raise ConfigError(f"inputs is {kind}: give a text, or a list of texts", field="inputs")
    given = cast("Iterable[object]", inputs)
    texts = tuple(_text(text, f"inputs[{i}]") for i, text in enumerate(given))
    if not texts:
        raise ConfigError("inputs is empty: give one text or more", field="inputs")
    return texts


def _text(text: object, field: str) -> str:
    if not isinstance(text, str):
        raise ConfigError(f"{field} is {type(text).__name__}: give a text", field=field)
    if not text:
        raise ConfigError(f"{field} is empty: an empty text has no vector; leave it out", field=field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{field} holds half a surrogate pair: it is no valid text", field=field) from error
    return text


def _check(dimensions: object, kind: object) -> None:
    if dimensions is not None and (not isinstance(dimensions, int) or isinstance(dimensions, bool) or dimensions < 1):
        raise ConfigError(f"dimensions is {dimensions!r}: give a whole number, 1 or more", field="dimensions")
    if kind is not None and kind not in get_args(InputKind):
        raise ConfigError(f"kind is {kind!r}: there are {', '.join(get_args(InputKind))}", field="kind")
