"""
What a Redis server's refusals mean, and what to do.

An error reply begins with a word in capitals; redis-py turns the known ones into classes and removes the word, so it is
put back here: callers look at `StoreError.code`, whatever the library's version.

Source: the error replies in Redis 7.0 `src/server.c` (`createSharedObjects`) and redis-py `_parsers/base.py`.
"""

from __future__ import annotations

import os
import re
import ssl
from typing import Final

from dragoman.drivers.base import unreachable
from dragoman.errors import StoreError

_CODE: Final = re.compile(r"[A-Z][A-Z0-9]{2,}\b")
_CODES: Final = {
    "AuthenticationError": "WRONGPASS",
    "AuthenticationWrongNumberOfArgsError": "WRONGPASS",
    "NoPermissionError": "NOPERM",
    "ReadOnlyError": "READONLY",
    "BusyLoadingError": "LOADING",
    "OutOfMemoryError": "OOM",
    "NoScriptError": "NOSCRIPT",
    "ExecAbortError": "EXECABORT",
    "MovedError": "MOVED",
    "AskError": "ASK",
    "TryAgainError": "TRYAGAIN",
    "ClusterDownError": "CLUSTERDOWN",
    "ClusterCrossSlotError": "CROSSSLOT",
    "MasterDownError": "MASTERDOWN",
}
# Code: what it means and what to do; whether it may go away by itself.
_MEANING: Final = {
    "WRONGPASS": ("refuses the user or the password of the URL", False),
    "NOAUTH": ("wants a password: put it into the URL, redis://:PASSWORD@host", False),
    "NOPERM": ("does not allow this to the user of the URL: change its ACL", False),
    "READONLY": ("is a replica, which cannot be written: use the address of the primary", True),
    "LOADING": ("is still reading its data; try again", True),
    "OOM": ("is full: raise its maxmemory, or let data expire", True),
    "MISCONF": ("cannot save to its disk and refuses writes: look at its log, and free space there", True),
    "BUSY": ("is occupied by a script that does not end", True),
    "MOVED": ("is part of a cluster, which is not supported: use a server that is not", False),
    "CROSSSLOT": ("is part of a cluster, which is not supported: use a server that is not", False),
    "CLUSTERDOWN": ("is part of a cluster that is down", True),
    "MASTERDOWN": ("is a replica that has lost its primary", True),
    "TRYAGAIN": ("is moving this data; try again", True),
}


def is_refusal(error: BaseException) -> bool:
    """Whether this is an answer of the server, which has not done what was asked, and not a broken line."""
    return any(name == "ResponseError" or name in _CODES for name in _names(error))


def code_of(error: BaseException) -> str:
    """The word with which the server's error begins: `NOSCRIPT`, `ERR`, or a script's own."""
    text = str(error)
    if text.startswith("Authentication required"):
        return "NOAUTH"
    for name in _names(error):
        if name in _CODES:
            return _CODES[name]
    found = _CODE.match(text)
    return found[0] if found else "ERR"


def refused(place: str, error: BaseException) -> StoreError:
    """The error for an error reply: the server did not do it."""
    code = code_of(error)
    meaning, retryable = _MEANING.get(code, ("refused the command", False))
    return StoreError(f"{place} {meaning}: {error}", code=code, retryable=retryable)


def no_connection(place: str, error: BaseException) -> StoreError:
    """The error for a connection that could not be opened."""
    if is_refusal(error):
        return refused(place, error)
    cause = error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = f"its TLS certificate is not accepted ({cause.verify_message}); name its authority by ?ssl_ca_certs=FILE"
        return StoreError(f"cannot connect to {place}: {why}", retryable=False)
    return unreachable(place, _why(error, cause))


def _why(error: BaseException, cause: BaseException | None) -> str:
    """The system's words, without redis-py's around them."""
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and (cause.errno or 0) > 0:
        return os.strerror(cause.errno or 0)
    return str(error).rstrip(".") or type(error).__name__


def _names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]
