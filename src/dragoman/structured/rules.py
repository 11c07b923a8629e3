"""
JSON Schemas that were given as dicts, held to here.

It is the work of the library `jsonschema-rs` (extra `schema`), which holds to every keyword of the draft that a schema
names, 2020-12 if it names none.

Rule: nothing is fetched.  A schema that refers out of itself is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from dragoman.errors import ConfigError
from dragoman.structured.wrong import MOST, place
from dragoman.types.shapes import Schema

Check = Callable[[Any], tuple[str, ...]]


def check_of(schema: Schema) -> Check:
    """
    Return what says which rules a value breaks, each with its place.

    Raises:
        ConfigError: The library is not installed, or the schema is none.
    """
    try:
        import jsonschema_rs
    except ImportError as error:
        raise ConfigError(
            "holding an answer to a JSON Schema takes jsonschema-rs: pip install 'dragoman[schema]', or give a type",
            field="output",
        ) from error
    try:
        validator = jsonschema_rs.validator_for(schema, retriever=_refuse)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
        message = getattr(error, "message", None) or str(error)
        raise ConfigError(f"output is no JSON Schema: {message}", field="output") from error

    def check(value: Any) -> tuple[str, ...]:
        return tuple(_told(error) for error in islice(validator.iter_errors(value), MOST))

    return check


def _told(error: Any) -> str:
    path = "$"
    for key in error.instance_path:
        path = place(path, key)
    return f"{path}: {error.message}"


def _refuse(address: str) -> Any:
    raise ValueError(f"{address} is another document, and none is fetched")
