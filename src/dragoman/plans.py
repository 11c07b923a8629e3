"""
The plans of a client: what is asked where, when one model is not enough.

Rule: what asks by a plan is loaded when a plan is used; a call without one passes through a single comparison.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

from dragoman.errors import ConfigError
from dragoman.policy.base import Context, Handler, Opened
from dragoman.policy.retry import Repeater
from dragoman.routes import Routes
from dragoman.secrets import Secret
from dragoman.types.requests import ChatRequest

if TYPE_CHECKING:
    from dragoman.policy.route.breaker import Breaker
    from dragoman.policy.route.health import Place, Watch
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.router import Router
    from dragoman.policy.route.way import Way, Ways

    NamedPlans = Mapping[str, str | Plan]
    """Plans by the names under which they may be asked for."""

    Breaking = Breaker | Literal["plans"] | None
    """When a target is left alone: always by these values, by the usual ones in plans of several targets, or never."""


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
