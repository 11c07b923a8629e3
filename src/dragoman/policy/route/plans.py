"""
Plans: which models may answer a call, and what makes the next one be asked.

    Fallback("openai/gpt-6", "anthropic/claude-haiku-5-5")                  one after another
    Balance(Target("openai/gpt-6", api_key=a), Target("openai/gpt-6", api_key=b))   one of them, by turns
    Hedge("openai/gpt-6", after=2.0)                                        a second request where the first is slow

A plan stands wherever a model is asked for, and plans nest.  They are values: checked when they are made, compared by
what they hold, and without any state; what is learned of their targets is the client's.

Rule: a plan that cannot work fails where it is written, and the error names the place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, cast

import msgspec
from msgspec.structs import force_setattr

from dragoman.errors import (
    AuthenticationError,
    CircuitOpenError,
    ConfigError,
    ContextLengthError,
    DeadlineError,
    DragomanError,
    MissingKeyError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
    TransportError,
    WireError,
)
from dragoman.secrets.secret import Secret, check_key, check_secret

_USUAL: Final[tuple[type[DragomanError], ...]] = (
    RateLimitError,
    OverloadedError,
    ServerError,
    QuotaError,
    AuthenticationError,
    PermissionDeniedError,
    NotFoundError,
    ContextLengthError,
    TransportError,
    WireError,
    MissingKeyError,
    DeadlineError,
    CircuitOpenError,
)

_PATIENCE: Final = 5.0  # seconds


class Target(msgspec.Struct, frozen=True):
    """
    One model, asked with one key.

    Attributes:
        model: `provider/model`, or the name of one of the client's `routes`.
        api_key: The key to use instead of the provider's own; held as a `Secret`.
        weight: Its share in a `Balance`, against the weights of the others; 0 is asked only where all others failed.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.
    """

    model: str
    api_key: Secret | str | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model.strip():
            raise ConfigError("a target's model is 'provider/model', or the name of a route", field="model")
        _check_number("weight", self.weight, low=0.0)
        if self.api_key is not None:
            force_setattr(self, "api_key", _secret(self.api_key, self.model))


if TYPE_CHECKING:
    from msgspec import StructMeta as _ByPosition
else:

    class _ByPosition(msgspec.StructMeta):
        """Lets a plan be written with its targets one by one; a Struct cannot have an `__init__` of its own."""

        def __call__(cls, *targets: Any, **options: Any) -> Any:
            return super().__call__(targets, **options)


class _Several(msgspec.Struct, frozen=True, metaclass=_ByPosition):
    """What both plans of several targets have in common."""

    targets: tuple[Plan, ...]

    def __post_init__(self) -> None:
        if not self.targets:
            raise ConfigError(f"a {type(self).__name__} needs at least one target", field="targets")
        named = tuple(as_plan(target, f"targets[{i}]") for i, target in enumerate(self.targets))
        force_setattr(self, "targets", named)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        values = msgspec.structs.asdict(self)
        return _made, (type(self), values.pop("targets"), values)


def _made(kind: Callable[..., Any], targets: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    return kind(*targets, **options)


class Fallback(_Several, frozen=True):
    """
    Ask one after another until one answers.

    Attributes:
        targets: Models, `Target`s or plans, in order.
        on: Classes of errors that make the next target be asked; `Fallback.USUAL` where it is None, and every status
            that the provider calls retryable.  To widen: `on=(*Fallback.USUAL, ContentFilterError)`.
        recover: Let another target go on where a streamed text broke off; see the documentation of routing.
        patience: Seconds that a call waits at one target, for its turn in the line of its limit or for another attempt,
            as long as there is another target to ask; None for as long as the call's deadline allows.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.

    >>> [target.model for target in Fallback("openai/gpt-6", "anthropic/claude-haiku-5-5").targets]
    ['openai/gpt-6', 'anthropic/claude-haiku-5-5']
    """

    USUAL: ClassVar[tuple[type[DragomanError], ...]] = _USUAL

    on: type[DragomanError] | tuple[type[DragomanError], ...] | None = None
    recover: bool = False
    patience: float | None = _PATIENCE

    if TYPE_CHECKING:

        def __init__(
            self,
            *targets: str | Plan,
            on: type[DragomanError] | tuple[type[DragomanError], ...] | None = None,
            recover: bool = False,
            patience: float | None = _PATIENCE,
        ) -> None: ...

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.on is not None:
            force_setattr(self, "on", _classes(self.on))
        if not isinstance(self.recover, bool):
            raise ConfigError(f"recover is {self.recover!r}: give True or False", field="recover")
        _check_patience(self.patience)


class Balance(_Several, frozen=True):
    """
    Ask one of several, and another where that one fails as it would make a `Fallback` go on.

    Attributes:
        targets: Models, `Target`s or plans.
        by: `weight` spreads the calls by the targets' weights; `latency` asks the quicker of two that are drawn, by
            what their first content took of late and how many calls they are busy with.
        patience: As for `Fallback`.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.
    """

    by: Literal["weight", "latency"] = "weight"
    patience: float | None = _PATIENCE

    if TYPE_CHECKING:

        def __init__(
            self,
            *targets: str | Plan,
            by: Literal["weight", "latency"] = "weight",
            patience: float | None = _PATIENCE,
        ) -> None: ...

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.by not in ("weight", "latency"):
            raise ConfigError(f"by is {self.by!r}: give 'weight' or 'latency'", field="by")
        _check_patience(self.patience)


class Hedge(msgspec.Struct, frozen=True):
    """
    Send a second request where the first is slow; the first content wins, and the other request is left.

    Only for `AsyncClient`: the blocking face does one thing at a time.  It costs what the requests that are left have
    used by then.

    Attributes:
        plan: A model, a `Target` or a plan.  Further requests go to targets of it that were not asked yet, if any.
        after: Seconds without content; None for what 95 of 100 of the client's latest calls by this plan took, once
            twenty are known.
        most: Requests at once, the first included.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.
    """

    plan: str | Plan
    after: float | None = None
    most: int = 2

    def __post_init__(self) -> None:
        inner = as_plan(self.plan, "plan")
        if _hedged(inner):
            raise ConfigError("a Hedge in a Hedge: raise most= instead", field="plan")
        force_setattr(self, "plan", inner)
        if self.after is not None:
            _check_number("after", self.after, low=0.0)
        if isinstance(self.most, bool) or not isinstance(self.most, int) or self.most < 2:
            raise ConfigError(f"most is {self.most!r}: give a whole number of 2 or more", field="most")


Plan = Target | Fallback | Balance | Hedge
"""What may stand in the place of a model."""


def as_plan(value: object, field: str) -> Plan:
    """
    A model's name as a target, or the plan that it is.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(value, str):
        return Target(value)
    if isinstance(value, Target | Fallback | Balance | Hedge):
        return value
    raise ConfigError(
        f"{field} is {type(value).__name__}: give 'provider/model', Target, Fallback, Balance or Hedge", field=field
    )


def _hedged(plan: Plan) -> bool:
    """Whether there is a hedge in it."""
    if isinstance(plan, Fallback | Balance):
        return any(_hedged(target) for target in plan.targets)
    return isinstance(plan, Hedge)


def _secret(key: object, model: str) -> Secret:
    provider = model.partition("/")[0]
    if isinstance(key, Secret):
        return check_secret(key, provider)
    return Secret(check_key(key, provider))


def _classes(value: object) -> tuple[type[DragomanError], ...]:
    listed = cast("tuple[object, ...]", value if isinstance(value, tuple) else (value,))
    for one in listed:
        if not (isinstance(one, type) and issubclass(one, DragomanError)):
            raise ConfigError(f"on has {one!r}: give classes of Dragoman's errors", field="on")
    return cast("tuple[type[DragomanError], ...]", listed)


def _check_patience(value: object) -> None:
    if value is not None:
        _check_number("patience", value, low=0.0)


def _check_number(field: str, value: object, low: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value < math.inf:
        raise ConfigError(f"{field} is {value!r}: give a number of {low:g} or more", field=field)
