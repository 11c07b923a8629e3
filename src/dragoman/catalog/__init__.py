"""
What is known of providers, as data.

The rows are in `providers/*.toml`, read once on first use; `parse_model` splits a model reference.  A package may bring
a row of its own by an entry point; it is loaded when a reference names it, and not before.
"""

from __future__ import annotations

from functools import cache
from pkgutil import get_data
from typing import Any, Final

import msgspec

from dragoman.catalog.lookup import parse_model, parse_provider
from dragoman.catalog.plugins import find_plugin, plugins, with_plugin
from dragoman.types.providers import Provider

__all__ = [
    "FILES",
    "builtin",
    "find_plugin",
    "parse_model",
    "parse_provider",
    "plugins",
    "read_rows",
    "with_plugin",
]

# Their order is the order of the rows, in which the command line looks for a key.
FILES: Final = ("makers", "hosts", "gateways", "clouds", "local")


def builtin() -> dict[str, Provider]:
    """Return the providers that come with Dragoman, by name and in order, as a dict of the caller's own."""
    return dict(_rows())


@cache
def _rows() -> dict[str, Provider]:
    rows: dict[str, Provider] = {}
    for name in FILES:
        rows |= read_rows((get_data("dragoman.catalog", f"providers/{name}.toml") or b"").decode())
    return rows


def read_rows(text: str) -> dict[str, Provider]:
    """
    Read a table of providers in the form of `providers/*.toml`.

    Raises:
        msgspec.ValidationError: A field of the wrong type.
        ConfigError: A name or address that cannot work.
    """
    import tomllib  # when the first client is made, not when the package is imported

    tables: dict[str, dict[str, Any]] = tomllib.loads(text)
    return {name: msgspec.convert({"name": name, **table}, Provider) for name, table in tables.items()}
