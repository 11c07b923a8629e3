"""
The two faces: `Client` blocks, `AsyncClient` awaits.

Both hold the same core and differ in nothing but their transport, their runtime and the word `await`.  A client may be
used from any number of threads and event loops, and after `fork`.  Making one opens nothing; keys are looked for when
a call needs them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.policy.base import Context, Handler, Middleware, Opened
from dragoman.policy.deadline import Clocks
from dragoman.policy.retry import Retry
from dragoman.redact import redact_headers
from dragoman.routes import ModelOverrides, ProviderOverrides, Route, Routes
from dragoman.runtime import AsyncRuntime, BlockingRuntime, Runtime, drive
from dragoman.secrets import veiled
from dragoman.stack import Limits, Policies, Stack
from dragoman.stream import AsyncStream, Stream
from dragoman.transport.base import Transport
from dragoman.transport.dump import dumped
from dragoman.transport.tls_value import TLS, check_tls
from dragoman.transport.wrapping import wrapped
from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest, Settings, SettingsDict, check_names, settings_of
from dragoman.types.responses import ChatResponse
from dragoman.types.timeouts import Timeouts, check_seconds
from dragoman.verbs.batch import AsyncBatches, BlockingBatches
from dragoman.verbs.faces import AsyncVerbs, BlockingVerbs
from dragoman.verbs.parsing import Asking, AsyncParsing, BlockingParsing
from dragoman.verbs.run import AsyncRuns, BlockingRuns
from dragoman.verbs.talking import AsyncTalks, BlockingTalks
from dragoman.verbs.write import AsyncWriting, BlockingWriting
from dragoman.wire.openai_chat import parse_messages

if TYPE_CHECKING:
    from dragoman.observe.base import Observer
    from dragoman.plans import Breaking, NamedPlans
    from dragoman.policy.budget.budget import Budget
    from dragoman.policy.cache.cache import Cache
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.way import Way

Messages = str | Message | Mapping[str, Any] | Sequence["Message | Mapping[str, Any]"]
"""A text, one message, or several: `Message` values or OpenAI-style dicts."""


_RETRY = Retry()


class _Core(Asking):
    """What both faces do, as coroutines."""

    runtime: Runtime

    def __init__(
        self,
        *,
        providers: ProviderOverrides | None = None,
        models: ModelOverrides | None = None,
        timeouts: Timeouts | None = None,
        defaults: Settings | None = None,
        middleware: Iterable[Middleware] = (),
        retry: Retry | None = _RETRY,
        limit: str | None = "process",
        limits: Limits | None = None,
        routes: NamedPlans | None = None,
        breaker: Breaking = "plans",
        budget: Budget | Sequence[Budget] | None = None,
        cache: Cache | None = None,
        observe: Iterable[Observer] = (),
        proxy: str | Mapping[str, str] | None = None,
        tls: TLS | None = None,
        strict: bool = False,
    ) -> None:
        """
        Args:
            providers: Name to the fields of its row that differ (`base_url`, `api_key`, `wire`, `headers`...), or to a
                whole `Provider`.  A name that is not known is a new provider.
            models: Reference to what is known of that model (a `Model`, or its fields), over what the catalogue says.
            timeouts: The four clocks, in seconds; all on by default.
            defaults: Settings for every call; a call's own win.
            middleware: Wrapped around the request, the first outermost.
            retry: When a request is sent again; None for never.
            limit: With whom this client shares the limits of its providers, which it learns from their answers and
                keeps: `process` for all clients of this process; None to send at once whatever comes.
            limits: Limits that are known beforehand, by `provider` or `provider/model`.
            routes: Plans by the names under which they may be asked for: `{"fast": Fallback("a/x", "b/y")}`.
            breaker: When a target that failed too often is left alone for a while: in plans of several targets, by the
                usual values; everywhere, by those of a `Breaker`; never, for None.
            budget: What calls may cost together; of several, all must have room.
            cache: Answers that were given before are given again from it; None asks each time.
            observe: Who looks at the calls: `Prometheus()`, `OpenTelemetry()`, `LogStore()`...
            proxy: URL of the proxy for every request, or one for each scheme (`{"https": ..., "no": "10.0.0.0/8"}`);
                `""` for none; by default the standard variables decide.
            tls: Whom to trust and who to be: `TLS(ca="corp.pem")`; by default the system's authorities.
            strict: Raise `UnsupportedError` instead of adapting what a model or dialect cannot carry.

        Raises:
            ConfigError: A value that cannot work; `.field` names it.
        """
        self._timeouts = timeouts or Timeouts()
        self._defaults = defaults.values() if defaults else {}
        self._strict = strict
        self._proxy, self._tls = proxy, check_tls(tls)
        providers = veiled(providers or {})  # before anything can fail: tracebacks may be shown with variables

        policies = Policies(
            middleware=tuple(middleware),
            retry=retry,
            limit=limit,
            limits=limits,
            routes=routes,
            breaker=breaker,
            budget=budget,
            cache=cache,
            observe=observe,
        )
        self._again = partial(
            _again,
            policies,
            providers=providers,
            models=models,
            timeouts=msgspec.structs.replace(self._timeouts, total=None),
            defaults=defaults,
            proxy=proxy,
            tls=tls,
            strict=strict,
        )
        self._routes = Routes(providers, models=models)
        self._transports: dict[str, Transport] = {}
        self._closed = False
        stack = Stack(
            policies,
            self._routes,
            transport=self._transport,
            context=self._plain_context,
            request=self._request,
            nearest=self._nearest,
            innermost=self._innermost,
            hedges=self.runtime.suspends,
        )
        self._sender, self._plans, self._plain = stack.sender, stack.plans, stack.plain

    @property
    def providers(self) -> Mapping[str, Provider]:
        """All rows that this client knows, by name."""
        return self._routes.providers

    def resolve(self, ref: str) -> tuple[Provider, str]:
        """
        Find what a model reference means, without a key and without the network.

        Raises:
            UnknownModelError: It names no provider that is known; the message lists near matches.
        """
        return self._routes.locate(ref)

    def prepare(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> HttpRequest:
        """
        Return the HTTP request that a call would send, its credentials masked.  Nothing is sent.

        Of a plan, it is the request to its first target.

        Raises:
            ConfigError: As the call itself would.
        """
        return self._prepared(*self._asked(model, messages, settings, keywords))

    def prepare_request(self, request: ChatRequest) -> HttpRequest:
        """Like `prepare`, for a ready request."""
        return self._prepared(request)

    def _prepared(self, request: ChatRequest, way: Way | None = None) -> HttpRequest:
        request, context = self._begun(request, way)
        if context.plan is not None:
            context.credential = cast("Way", context.plan).stops[0].key
        route, encoded = self._sender.prepare(request, context)
        headers = redact_headers(route.preview(encoded).headers)
        return msgspec.structs.replace(encoded, headers=headers, notices=tuple(context.notices))

    async def _send(self, request: ChatRequest, way: Way | None = None) -> ChatResponse:
        if request.output is not None and request.output.type is not None:
            return await self._typed(request, way)
        return await self._whole(request, way)

    async def _whole(self, request: ChatRequest, way: Way | None = None) -> ChatResponse:
        opened = await self._answered(request.directed(stream=False), way)
        if opened.response is None:
            while await opened.more():
                pass
        return opened.folded()

    async def _open(self, request: ChatRequest, way: Way | None = None) -> Opened:
        return await self._answered(request.directed(stream=True), way)

    def _begun(self, request: ChatRequest, way: Way | None) -> tuple[ChatRequest, Context]:
        """The context of a call; one that is asked by a plan names the plan's first model."""
        context = self._context(request)
        if way is None and self._plans.named:
            way = self._plans.named.get(request.model)
        if way is not None:
            request = request.directed(model=way.first)
            context.plan = way
        return request, context

    async def _answered(self, request: ChatRequest, way: Way | None) -> Opened:
        """Have the request handled; a call that fails before it has an answer ends here."""
        return await self._plain.answered(*self._begun(request, way))

    def _asked(
        self, model: str | Plan, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
    ) -> tuple[ChatRequest, Way | None]:
        """The request that a verb's arguments say, and the plan by which it is asked."""
        if isinstance(model, str):
            return self._request(model, messages, settings, keywords), None
        way = self._plans.ready(model)
        return self._request(way.first, messages, settings, keywords), way

    def _request(
        self, model: str, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
    ) -> ChatRequest:
        if not isinstance(model, str):
            raise ConfigError(
                f"model is {type(model).__name__}: give 'provider/model' here; plans are for chat", field="model"
            )
        values = self._defaults
        if settings is not None:
            values = values | settings_of(settings).values()
        if keywords:
            check_names(keywords)
            values = values | {name: value for name, value in keywords.items() if value is not None}
        return ChatRequest(model, _as_messages(messages), **values)

    def _context(self, request: ChatRequest) -> Context:
        return self._plain_context(request.timeout)

    def _plain_context(self, timeout: float | None) -> Context:
        timeouts = self._timeouts
        if timeout is not None:
            check_seconds(timeout, "timeout")
            timeouts = msgspec.structs.replace(timeouts, total=timeout)
        return Context(self.runtime, Clocks(timeouts, self.runtime.now()), strict=self._strict)

    def _transport(self, route: Route) -> Transport:
        if self._closed:
            raise ConfigError("the client is closed: make a new one", field="client")
        scheme = route.provider.base_url.partition(":")[0]
        inside = _INSIDE.get(scheme)
        if inside is None:
            scheme = "http"
        transport = self._transports.get(scheme)
        if transport is None:
            made = dumped(inside(self.runtime) if inside else self._network(), os.environ)
            # setdefault is atomic: of two threads that both made one, both use the first.
            transport = self._transports.setdefault(scheme, made)
        return wrapped(transport, self.runtime)

    def _nearest(self, handler: Handler) -> Handler:
        """What stands below the budget; who has requests sent elsewhere puts that in its place."""
        return handler

    def _innermost(self, handler: Handler) -> Handler:
        """What makes one request; who has only that done elsewhere puts that in its place."""
        return handler

    if TYPE_CHECKING:

        def _network(self) -> Transport:
            """Make what asks the network; each face has its own."""
            ...


class Client(_Core, BlockingVerbs, BlockingRuns, BlockingParsing, BlockingWriting, BlockingTalks, BlockingBatches):
    """
    Asks any model, and blocks until the answer is there.

    >>> from dragoman import Client
    >>> Client().chat("sim/echo", "Hello").text
    'Hello'
    """

    runtime = BlockingRuntime()

    def chat(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """
        Ask, and return the whole answer.

        Args:
            model: `provider/model`, the name of a route, or a plan: `Fallback("a/x", "b/y")`.
            messages: A text, one message, or a list of messages or OpenAI-style dicts.
            settings: Reusable settings; the keywords win.
            **keywords: As `Settings` describes them.

        Raises:
            ConfigError: The call is wrong; nothing was sent.
            TransportError: The network failed, or a clock ran out.
            StatusError: The provider said no.
            WireError: What came is not the protocol.
        """
        return drive(self._send(*self._asked(model, messages, settings, keywords)))

    def stream(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> Stream:
        """Ask, and return a stream of events as soon as the first content is there.  Arguments and errors as `chat`."""
        request, way = self._asked(model, messages, settings, keywords)
        return Stream(drive(self._open(request, way)), request.output)

    def send(self, request: ChatRequest) -> ChatResponse:
        """Like `chat`, for a ready request."""
        return drive(self._send(request))

    def open(self, request: ChatRequest) -> Stream:
        """Like `stream`, for a ready request."""
        return Stream(drive(self._open(request)), request.output)

    def close(self) -> None:
        """Close every idle connection.  A stream that is still read goes on to its end.  Idempotent."""
        self._closed = True
        for transport in self._transports.values():
            transport.close()
        self._close_stores()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _network(self) -> Transport:
        from dragoman.transport.blocking import BlockingTransport  # 100 ms that `import dragoman` need not spend

        return BlockingTransport(proxy=self._proxy, environ=os.environ, tls=self._tls)


class AsyncClient(_Core, AsyncVerbs, AsyncRuns, AsyncParsing, AsyncWriting, AsyncTalks, AsyncBatches):
    """
    Asks any model, and awaits the answer.

    The verbs are those of `Client`.  `stream` and `open` are not awaited: they return an `AsyncStream`, which sends its
    request when it is entered or first read.
    """

    runtime = AsyncRuntime()

    async def chat(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """Ask, and return the whole answer.  Arguments and errors as `Client.chat`."""
        return await self._send(*self._asked(model, messages, settings, keywords))

    def stream(
        self,
        model: str | Plan,
        messages: Messages,
        *,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> AsyncStream:
        """Return a stream of events, which is opened when it is entered or first read."""
        request, way = self._asked(model, messages, settings, keywords)
        return AsyncStream(lambda: self._open(request, way), request.output)

    async def send(self, request: ChatRequest) -> ChatResponse:
        """Like `chat`, for a ready request."""
        return await self._send(request)

    def open(self, request: ChatRequest) -> AsyncStream:
        """Like `stream`, for a ready request."""
        return AsyncStream(lambda: self._open(request), request.output)

    async def aclose(self) -> None:
        """Close every idle connection.  Idempotent."""
        self._closed = True
        for transport in self._transports.values():
            await transport.aclose()
        await self._aclose_stores()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def _network(self) -> Transport:
        from dragoman.transport.aio import AsyncTransport  # 300 ms that `import dragoman` need not spend

        return AsyncTransport(proxy=self._proxy, environ=os.environ, tls=self._tls)


def _again(
    policies: Policies, more: Budget | None, kind: Callable[..., AsyncClient] | None = None, **given: Any
) -> AsyncClient:
    """One like this for the rows of a batch, which wait in line as long as it takes unless told otherwise."""
    return (kind or AsyncClient)(**given, **policies.within(more))


def _simulator(runtime: Runtime) -> Transport:
    from dragoman.transport.simulator import SimTransport  # only who simulates pays for the simulator

    return SimTransport()


def _local(runtime: Runtime) -> Transport:
    from dragoman.transport.local import LocalTransport  # only who has a model pays for it

    return LocalTransport(suspends=isinstance(runtime, AsyncRuntime))


# Transports that ask no network, by the scheme of the base URL.
_INSIDE: Final[dict[str, Callable[[Runtime], Transport]]] = {"sim": _simulator, "local": _local}


def _as_messages(messages: Messages) -> tuple[Message, ...]:
    if isinstance(messages, str):
        return (Message.user(messages),)
    if isinstance(messages, Message):
        return (messages,)
    if isinstance(messages, Mapping):
        return parse_messages([messages])
    return parse_messages(messages)
