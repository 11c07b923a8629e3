"""
Whether values satisfy a schema, and where they do not.

Rule: what `dragoman ask --schema` would refuse is refused here, by the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from dragoman.structured.rules import check_of
from dragoman.structured.wrong import errors_of
from dragoman.types.shapes import Schema

Check = Callable[[Any], tuple[str, ...]]


def checker(schema: Any) -> Check:
    """
    Return what says which rules a value breaks, each with its place.

    Args:
        schema: A type, or a JSON Schema as a dict.

    Raises:
        ConfigError: It is no JSON Schema, or the extra `schema` is not installed.
    """
    if isinstance(schema, dict):
        return check_of(cast("Schema", schema))
    return lambda value: errors_of(value, schema)
