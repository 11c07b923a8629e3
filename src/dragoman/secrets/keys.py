"""
All keys that a client knows, by provider.

The first of these that gives one:

    1. what the caller passed as `api_key`
    2. the environment variables of the provider's row
    3. what `dragoman keys set` has stored

Rule: looking for a source reads variables and, at most, one small file; what the source stands for is looked up when a
call needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from dragoman.errors import ConfigError, MissingKeyError
from dragoman.secrets.authorize import finds_its_own
from dragoman.secrets.env import find_key, found_in, key_variables, read_key
from dragoman.secrets.source import Key, KeySource
from dragoman.secrets.stored import find_stored
from dragoman.secrets.variables import Veiled, unveiled
from dragoman.types.providers import Provider


class Keys:
    """
    Args:
        environ: The environment variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._sources: dict[str, KeySource] = {}

    def give(self, name: str, api_key: object) -> None:
        """
        Take over what the caller passed for a provider: a key, a reference, or several.

        Raises:
            ConfigError: It can be neither.
        """
        source = unveiled(api_key)
        if not isinstance(source, KeySource):
            del source
            source = KeySource(_keys(api_key, name), name, "api_key", self._environ)
        self._sources[name] = source

    def source(self, provider: Provider) -> KeySource | None:
        """
        Return where a provider's keys come from, or None where none is needed or a library finds them.

        Raises:
            MissingKeyError: There is none.
            ConfigError: What is there can be no key.
        """
        if provider.auth == "none":
            return None
        known = self._sources.get(provider.name)
        if known is not None:
            return known
        found = self._find(provider)
        if found is not None:
            return self._sources.setdefault(provider.name, found)
        if not provider.quirks.key_optional and not finds_its_own(provider):
            raise MissingKeyError(provider.name, key_variables(provider)[0], ["environment", "stored keys"])
        return None

    def _find(self, provider: Provider) -> KeySource | None:
        environ, place = self._environ, found_in(provider, self._environ)
        key: Key | None = find_key(provider, environ)
        if key is None:
            key, place = find_stored(provider.name, environ), "the stored key"
        return None if key is None else KeySource([key], provider.name, place or "api_key", environ)


def _keys(given: object, provider: str) -> list[Key]:
    """The keys that were passed as one value or as several."""
    several = [Veiled(one) for one in _several(given)]
    if not several:
        raise ConfigError("api_key is an empty list: give a key, or leave it out", provider=provider, field="api_key")
    names = ["api_key"] if len(several) == 1 else [f"api_key[{i}]" for i in range(len(several))]
    return [read_key(one, provider, name) for one, name in zip(several, names, strict=True)]


def _several(given: object) -> Sequence[object]:
    value = unveiled(given)
    return cast("Sequence[object]", value) if isinstance(value, list | tuple) else [value]
