"""
What travels between driver and workers, and how.

Both ends have the same code, so values travel as pickles, as all that Ray carries does; each row by itself, so that one
that cannot travel is the failure of that row alone.

Rule: a key never travels.  A reference (`env:NAME`, `file:/path`) does, and is looked up where it is used; a key that
is the value of a variable here goes as the variable's name; any other is kept back, and a row that needs it is refused.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, cast

import msgspec

from dragoman.batch.afar.carrying import untyped
from dragoman.batch.vectors import VectorRequest
from dragoman.errors import ConfigError
from dragoman.secrets import Secret, parse_reference
from dragoman.secrets.variables import unveiled
from dragoman.types.requests import ChatRequest

# Arguments of the client that hold for what a worker does; the others hold in the driver.
CARRIED: Final = ("models", "timeouts", "retry", "limit", "limits", "breaker", "proxy", "tls", "strict")


class Errand(msgspec.Struct, frozen=True):
    """
    One row on its way.

    Attributes:
        request: What is asked.
        key: Idempotency key, the same whoever asks.
        headers: Sent with every request of it.
    """

    request: ChatRequest | VectorRequest
    key: str = ""
    headers: dict[str, str] = {}


def packed(value: object) -> bytes:
    """Make bytes of a value.  Raises what `pickle` does."""
    return cast("bytes", import_module("ray.cloudpickle").dumps(value, protocol=pickle.HIGHEST_PROTOCOL))


def packed_errand(request: ChatRequest | VectorRequest, key: str, headers: Mapping[str, str]) -> bytes:
    """
    Pack a row.

    Raises:
        ConfigError: It cannot travel.
    """
    if isinstance(request, ChatRequest):
        request = untyped(request)
    try:
        return packed(Errand(request, key, dict(headers)))
    except (TypeError, AttributeError, pickle.PicklingError) as error:
        raise ConfigError(f"the row cannot travel to a worker: {error}", field="request") from error


# --- the client's arguments -------------------------------------------------------------------------------------------


class Carried(msgspec.Struct, frozen=True):
    """
    The arguments of a worker's client.

    Attributes:
        data: Packed.
        kept: Providers whose key was kept back.
    """

    data: bytes
    kept: frozenset[str]


def carried(arguments: Mapping[str, Any], environ: Mapping[str, str]) -> Carried:
    """
    Pack what a worker's client is made of.

    Args:
        arguments: Of the driver's client.
        environ: Its variables.

    Raises:
        ConfigError: One of them cannot travel; `.field` names it.
    """
    kept = set[str]()
    told = {name: arguments[name] for name in CARRIED}
    rows = cast("Mapping[str, object]", arguments["providers"] or {})
    told["providers"] = {name: _row(name, fields, environ, kept) for name, fields in rows.items()}
    for name, value in told.items():
        try:
            packed(value)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            raise ConfigError(f"{name} cannot travel to a worker: {error}", field=name) from error
    return Carried(packed(told), frozenset(kept))


def _row(name: str, fields: Any, environ: Mapping[str, str], kept: set[str]) -> Any:
    if not isinstance(fields, Mapping) or "api_key" not in fields:
        return cast("object", fields)
    row = dict(cast("Mapping[str, Any]", fields))
    given = unveiled(row.pop("api_key"))
    if given is None:
        return row
    several = cast("list[object]", given) if isinstance(given, list | tuple) else [given]
    places = [_place(one, environ) for one in several]
    if None in places:
        kept.add(name)
        return row
    return {**row, "api_key": places[0] if len(places) == 1 else places}


def _place(key: object, environ: Mapping[str, str]) -> str | None:
    """Where a key is found, or None if it is only here."""
    if isinstance(key, str) and parse_reference(key) is not None:
        return key
    secret = Secret(key) if isinstance(key, str) else key
    if not isinstance(secret, Secret):
        return None
    return next((f"env:{name}" for name in environ if secret == Secret(environ[name])), None)
