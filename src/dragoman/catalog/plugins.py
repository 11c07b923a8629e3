"""
Providers that other packages bring.

    [project.entry-points."dragoman.providers"]
    acme = "dragoman_acme:PROVIDER"

Rule: a package is imported only when a reference names its entry point and no row of that name is known.  So a built-in
row is never replaced by what happens to be installed, and what is not asked for costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.plugged import described, entries, load
from dragoman.types.providers import Provider

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "dragoman.providers"


def find_plugin(name: str) -> Provider | None:
    """
    Return the row that an installed package brings under that name, or None.

    Raises:
        ConfigError: The package cannot be imported, or what it brings is no `Provider`.
    """
    point = entries(GROUP).get(name.strip().lower())
    return None if point is None else _load(point)


def plugins() -> dict[str, Provider]:
    """Every row that installed packages bring, by name; imports them all."""
    return {name: _load(point) for name, point in sorted(entries(GROUP).items())}


def with_plugin(ref: str, providers: Mapping[str, Provider]) -> Mapping[str, Provider]:
    """Return the rows, with the one that a reference names by its left side, if only an installed package has it."""
    if not isinstance(ref, str):
        return providers
    for separator in "/:":
        left, found, _ = ref.partition(separator)
        name = left.strip().lower()
        if not found or name in providers or any(name in row.aliases for row in providers.values()):
            continue
        plugged = find_plugin(name)
        if plugged is not None:
            return {**providers, plugged.name: plugged}
    return providers


@cache
def _load(point: EntryPoint) -> Provider:
    row = load(point, "providers", provider=point.name)
    if not isinstance(row, Provider):
        raise ConfigError(
            f"{described(point)} is {type(row).__name__}: it must be a dragoman.Provider",
            provider=point.name,
            field="providers",
        )
    name = point.name.lower()
    return row if row.name == name else msgspec.structs.replace(row, name=name)
