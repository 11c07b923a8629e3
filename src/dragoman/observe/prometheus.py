"""
Metrics for Prometheus, through `prometheus-client`.

Rule: what is looked up by labels is looked up once and kept, so that a call costs a few additions; and the number of
label values is bounded, whatever callers send.

Several processes: prometheus-client's own way.  Set `PROMETHEUS_MULTIPROC_DIR` before it is imported.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.observe import names
from dragoman.observe.base import CANCELLED, Call, End, Signal, status_of
from dragoman.observe.names import Metric
from dragoman.policy.limit.headers import Column, dialect_of
from dragoman.policy.limit.resets import number
from dragoman.redact import redact
from dragoman.types.usage import Usage

OTHER: Final = "other"
UNKNOWN: Final = "unknown"  # the reference named no provider
_PROVIDERS: Final = 200

Families = dict[str, Any]


class Labels:
    """
    Names as label values: masked where they hold a credential, and at most so many of them.

    >>> few = Labels(1)
    >>> few("a"), few("b"), few("a")
    ('a', 'other', 'a')
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        label = self._known.get(name)
        if label is None:
            if len(self._known) >= self._most:
                return OTHER
            label = self._known.setdefault(name, redact(name) or UNKNOWN)
        return label


class Prometheus:
    """
    An observer that counts.  Several with one registry count together.

    Args:
        registry: A `prometheus_client.CollectorRegistry`; its `REGISTRY` by default.
        models: Label values of `model` at the most; calls of further models are counted as `other`.
        key: Gives the value of one more label, `key`, on calls, tokens and cost: an id of who asks, never a secret.  As
            many values as of `model`.

    Raises:
        ConfigError: prometheus-client is not installed; or the registry's metrics were made with another `key`.

    >>> from dragoman import Client
    >>> client = Client(observe=[Prometheus()])
    """

    def __init__(self, registry: Any = None, *, models: int = 100, key: Callable[[Call], str] | None = None) -> None:
        if isinstance(models, bool) or not isinstance(models, int) or models < 1:
            raise ConfigError(f"models is {models!r}: give a whole number of 1 or more", field="models")
        if key is not None and not callable(key):
            raise ConfigError(f"key is {key!r}: give a function of a call", field="key")
        client = library()
        self._families = _families(client.REGISTRY if registry is None else registry, keyed=key is not None)
        self._provider = Labels(_PROVIDERS)
        self._model = Labels(models)
        self._key = key
        self._keys = Labels(models)
        self._calls: dict[tuple[str, ...], _Bound] = {}
        self._models: dict[tuple[str, ...], _OfModel] = {}
        self._inflight: dict[tuple[str, str], Any] = {}

    def begin(self, call: Call) -> End:
        """Count a call that begins."""
        self._open(call).inc()
        return self._end

    def signal(self, name: Signal, value: float, labels: Mapping[str, str]) -> None:
        """Take over what belongs to no call."""
        metric, act = _SIGNALS[name]
        family = self._families[metric.name]
        child = family.labels(*(redact(labels.get(label, "")) for label in metric.labels)) if metric.labels else family
        getattr(child, act)(value)

    def _open(self, call: Call) -> Any:
        found = (self._provider(call.asked_provider), call.operation)
        child = self._inflight.get(found)
        if child is None:
            child = self._inflight[found] = self._families[names.INFLIGHT.name].labels(*found)
        return child

    def _end(self, call: Call) -> None:
        self._open(call).dec()
        provider, model = self._provider(call.provider), self._model(call.model)
        key = () if self._key is None else (self._keys(self._key(call)),)
        self._bound(provider, model, call.operation, call.status, key).count(call)
        self._of_model(provider, model, key).count(call)
        if call.cached is not None:
            self._families[names.CACHE.name].labels(call.cached).inc()
        if len(call.attempts) > 1:
            self._count_again(call)

    def _count_again(self, call: Call) -> None:
        retries, fallbacks = self._families[names.RETRIES.name], self._families[names.FALLBACKS.name]
        for _, failed, following in call.again():
            provider, model = self._provider(failed.provider), self._model(failed.model)
            if (failed.provider, failed.model) == (following.provider, following.model):
                retries.labels(provider, model, reason_of(failed.outcome)).inc()
            else:
                fallbacks.labels(provider, model).inc()

    def _bound(self, provider: str, model: str, operation: str, status: str, key: tuple[str, ...]) -> _Bound:
        found = (provider, model, operation, status, *key)
        bound = self._calls.get(found)
        if bound is None:
            bound = self._calls[found] = _Bound(self._families, found, key)
        return bound

    def _of_model(self, provider: str, model: str, key: tuple[str, ...]) -> _OfModel:
        found = (provider, model, *key)
        bound = self._models.get(found)
        if bound is None:
            bound = self._models[found] = _OfModel(self._families, provider, model, key)
        return bound


class _Bound:
    """What is counted of calls that ended in one way."""

    __slots__ = ("_calls", "_duration", "_requests", "_response")

    def __init__(self, families: Families, labels: tuple[str, ...], key: tuple[str, ...]) -> None:
        _, model, _, status = what = labels[:4]
        self._requests = families[names.REQUESTS.name].labels(*what, *key)
        self._duration = families[names.DURATION.name].labels(*what)
        self._calls = families[names.CALLS.name].labels(model, status)
        self._response = families[names.RESPONSE.name].labels(model, status)

    def count(self, call: Call) -> None:
        self._requests.inc()
        self._calls.inc()
        self._duration.observe(call.seconds)
        self._response.observe(call.seconds)


class _OfModel:
    """What is counted of the calls of one model; what never comes has no series."""

    __slots__ = ("_children", "_columns", "_families", "_key", "_who")

    def __init__(self, families: Families, provider: str, model: str, key: tuple[str, ...]) -> None:
        self._families = families
        self._who = (provider, model)
        self._key = key
        self._children: dict[tuple[str, str], Any] = {}
        self._columns: Sequence[Column] = dialect_of(provider).columns

    def count(self, call: Call) -> None:
        if call.usage is not _NOTHING:
            self._count_tokens(call.usage)
        if call.cost:
            self._child(names.COST).inc(float(call.cost))
        if call.attempts:
            self._child(names.PACED).observe(call.paced)
        if call.first is not None:
            self._child(names.FIRST).observe(call.first)
        if call.waits:
            self._child(names.BETWEEN).observe(sum(call.waits) / len(call.waits))
        if call.context.headers:
            self._note_limits(call.context.headers)

    def _count_tokens(self, usage: Usage) -> None:
        for kind, field in _TOKENS:
            count: int | None = getattr(usage, field)
            if count:
                self._child(names.TOKENS, kind).inc(count)

    def _note_limits(self, headers: Mapping[str, str]) -> None:
        for column in self._columns:
            left, limit = number(headers.get(column.remaining)), number(headers.get(column.limit, "1"))
            if left is not None and left >= 0 and limit is not None and limit > 0:
                self._child(names.REMAINING, column.dimension).set(left)

    def _child(self, metric: Metric, label: str = "") -> Any:
        found = (metric.name, label)
        child = self._children.get(found)
        if child is None:
            labels = (*self._who, label) if label else self._who
            key = self._key if metric.keyed else ()
            child = self._children[found] = self._families[metric.name].labels(*labels, *key)
        return child


_NOTHING: Final = Usage()
_TOKENS: Final = (
    ("input", "input_tokens"),
    ("output", "output_tokens"),
    ("cache_read", "cache_read_tokens"),
    ("cache_write", "cache_write_tokens"),
    ("reasoning", "reasoning_tokens"),
)
_SIGNALS: Final[Mapping[Signal, tuple[Metric, str]]] = {
    "queue_depth": (names.QUEUE, "inc"),
    "circuit_state": (names.CIRCUIT, "set"),
    "budget_remaining_usd": (names.BUDGET, "set"),
    "gateway_overhead_seconds": (names.OVERHEAD, "observe"),
    "prefix_moved": (names.PREFIX, "inc"),
}


def reason_of(outcome: str) -> str:
    """An attempt's outcome, which is the name of an error, as a label."""
    return _REASONS.get(outcome, OTHER)


def _reasons() -> dict[str, str]:
    from dragoman import errors

    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DragomanError)
    ]
    return {kind.__name__: status_of(kind) for kind in kinds} | {"ok": "ok", "CancelledError": CANCELLED}


_REASONS: Final = _reasons()


# --- the registry -----------------------------------------------------------------------------------------------------


def library() -> Any:
    """
    Import prometheus-client.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        import prometheus_client
    except ImportError as error:
        raise ConfigError(
            'metrics need prometheus-client: pip install "dragoman[prometheus]"', field="observe"
        ) from error
    return prometheus_client


_lock: Final = threading.Lock()
_made: weakref.WeakKeyDictionary[Any, tuple[bool, Families]] = weakref.WeakKeyDictionary()


def _families(registry: Any, *, keyed: bool) -> Families:
    """The metrics of a registry, made once: a second client counts into the same."""
    with _lock:
        if registry not in _made:
            _made[registry] = keyed, {metric.name: _family(metric, registry, keyed) for metric in names.METRICS}
        before, families = _made[registry]
    if before != keyed:
        raise ConfigError(
            "the registry's metrics were made "
            + ("with the label key" if before else "without the label key")
            + ": give all its Prometheus() the same key=, or another registry",
            field="key",
        )
    return families


def _family(metric: Metric, registry: Any, keyed: bool) -> Any:
    client = library()
    labels = (*metric.labels, "key") if keyed and metric.keyed else metric.labels
    if metric.kind == "counter":
        return client.Counter(metric.name, metric.help, labels, registry=registry)
    if metric.kind == "histogram":
        return client.Histogram(metric.name, metric.help, labels, registry=registry, buckets=names.SECONDS)
    return client.Gauge(metric.name, metric.help, labels, registry=registry, multiprocess_mode=metric.mode)
