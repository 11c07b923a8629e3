"""
The policies of a client, in their order.

    caller -> observers -> cache -> budget -> plan -> retry -> health -> key -> limit -> one request

What asks by a plan is loaded when a plan is used; a call without one passes through a single comparison.

Rule: this is the only place that knows the order.  Chat goes through the handlers that are made here; what is not chat
through the same policies, called by `plain`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, cast
from urllib.parse import urlsplit

from dragoman.call import Sender
from dragoman.errors import ConfigError
from dragoman.policy.base import Context, Handler, Opened
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.headers import dialect_of
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Pacer, ProcessPacer
from dragoman.policy.limit.pacing import Pacing, Subject
from dragoman.policy.retry import Repeater
from dragoman.routes import Route, Routes
from dragoman.secrets import Secret
from dragoman.types.models import Model
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest

if TYPE_CHECKING:
    from dragoman.plain import Plain
    from dragoman.policy.budget.budgeting import Budgeting
    from dragoman.policy.cache.cache import Cache
    from dragoman.policy.cache.caching import Caching
    from dragoman.policy.route.breaker import Breaker
    from dragoman.policy.route.health import Place, Watch
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.router import Router
    from dragoman.policy.route.way import Way, Ways
    from dragoman.transport.base import Transport

    NamedPlans = Mapping[str, str | Plan]
    """Plans by the names under which they may be asked for."""

    Breaking = Breaker | Literal["plans"] | None
    """When a target is left alone: always by these values, by the usual ones in plans of several targets, or never."""

Limits = Mapping[str, Sequence[Limit]]
"""Limits that the user knows, by `provider` or `provider/model`; the closer one wins."""

# One for all clients of a process: they share what their credentials may do.
_PROCESS: Final = ProcessPacer()

# Who asks no network has no limits to keep.
_INSIDE: Final = ("sim", "local")


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


# --- plans ------------------------------------------------------------------------------------------------------------


class Plans:
    """
    The plans of one client, and the middleware that asks by them.

    Args:
        routes: All providers.
        repeater: The retry.
        once: Makes one request, in its turn.
        named: Plans by name.
        breaker: When a target is left alone.
        hedges: Whether the client's face can send two requests at once.

    Attributes:
        named: The named plans, ready.

    Raises:
        ConfigError: A plan that cannot work, or a breaker that is none.
    """

    def __init__(
        self,
        routes: Routes,
        repeater: Repeater,
        once: Handler,
        named: NamedPlans | None,
        breaker: Breaking,
        *,
        hedges: bool,
    ) -> None:
        self._routes = routes
        self._repeater = repeater
        self._once = once
        self._given = dict(named or {})
        self._breaker = breaker
        self._hedges = hedges
        self._made: dict[str, tuple[Ways, Router, Watch]] = {}
        _check_breaker(breaker)
        self.named: Mapping[str, Way] = self._parts()[0].named if named else {}
        routes.plans = frozenset(self._given)

    def ready(self, plan: object) -> Way:
        """
        Make a plan ready that came with a call.

        Raises:
            ConfigError: It cannot work.
        """
        return self._parts()[0].ready(plan)

    def handler(self) -> Handler:
        """What a call goes through, the plan outermost."""
        once = self._once
        if self._breaker is not None and self._breaker != "plans":
            once = self._parts()[2].wrap(once, breaks=True)
        handler = self._repeater.wrap(once)

        def handle(request: ChatRequest, context: Context) -> Awaitable[Opened]:
            plan = context.plan
            # Whoever set another model in front of this has taken the call off its plan.
            if plan is None or cast("Way", plan).first != request.model:
                return handler(request, context)
            return self._parts()[1].open(request, context)

        return handle

    def _parts(self) -> tuple[Ways, Router, Watch]:
        parts = self._made.get("all")
        # setdefault is atomic: of two threads that both made them, both use the first.
        return parts if parts is not None else self._made.setdefault("all", self._make())

    def _make(self) -> tuple[Ways, Router, Watch]:
        from dragoman.policy.route.breaker import Breaker  # who asks one model need not load this
        from dragoman.policy.route.health import Watch
        from dragoman.policy.route.router import Router
        from dragoman.policy.route.way import Ways

        ways = Ways(self._given, self._routes.names, hedges=self._hedges)
        always = isinstance(self._breaker, Breaker)
        watch = Watch(self._place, Breaker() if self._breaker == "plans" else cast("Breaker | None", self._breaker))
        watched = self._repeater.wrap(watch.wrap(self._once, breaks=self._breaker is not None))
        alone = watched if always else self._repeater.wrap(watch.wrap(self._once, breaks=False))
        return ways, Router(watched, alone, watch, self._repeater.attempts, self._begins), watch

    def _place(self, ref: str, key: Secret | None) -> Place:
        provider, model = self._routes.locate(ref)
        host = urlsplit(provider.base_url).netloc.rpartition("@")[2]
        return provider.name, model, host, key.fingerprint() if key else ""

    def _begins(self, ref: str) -> bool:
        """Whether a model is known to go on with an answer that was begun."""
        facts = self._routes.facts(*self._routes.names(ref))
        return facts is not None and facts.can("prefill") is True


def _check_breaker(breaker: object) -> None:
    if breaker is None or breaker == "plans":
        return
    from dragoman.policy.route.breaker import Breaker

    if not isinstance(breaker, Breaker):
        raise ConfigError(f"breaker is {breaker!r}: give Breaker(...), 'plans' or None", field="breaker")


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
