"""
Keys in environment variables.

The variables are the ones that the vendors' own SDKs read, in the order of the provider's row.  An empty variable
counts as unset, as it does for those SDKs' users (`OPENAI_API_KEY= command`).  What a variable holds is a key, or a
reference to one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from dragoman.errors import ConfigError
from dragoman.secrets.aws import find_pair
from dragoman.secrets.reference import parse_reference
from dragoman.secrets.secret import Secret, flaw_of
from dragoman.secrets.source import Key
from dragoman.secrets.variables import unveiled
from dragoman.types.providers import Provider


def variable_stem(provider: Provider) -> str:
    """How a provider's variables begin: `DASHSCOPE_CN` for `dashscope-cn`."""
    return provider.name.upper().replace("-", "_").replace(".", "_")


def key_variables(provider: Provider) -> tuple[str, ...]:
    """The variables in which a key is looked for, in order; `<NAME>_API_KEY` for a row that names none."""
    if provider.auth == "none":
        return ()
    return provider.key_variables or (f"{variable_stem(provider)}_API_KEY",)


def found_in(provider: Provider, environ: Mapping[str, str]) -> str | None:
    """Name of the variable that holds the provider's key, or None."""
    return next((name for name in key_variables(provider) if environ.get(name)), None)


def find_key(provider: Provider, environ: Mapping[str, str]) -> Key | None:
    """
    Return the provider's key from the environment, or the reference to it, or None if no variable is set.

    Raises:
        ConfigError: A variable is set, but what it holds cannot be a key; its name is in the error, its value is not.
    """
    name = found_in(provider, environ)
    if name is None:
        return find_pair(provider, environ) if provider.auth == "aws-sigv4" else None
    return read_key(environ[name], provider.name, name)


def read_key(text: object, provider: str, source: str = "api_key") -> Key:
    """
    Return what was given as a key: a key, or a reference to one.

    Args:
        text: As it was given, or in a veil; a `Secret` is taken as it is, and never as a reference.
        provider: Name of its provider, for errors.
        source: Where it was given, for errors.

    Raises:
        ConfigError: It can be neither.
    """
    try:
        key = _read(unveiled(text), source)
    except ConfigError as error:
        error.provider = provider or None
        raise
    if not isinstance(key, str):
        return key
    del text  # the traceback of the error shows variables, if someone prints it so
    raise ConfigError(key, provider=provider or None, field=source)


def _read(text: object, source: str) -> Key | str:
    """The key, or why it cannot be one."""
    if isinstance(text, Secret):
        return text
    reference = parse_reference(text, source) if isinstance(text, str) else None
    return reference or flaw_of(text, source) or Secret(cast("str", text))
