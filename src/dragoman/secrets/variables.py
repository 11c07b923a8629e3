"""
What may hold keys and is not one: the environment variables, and what a caller passed for a provider.

A plain mapping prints itself with everything in it, wherever a traceback shows variables; these do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast


class Variables(Mapping[str, str]):
    """
    Variables by name, live where the mapping behind it is.

    >>> Variables({"OPENAI_API_KEY": "sk-123"})
    <1 variables>
    """

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            pass
        raise KeyError(name)  # without that of the mapping behind, whose frames know the mapping

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<{len(self._values)} variables>"


class Veiled:
    """A value that does not show itself."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<veiled>"


def veiled(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was passed for providers, each `api_key` in a veil; what is no mapping stays for others to refuse."""
    return {name: _veiled(fields) for name, fields in overrides.items()}


def _veiled(fields: Any) -> Any:
    if not isinstance(fields, Mapping) or "api_key" not in fields:
        return cast("object", fields)
    given = cast("Mapping[str, object]", fields)
    key = given["api_key"]
    return {**given, "api_key": key if key is None or isinstance(key, Veiled) else Veiled(key)}


def unveiled(value: object) -> object:
    """Return a value without its veil."""
    return value.value if isinstance(value, Veiled) else value
