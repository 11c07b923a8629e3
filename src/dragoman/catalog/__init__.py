"""
What is known of providers, as data.

`builtin()` gives the rows of `providers.toml`, read once on first use; `parse_model` splits a model reference,
`parse_provider` finds a provider by any of its names.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from dragoman.catalog.lookup import parse_model, parse_provider
from dragoman.types.providers import Provider

__all__ = ["builtin", "parse_model", "parse_provider", "read_rows"]


def builtin() -> dict[str, Provider]:
    """Return the providers that come with Dragoman by name, in the order of the file, as a dict of the caller's own."""
    return dict(_rows())


@cache
def _rows() -> dict[str, Provider]:
    text = files("dragoman.catalog").joinpath("providers.toml").read_text("utf-8")
    return read_rows(text)


def read_rows(text: str) -> dict[str, Provider]:
    """
    Read a table of providers in the form of `providers.toml`.

    Raises:
        msgspec.ValidationError: A field of the wrong type.
        ConfigError: A name or address that cannot work.
    """
    tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    return {name: msgspec.convert({"name": name, **table}, Provider) for name, table in tables.items()}
