"""
From a reference to its key.

Rule: what was read on the way stays nowhere.  The frames of an error's traceback forget their variables, and the errors
of libraries, which hold requests with tokens in them, are not kept as its cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.redact import forget_locals
from dragoman.secrets.reference import Reference
from dragoman.secrets.schemes import look_up_of
from dragoman.secrets.secret import Secret, check_secret
from dragoman.secrets.variables import Variables

MOST: Final = 65_536  # bytes; no key is longer, and some files never end


def look_up(reference: Reference, environ: Mapping[str, str], provider: str = "", source: str = "api_key") -> Secret:
    """
    Return the key that a reference stands for.  This may wait for a network, a process or a disk.

    Args:
        reference: Where it is.
        environ: The environment variables.
        provider: Whose key it is, for errors.
        source: Where the reference was given, for errors.

    Raises:
        ConfigError: It could not be read, or what was read cannot be a key.
    """
    environ = Variables(environ)  # tracebacks may be shown with variables
    try:
        secret = Secret(_text(look_up_of(reference.scheme)(reference, environ), reference))
        check_secret(secret, provider, f"what {reference.shown} holds")
    except ConfigError as error:
        error.__cause__ = error.__context__ = None
        forget_locals(error)
        error.provider = error.provider or provider or None
        error.field = source
        raise
    except BaseException as error:
        forget_locals(error)
        raise
    return secret


def _text(found: object, reference: Reference) -> str:
    """What a backend returned, which may be anybody's."""
    if not isinstance(found, str):
        raise failed(reference, f"gave {type(found).__name__} and no text", "see the package that brings this scheme")
    return found


def failed(reference: Reference, what: str, fix: str) -> ConfigError:
    """
    The error of a look-up.

    Args:
        reference: Which.
        what: What went wrong, never with anything in it that was read.
        fix: What to do.
    """
    return ConfigError(f"{reference.shown} {what}: {fix}", field="api_key")


def missing(reference: Reference, library: str, extra: str) -> ConfigError:
    """The error where the library that a scheme needs is not installed."""
    return failed(reference, f"needs {library}, which is not installed", f"pip install dragoman[{extra}]")


def member(text: str, reference: Reference) -> str:
    """
    Return `text`, or, where the reference names a field, that field of the JSON object that it is.

    Raises:
        ConfigError: It is no JSON object, or has no such field, or that is no text.
    """
    if not reference.field:
        return text
    try:
        values = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        values = None
    if values is None:
        raise failed(reference, "is no JSON object", "leave #… out to take the whole of it")
    found = values.get(reference.field)
    if isinstance(found, str):
        return found
    what = f"has no {reference.field}" if found is None else f"has a {reference.field} that is no text"
    raise failed(reference, what, f"there are {names(values)}")


def names(values: Mapping[str, object]) -> str:
    """The names of what is there, for an error; never a value."""
    return ", ".join(sorted(values)[:12]) or "none"


def decoded(data: bytes, reference: Reference) -> str:
    """
    Return bytes as UTF-8 text.

    Raises:
        ConfigError: They are none, or too many.
    """
    if len(data) > MOST:
        raise failed(reference, f"holds {len(data)} bytes or more", "a key is shorter; name the right place")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        problem = failed(reference, "holds no UTF-8 text", "keys are text")
    raise problem


def without_end_of_line(text: str) -> str:
    """Return a text without the one line feed that editors and programs put at the end."""
    return text.removesuffix("\n").removesuffix("\r")
