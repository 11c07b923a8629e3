"""
Keys in environment variables.

The variables are the ones that the vendors' own SDKs read, in the order of the provider's row.  An empty variable
counts as unset, as it does for those SDKs' users (`OPENAI_API_KEY= command`).
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.secrets.aws import find_pair
from dragoman.secrets.secret import Secret, check_key
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


def find_key(provider: Provider, environ: Mapping[str, str]) -> Secret | None:
    """
    Return the provider's key from the environment, or None if no variable is set.

    Raises:
        ConfigError: A variable is set, but what it holds cannot be a key; its name is in the error, its value is not.
    """
    name = found_in(provider, environ)
    if name is None:
        return find_pair(provider, environ) if provider.auth == "aws-sigv4" else None
    return Secret(check_key(environ[name], provider.name, name))
