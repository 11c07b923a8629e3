"""
What the caller tells a batch API besides: `providers={"bedrock": {"batch_options": {...}}}`.

Rule: an option that is not known is an error, as everywhere.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.providers import Provider


class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """
    What every batch API may be told.

    Attributes:
        max_rows: Most rows of one batch, where that shall be fewer than the API takes.
        max_bytes: Most bytes of one batch's rows, likewise.
    """

    max_rows: int | None = None
    max_bytes: int | None = None


T = TypeVar("T", bound=Options)

FOR_ALL: Final = frozenset({"max_rows", "max_bytes"})
"""What any batch API can be told: limits of one batch that are lower than the provider's own."""


def given(provider: Provider, kind: type[T]) -> T:
    """
    The options of a provider's row, as values.

    Raises:
        ConfigError: One is unknown, or has a wrong value.
    """
    try:
        own = {name: value for name, value in provider.batch_options.items() if name not in FOR_ALL}
        return msgspec.convert(own, kind)
    except msgspec.ValidationError as error:
        known = ", ".join((*kind.__struct_fields__, *sorted(FOR_ALL)))
        raise ConfigError(
            f"batch_options of {provider.name}: {error}; there are {known}",
            provider=provider.name,
            field="batch_options",
        ) from error
