"""
The policies of a client, in their order.

    caller -> observers -> cache -> budget -> plan -> retry -> health -> key -> limit -> one request

Rule: this is the only place that knows the order.  Chat goes through the handlers that are made here; what is not chat
through the same policies, called by `plain`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from dragoman.call import Sender
from dragoman.errors import ConfigError
from dragoman.observe.watch import Watch
from dragoman.plain import Plain
from dragoman.plans import Plans
from dragoman.policy.base import Context, Handler, Middleware
from dragoman.policy.credentials import Credentials
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.headers import dialect_of
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Pacer, ProcessPacer
from dragoman.policy.limit.pacing import Pacing, Subject
from dragoman.policy.retry import Repeater, Retry
from dragoman.routes import Route, Routes
from dragoman.secrets import Secret
from dragoman.types.models import Model
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest, Settings

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.observe.base import Observer
    from dragoman.plans import Breaking, NamedPlans
    from dragoman.policy.budget.budget import Budget
    from dragoman.policy.budget.budgeting import Budgeting
    from dragoman.policy.cache.cache import Cache
    from dragoman.policy.cache.caching import Caching
    from dragoman.transport.base import Transport

Limits = Mapping[str, Sequence[Limit]]
"""Limits that the user knows, by `provider` or `provider/model`; the closer one wins."""

# One for all clients of a process: they share what their credentials may do.
_PROCESS: Final = ProcessPacer()

# Who asks no network has no limits to keep.
_INSIDE: Final = ("sim", "local")


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """What a client was made with that decides how its calls go; the fields are arguments of `Client`, as given."""

    middleware: Sequence[Middleware]
    retry: Retry | None
    limit: str | None
    limits: Limits | None
    routes: NamedPlans | None
    breaker: Breaking
    budget: Budget | Sequence[Budget] | None
    cache: Cache | None
    observe: Iterable[Observer]

    def within(self, more: Budget | None) -> dict[str, Any]:
        """The same as arguments, with one more budget."""
        budgets = [*self.budget] if isinstance(self.budget, Sequence) else [self.budget] if self.budget else []
        return msgspec.structs.asdict(self) | {"budget": [*budgets, *([more] if more else [])] or None}


class Stack:
    """
    The policies of one client, put together.

    Args:
        policies: What the client was made with.
        routes: All providers.
        transport: Finds what sends a request on its way.
        context: Makes the context of a call, from its `timeout=`.
        request: Makes a chat request of a verb's arguments.
        nearest: Puts something below the budget, or leaves the handler as it is.
        innermost: Likewise in the place of what makes one request.
        hedges: Whether the client's face can send two requests at once.

    Attributes:
        sender: Makes one chat request.
        plans: The client's plans.
        plain: The same policies for what is not chat; its `handler` is the whole stack.

    Raises:
        ConfigError: A policy that cannot work.
    """

    def __init__(
        self,
        policies: Policies,
        routes: Routes,
        *,
        transport: Callable[[Route], Transport],
        context: Callable[[float | None], Context],
        request: Callable[[str, Messages, Settings | None, Mapping[str, Any]], ChatRequest],
        nearest: Callable[[Handler], Handler],
        innermost: Callable[[Handler], Handler],
        hedges: bool,
    ) -> None:
        self.sender = Sender(routes.resolve, transport)
        repeater, paced = Repeater(policies.retry), pacing(routes, policies.limit, policies.limits)
        held, watch = budgeting(routes, policies.budget), Watch(policies.observe, routes.locate)
        self.plain = Plain(
            routes, self.sender, transport, context, request, repeater, paced, watch=watch, budgeting=held
        )
        sends = innermost(self.sender)
        paced_once: Handler = paced.wrap(sends) if paced else sends
        once = Credentials(routes.source_of).wrap(paced_once)
        self.plans = Plans(routes, repeater, once, policies.routes, policies.breaker, hedges=hedges)
        handler = nearest(self.plans.handler())
        if held is not None:
            handler = held.wrap(handler)
        if policies.cache is not None:
            handler = caching(policies.cache, routes, transport, self.plain).wrap(handler)
        handler = watch.wrap(handler)
        for wrap in reversed(policies.middleware):
            handler = wrap(handler)
        self.plain.handler = handler


class Subjects:
    """
    Finds the limit that a call falls under, for one client.

    Args:
        routes: All providers.
        limits: What the user knows.
    """

    def __init__(self, routes: Routes, limits: Limits) -> None:
        self._routes = routes
        self._limits = limits
        self._found: dict[tuple[str, Secret | None], Subject | None] = {}

    def __call__(self, ref: str, context: Context) -> Subject | None:
        """The subject of a call to `provider/model`; None where there is no limit."""
        asked = (ref, context.credential)
        try:
            return self._found[asked]
        except KeyError:
            found = self._found[asked] = self._subject(*asked)
            return found

    def _subject(self, ref: str, credential: Secret | None) -> Subject | None:
        name, _, model = ref.partition("/")
        if model or ":" in name:  # "provider:model"
            provider, model = self._routes.locate(ref)
        else:
            provider = self._routes.provider(self._routes.name_of(name))
        address = urlsplit(provider.base_url)
        if address.scheme in _INSIDE:
            return None
        key = credential or self._routes.key(provider)
        scope = ScopeKey(
            provider=provider.name,
            credential=key.fingerprint() if key else "",
            pool=model,
            region=address.netloc.rpartition("@")[2],
        )
        known = self._limits.get(f"{provider.name}/{model}", self._limits.get(provider.name, ()))
        return Subject(scope, dialect_of(provider.name), known)


def pacing(routes: Routes, limit: str | None, limits: Limits | None) -> Pacing | None:
    """
    Make what paces the calls of a client.

    Args:
        routes: All providers of the client.
        limit: Who shares limits: `process`; None for no pacing at all.
        limits: What the user knows of them.

    Raises:
        ConfigError: There is no such way to share, or a limit is no `Limit`.
    """
    if limit is None:
        return None
    return Pacing(_pacer(limit), Subjects(routes, _checked(routes, limits or {})))


def _pacer(limit: object) -> Pacer:
    if limit == "process":
        return _PROCESS
    if not isinstance(limit, str):
        raise ConfigError(f"limit is {limit!r}: give 'process', 'host', a URL, or None for no pacing", field="limit")
    from dragoman.limits.opening import open_pacer  # who does not share limits need not load it

    return open_pacer(limit)


def _checked(routes: Routes, limits: Limits) -> Limits:
    """The limits by the names that the rows have, each a tuple."""
    checked: dict[str, Sequence[Limit]] = {}
    for ref, known in limits.items():
        given = cast("tuple[object, ...]", tuple(known))
        for at, one in enumerate(given):
            if not isinstance(one, Limit):
                raise ConfigError(
                    f"limits[{ref!r}][{at}] is {one!r}: give dragoman.Limit(dimension=..., amount=...)", field="limits"
                )
        if "/" in ref or ":" in ref:
            provider, model = routes.locate(ref)
            checked[f"{provider.name}/{model}"] = tuple(known)
        else:
            checked[routes.name_of(ref)] = tuple(known)
    return checked


def budgeting(routes: Routes, budget: object) -> Budgeting | None:
    """
    Make what holds the calls of a client to its budgets; None for none.

    Raises:
        ConfigError: It is no budget.
    """
    if budget is None:
        return None
    from dragoman.policy.budget.budgeting import hold_to  # who has no budget need not load it
    from dragoman.policy.budget.estimate import Pricing

    def locate(ref: str) -> tuple[Provider, Model | None]:
        provider, model = routes.locate(ref)
        return provider, routes.facts(provider.name, model)

    return hold_to(budget, Pricing(locate))


def caching(cache: Cache, routes: Routes, transport: Callable[[Route], Transport], plain: Plain) -> Caching:
    """
    Make what answers the calls of a client from its cache.

    Raises:
        ConfigError: It is no `Cache`.
    """
    from dragoman.policy.cache.cache import Cache  # only who caches pays for it
    from dragoman.policy.cache.caching import Caching
    from dragoman.policy.cache.similar import Embedded
    from dragoman.verbs.embed import embed

    if not isinstance(cache, Cache):
        raise ConfigError(f"cache is {type(cache).__name__}: give dragoman.Cache(...)", field="cache")

    async def vector(ref: str, text: str, context: Context) -> Embedded:
        own = Context(context.runtime, context.clocks)
        made = await embed(plain, own, ref, text, dimensions=None, kind=None, extra=None)
        return Embedded(vector=made.vectors[0], cost=made.cost, attempts=made.attempts)

    # A replay needs no key: who has none is told so by the call itself, if it has to be made.
    return Caching(cache, Sender(routes.keyless, transport).prepare, routes.key, embed=vector)
