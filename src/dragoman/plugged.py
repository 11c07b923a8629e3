"""
What other packages bring by entry points: providers, kinds of secrets, stores.

Rule: a package is imported only when something asks for what it brings by name.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def entries(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group, by name in lower case."""
    from importlib.metadata import entry_points  # 9 ms, for the few who name what is not built in

    return {point.name.lower(): point for point in entry_points(group=group)}


def described(point: EntryPoint) -> str:
    """An entry point, for people."""
    return f"the entry point {point.name} = {point.value} of {point.dist.name if point.dist else 'a package'}"


def load(point: EntryPoint, field: str, *, provider: str | None = None) -> object:
    """
    What an entry point names.

    Raises:
        ConfigError: It cannot be imported; `.field` and `.provider` are those that are given.
    """
    try:
        brought: object = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{described(point)} cannot be loaded: {error}", provider=provider, field=field) from error
    return brought
