"""
A plan made ready: names are looked up, and every target is known to lead somewhere.

Rule: everything that is wrong with a plan is said when it is made ready, before anything is sent: an unknown provider,
a name that leads back to itself, a hedge on the face that cannot hedge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, cast

from dragoman.errors import ConfigError, DragomanError
from dragoman.policy.route.choice import Times
from dragoman.policy.route.plans import Balance, Fallback, Hedge, Plan, Target, as_plan
from dragoman.secrets.secret import Secret

_KEPT: Final = 256  # plans that a client remembers beside its named ones


class Stop:
    """
    One target of a ready plan.

    Attributes:
        model: `provider/model`.
        key: The key to use instead of the provider's own, or None.
        label: How it is called in messages.
        weight: Its share.
    """

    __slots__ = ("key", "label", "model", "weight")

    def __init__(self, target: Target) -> None:
        self.model = target.model
        self.key = cast("Secret | None", target.api_key)
        self.label = target.model
        self.weight = target.weight


class Node:
    """
    One plan of a ready plan.

    Attributes:
        plan: A `Fallback`, a `Balance` or a `Hedge`.
        ways: What it may ask, in the plan's order.
        stops: All targets below it.
        weight: Its share.
        times: For a hedge, what its calls took.
    """

    __slots__ = ("plan", "stops", "times", "ways", "weight")

    def __init__(self, plan: Fallback | Balance | Hedge, ways: tuple[Stop | Node, ...]) -> None:
        self.plan = plan
        self.ways = ways
        self.stops: tuple[Stop, ...] = tuple(stop for way in ways for stop in stops_of(way))
        self.weight = 1.0
        self.times = Times()


class Way:
    """
    A whole plan, ready to be asked by.

    Attributes:
        root: Where it begins.
        stops: All targets.
        first: `provider/model` of the first.
    """

    __slots__ = ("first", "root", "stops")

    def __init__(self, root: Stop | Node) -> None:
        self.root = root
        self.stops = stops_of(root)
        self.first = self.stops[0].model
        counts = Counter(stop.model for stop in self.stops)
        seen = Counter[str]()
        for stop in self.stops:
            seen[stop.model] += 1
            if counts[stop.model] > 1:
                stop.label = f"{stop.model} #{seen[stop.model]}"

    @property
    def models(self) -> tuple[str, ...]:
        """`provider/model` of each target that may answer, in the plan's order."""
        return tuple(stop.model for stop in self.stops)

    @property
    def several(self) -> bool:
        """Whether there is more than one target."""
        return len(self.stops) > 1


def stops_of(way: Stop | Node) -> tuple[Stop, ...]:
    """All targets of a part of a plan."""
    return (way,) if isinstance(way, Stop) else way.stops


class Ways:
    """
    The plans of one client: its named ones, and those that came with a call.

    Args:
        routes: Name to plan.
        check: Raises for a model reference that names no provider.
        hedges: Whether the client's face can hedge.

    Attributes:
        named: The ready plans by name.

    Raises:
        ConfigError: A plan that cannot work; `.field` names the place.
    """

    def __init__(self, routes: Mapping[str, object], check: Callable[[str], object], *, hedges: bool) -> None:
        self._check = check
        self._hedges = hedges
        self._plans = {_name(name): as_plan(plan, _field(name)) for name, plan in routes.items()}
        self._ready: dict[Plan, Way] = {}
        self.named = {name: Way(self._walk(plan, _field(name), (name,))) for name, plan in self._plans.items()}

    def ready(self, plan: object) -> Way:
        """
        Make a plan ready that came with a call.

        Raises:
            ConfigError: As above.
        """
        known = as_plan(plan, "model")
        way = self._ready.get(known)
        if way is None:
            way = Way(self._walk(known, "model", ()))
            if len(self._ready) >= _KEPT:
                self._ready.pop(next(iter(self._ready)), None)
            self._ready[known] = way
        return way

    def _walk(self, plan: Plan, field: str, names: tuple[str, ...]) -> Stop | Node:
        if isinstance(plan, Target):
            return self._target(plan, field, names)
        if isinstance(plan, Hedge):
            if not self._hedges:
                raise ConfigError(
                    "a Hedge sends two requests at once, and the blocking face does one thing at a time: "
                    "use AsyncClient, or leave the Hedge out",
                    field=field,
                )
            inner = self._walk(cast("Plan", plan.plan), f"{field}.plan", names)
            if isinstance(inner, Node) and _has_hedge(inner):
                raise ConfigError("a Hedge in a Hedge: raise most= instead", field=f"{field}.plan")
            return Node(plan, (inner,))
        return Node(plan, tuple(self._walk(one, f"{field}.targets[{i}]", names) for i, one in enumerate(plan.targets)))

    def _target(self, target: Target, field: str, names: tuple[str, ...]) -> Stop | Node:
        named = self._plans.get(target.model)
        if named is None:
            try:
                self._check(target.model)
            except DragomanError as error:
                error.field = field
                raise
            return Stop(target)
        if target.model in names:
            raise ConfigError(
                f"the route {target.model!r} leads back to itself: {' -> '.join((*names, target.model))}", field=field
            )
        if target.api_key is not None:
            raise ConfigError(f"{target.model!r} is a route: give the key to its targets", field=f"{field}.api_key")
        way = self._walk(named, field, (*names, target.model))
        way.weight = target.weight
        return way


def _has_hedge(node: Node) -> bool:
    return isinstance(node.plan, Hedge) or any(isinstance(way, Node) and _has_hedge(way) for way in node.ways)


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or "/" in name:
        raise ConfigError(f"the name of a route is {name!r}: give a word without '/'", field="routes")
    return name


def _field(name: str) -> str:
    return f"routes[{name!r}]"
