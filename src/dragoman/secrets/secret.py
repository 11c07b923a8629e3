"""
A credential as a value that does not show itself.

Rule: `reveal()` is the only way to the text, and whoever calls it makes the text known to `dragoman.redact`, so that it
is masked wherever it is echoed afterwards.
"""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn, cast

from dragoman.errors import ConfigError
from dragoman.redact import MASK, register

# A header value: visible ASCII.  A line break would end the header and begin another.   (RFC 9110, section 5.5)
_BAD: Final = re.compile(r"[^\x21-\x7e]")
_KINDS: Final = ((re.compile(r"[\r\n]"), "a line break"), (re.compile(r"[^\S\r\n]"), "a space"))


class Secret:
    """
    A credential.

    It has no `repr`, `str` or format that shows it, is compared in constant time, and refuses to be pickled.

    >>> Secret("sk-123")
    Secret([redacted])
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise ConfigError(f"a Secret of {type(value).__name__}: give a text", field="api_key")
        self.__value = value

    def reveal(self) -> str:
        """Return the text; from now on it is masked in every error and log text."""
        register(self.__value)
        return self.__value

    def fingerprint(self) -> str:
        """A short name for this value that does not tell it, the same in every process."""
        from hashlib import blake2b  # only who shares state by credential pays for it

        return blake2b(_bytes(self.__value), digest_size=12, key=b"dragoman").hexdigest()

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # 2 ms; keys are hardly ever compared

        return hmac.compare_digest(_bytes(self.__value), _bytes(other.__value))

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        self.__reduce__()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: send the name of its variable instead, and look it up there")


def _bytes(text: str) -> bytes:
    """Of any text, even one that no encoding has: its error would hold the text."""
    return text.encode("utf-8", "surrogatepass")


def check_key(value: object, provider: str, source: str = "api_key") -> str:
    """
    Return `value` if it can travel in a header as a key.

    Nothing is stripped: a key with a line break was read or pasted wrongly, and what else is wrong with it is not ours
    to guess.

    Args:
        value: The key.
        provider: Name of its provider, for the error.
        source: Where it comes from (`"OPENAI_API_KEY"`), for the error; the key itself is never in it.

    Raises:
        ConfigError: Not a text, empty, or with characters that no key has.
    """
    flaw = flaw_of(value, source)
    if flaw is None:
        return cast("str", value)
    del value  # the traceback of the error shows variables, if someone prints it so
    raise ConfigError(flaw, provider=provider or None, field=source)


def check_secret(secret: Secret, provider: str, source: str = "api_key") -> Secret:
    """
    Like `check_key`, for a key that is a `Secret` already.

    Raises:
        ConfigError: As `check_key`.
    """
    flaw = flaw_of(secret.reveal(), source)
    if flaw is not None:
        raise ConfigError(flaw, provider=provider or None, field=source)
    return secret


def flaw_of(value: object, source: str) -> str | None:
    """Why a value cannot be a key, or None."""
    if not isinstance(value, str):
        return f"{source} is {type(value).__name__}: give a text"
    if not value:
        return f"{source} is empty: give the key, or leave it out"
    bad = _BAD.search(value)
    if bad is None:
        return None
    kind = next((name for pattern, name in _KINDS if pattern.match(bad[0])), "a character that is no visible ASCII")
    where = _place(bad.start(), value)
    return f"{source} has {kind} {where}: copy the key again, without quotes, spaces or line breaks"


def _place(index: int, value: str) -> str:
    if index == 0:
        return "at its start"
    return "at its end" if not _BAD.sub("", value[index:]) else "in it"
