"""
From an error to the exit code and to what helps against it.

The codes are stable:

    0 ok    1 error    2 usage    3 no model or credentials    4 rate or budget limit    5 provider or network
    6 answer is not what was asked for    7 part of a batch failed    130 interrupted
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from dragoman import errors
from dragoman.cli.naming import typed
from dragoman.cli.words import t
from dragoman.errors import DragomanError, UnknownModelError

OK: Final = 0
ERROR: Final = 1
USAGE: Final = 2
NO_MODEL: Final = 3
LIMIT: Final = 4
PROVIDER: Final = 5
OUTPUT: Final = 6
PARTIAL: Final = 7
INTERRUPTED: Final = 130

# The nearest class of an error's ancestry decides.
_CODES: Final[dict[type[DragomanError], int]] = {
    errors.ConfigError: USAGE,
    errors.UnknownModelError: NO_MODEL,
    errors.MissingKeyError: NO_MODEL,
    errors.ModelNotFoundError: NO_MODEL,
    errors.AuthenticationError: NO_MODEL,
    errors.RateLimitError: LIMIT,
    errors.QuotaError: LIMIT,
    errors.RefusedLocally: LIMIT,
    errors.CircuitOpenError: PROVIDER,
    errors.TransportError: PROVIDER,
    errors.StatusError: PROVIDER,
    errors.WireError: PROVIDER,
    errors.OutputError: OUTPUT,
    errors.ManifestError: USAGE,
    errors.SourceError: USAGE,
    DragomanError: ERROR,
}


class NoModelError(UnknownModelError):
    """Nobody said which model, and none was found."""


def exit_code(error: DragomanError) -> int:
    """Exit code for an error."""
    return next(_CODES[cls] for cls in type(error).__mro__ if cls in _CODES)


def words(error: DragomanError, options: Mapping[str, str] | None = None) -> str:
    """What went wrong, for someone at a terminal who gave `options`: by argument of the library."""
    if isinstance(error, errors.MissingKeyError):
        return t("fail.no_key", provider=error.provider, env=error.env)
    return typed(error, options or {})


def _missing_key(error: Any) -> str:
    return f"dragoman keys set {error.provider} · export {error.env}=…"


def _wait(error: DragomanError) -> str:
    if error.retry_after is None:
        return t("fix.wait")
    return t("fix.retry_after", seconds=error.retry_after)


def _timeout(error: Any) -> str:
    return t("fix.timeout") if error.clock == "total" else "dragoman doctor"


def _says(text: str) -> Callable[[Any], str]:
    return lambda error: text


_FIXES: Final[dict[type[DragomanError], Callable[[Any], str]]] = {
    NoModelError: lambda error: t("fix.no_model"),
    errors.UnknownModelError: _says("dragoman models"),
    errors.MissingKeyError: _missing_key,
    errors.AuthenticationError: lambda error: t("fix.key"),
    errors.RateLimitError: _wait,
    errors.QuotaError: lambda error: t("fix.quota"),
    errors.ContextLengthError: lambda error: t("fix.context"),
    errors.ConnectError: _says("dragoman doctor"),
    errors.TimeoutError: _timeout,
    errors.OverloadedError: _wait,
}


def fix(error: DragomanError) -> str | None:
    """What to do about an error, or None if its own words say it all."""
    made = next((_FIXES[cls] for cls in type(error).__mro__ if cls in _FIXES), None)
    return made(error) if made else None
