"""Where the rows of a batch are asked: in this process, by worker processes, or by workers of a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, Final, Literal, cast, get_args

import msgspec

from dragoman.errors import ConfigError

_LEAST: Final = 3.0

EngineName = Literal["local", "ray", "processes"]
LEASE: Final = 30.0
"""Seconds that a worker may say nothing."""
NEAR: Final = 15.0
"""The same for one on this machine."""
WAIT: Final = 60.0
"""Seconds until the first worker must have its place."""


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """
    Workers on Ray, or on this machine, for which only the number, `lease` and `wait` mean something.

    Attributes:
        engine: `ray` or `processes`.
        workers: How many, 1 or more; 0 for as many as this machine is good for.
        address: Of the cluster, as `ray.init` takes it; None for the one that `RAY_ADDRESS` names, else for Ray on this
            machine, started for the batch and ended with it.
        num_cpus: That each worker takes of its node, 0 or more.
        resources: What else a node must have for a worker, by name.
        runtime_env: What Ray makes ready for a worker, as `ray.init` takes it.  Ray keeps and shows it: no keys.
        namespace: Of the job, as `ray.init` takes it.
        lease: Seconds that a worker may say nothing before its rows are given to another; 3 or more.
        wait: Seconds until the first worker must have its place.
    """

    workers: int
    engine: EngineName = "ray"
    address: str | None = None
    num_cpus: float = 1.0
    resources: Mapping[str, float] = {}
    runtime_env: Mapping[str, Any] = {}
    namespace: str | None = None
    lease: float = LEASE
    wait: float = WAIT


def placement_of(engine: object, workers: object, told: object) -> Placement | None:
    """
    Read where a batch is to run; None for this process.

    Args:
        engine: `local`, `processes` or `ray`.
        workers: How many; None for two on Ray, and for what the machine is good for here.
        told: The other fields of `Placement`, by name; None for none.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.
    """
    if engine not in get_args(EngineName):
        raise ConfigError(f"engine is {engine!r}: give 'local', 'processes' or 'ray'", field="engine")
    if engine == "local" and workers is not None:
        raise ConfigError("workers is for engine='processes' and engine='ray'", field="workers")
    if engine != "ray" and told is not None:
        raise ConfigError("ray is for engine='ray'", field="ray")
    if engine == "local":
        return None
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ConfigError(f"workers is {workers!r}: give a whole number, 1 or more", field="workers")
    if engine == "processes":
        return Placement(workers=workers or 0, engine="processes", lease=NEAR)
    return Placement(workers=2 if workers is None else workers, **_checked(told))


def _checked(told: object) -> dict[str, Any]:
    if told is None:
        return {}
    if not isinstance(told, Mapping):
        raise ConfigError(f"ray is {type(told).__name__}: give a dict, as {{'address': 'auto'}}", field="ray")
    fields = cast("Mapping[str, Any]", told)
    for name, value in fields.items():
        field, right = f"ray[{name!r}]", _RIGHT.get(name)
        if right is None:
            raise ConfigError(f"{field} is not known: there are {', '.join(_RIGHT)}", field=field)
        what, holds = _KINDS[right]
        if not holds(value):
            raise ConfigError(f"{field} is {value!r}: give {what}", field=field)
    return dict(fields)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf


def _is_seconds(value: object) -> bool:
    return _is_number(value) and value != 0


def _is_lease(value: object) -> bool:
    return _is_number(value) and cast("float", value) >= _LEAST


def _is_object(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_resources(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_number, cast("Mapping[str, object]", value).values()))


def _is_text(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value))


_RIGHT: Final = {
    "address": "text",
    "num_cpus": "number",
    "resources": "resources",
    "runtime_env": "object",
    "namespace": "text",
    "lease": "lease",
    "wait": "seconds",
}
_KINDS: Final = {
    "text": ("a text", _is_text),
    "number": ("a number, 0 or more", _is_number),
    "seconds": ("seconds, more than 0", _is_seconds),
    "lease": ("seconds, 3 or more: a worker says something every second", _is_lease),
    "object": ("a dict", _is_object),
    "resources": ("a dict of names and numbers", _is_resources),
}
