"""
Whether a value is JSON.

What a caller passes through to a provider (`extra`, `metadata`, a tool's schema) is checked when it is given: an
encoder would fail later without naming the place, and would write NaN as null, which is something else than was asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from dragoman.errors import ConfigError


def checked_object(value: Any, field: str) -> dict[str, Any]:
    """
    Return `value` as a dict if it is a JSON object.

    Raises:
        ConfigError: It is none; `.field` is the path of the first value that is not JSON.
    """
    if not isinstance(value, Mapping):
        raise ConfigError(f"{field} is {type(value).__name__}: give a dict", field=field)
    mapping = cast("Mapping[str, Any]", value)
    _check(mapping, field)
    return mapping if isinstance(mapping, dict) else dict(mapping)


def check_json(value: object, field: str) -> None:
    """
    Do nothing if `value` is JSON.

    Raises:
        ConfigError: It is none; `.field` is the path of the first value that is not.
    """
    _check(value, field)


def _check(value: object, field: str) -> None:
    if value is None or isinstance(value, bool | int):
        return
    if isinstance(value, str):
        _check_text(value, field)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigError(f"{field} is {value!r}, which JSON does not have", field=field)
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[object, object]", value).items():
            if not isinstance(name, str):
                raise ConfigError(f"{field} has the key {name!r}: keys of JSON are texts", field=field)
            _check(inner, f"{field}.{name}")
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(cast("list[object]", value)):
            _check(inner, f"{field}[{i}]")
    else:
        raise ConfigError(f"{field} is {type(value).__name__}, which is not JSON", field=field)


def _check_text(value: str, field: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{field} holds half a surrogate pair: it is no valid text", field=field) from error
