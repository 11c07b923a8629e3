"""
What a Postgres server's refusals mean, and what to do.

`StoreError.code` is the SQLSTATE, so that callers can tell a duplicate (`23505`) from a conflict (`40001`) without
knowing psycopg.

Source: PostgreSQL documentation, appendix A "PostgreSQL Error Codes".
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.drivers.base import unreachable
from dragoman.errors import StoreError

# Start of a SQLSTATE, longer ones first: what it means and what to do; whether it may go away by itself.
_MEANING: Final = (
    ("25006", "is read-only, perhaps a standby: use the address of the primary", True),
    ("42501", "does not allow this to the user of the URL: grant it", False),
    ("53100", "has no room on its disk: free some", True),
    ("53300", "has too many connections: raise max_connections, or put pgbouncer before it", True),
    ("55P03", "has this locked for another; try again", True),
    ("57014", "cancelled the statement", True),
    ("57P", "is starting or stopping; try again", True),
    ("08", "lost the connection", True),
    ("28", "refuses the user or the password of the URL", False),
    ("3D", "has no database of this name: create it", False),
    ("40", "met a conflict with another transaction and undid this one; try again", True),
    ("53", "is out of resources", True),
    ("58", "has trouble with its disk: look at its log", True),
)
# Refusals of a connection have no SQLSTATE.  These go away by themselves; a wrong password does not.
_PASSING: Final = ("starting up", "shutting down", "in recovery", "too many", "connection slots")


def refused(place: str, error: Any) -> StoreError:
    """The error for what the server refused: it is undone."""
    state: str = error.sqlstate
    for prefix, meaning, retryable in _MEANING:
        if state.startswith(prefix):
            return StoreError(f"{place} {meaning} ({_line(error)})", code=state, retryable=retryable)
    return StoreError(f"{place} refused the statement: {_line(error)}", code=state, retryable=False)


def no_connection(place: str, error: Any) -> StoreError:
    """The error for a connection that could not be opened."""
    if error.sqlstate is not None:
        return refused(place, error)
    text = str(error)
    if "FATAL:" in text and not any(word in text for word in _PASSING):
        return StoreError(f"{place} refuses the connection: {_line(error)}; change the URL", retryable=False)
    return unreachable(place, _line(error))


def _line(error: Any) -> str:
    """What the server said, without the lines that show where in a statement."""
    said = error.diag.message_primary
    return str(said or str(error).strip().partition("\n")[0] or type(error).__name__)
