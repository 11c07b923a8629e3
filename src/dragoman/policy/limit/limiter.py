"""
All scopes.

A scope is one credential at one provider for one pool of models in one region: that is how providers count.  The
credential is in the key as a keyed hash that the caller makes, never itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.scope import Scope


class ScopeKey(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a provider counts together.

    Attributes:
        provider: Name of the provider row.
        credential: Keyed hash of the credential; empty for none.
        pool: Model, or the name of the family whose models share limits.
        region: Region or deployment; empty where there is none.
    """

    provider: str
    credential: str = ""
    pool: str = ""
    region: str = ""


class Limiter:
    """
    Scopes by key, made when first asked for.

    Args:
        most: How many scopes are kept; beyond it the one unused for longest goes, unless calls are in flight or wait.
    """

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._scopes: dict[ScopeKey, Scope] = {}

    def __len__(self) -> int:
        return len(self._scopes)

    def scope(self, key: ScopeKey, now: float, limits: Sequence[Limit] = ()) -> Scope:
        """The state of a scope; a new one begins with the limits that the user knows."""
        found = self._scopes.pop(key, None)
        if found is None:
            found = Scope(limits, now)
            self._make_room()
        self._scopes[key] = found  # the last one is the one used last
        return found

    def find(self, key: ScopeKey) -> Scope | None:
        """The state of a scope, if there is one; it does not count as used."""
        return self._scopes.get(key)

    def _make_room(self) -> None:
        if len(self._scopes) >= self._most:
            idle = (key for key, scope in self._scopes.items() if not scope.in_flight and not scope.waiting)
            if (oldest := next(idle, None)) is not None:
                del self._scopes[oldest]
