"""
The policies of a client, in their order.

    caller -> retry -> limit -> one request

Rule: this is the only place that knows the order.  Chat goes through the handlers that are made here; what is not chat
through the same policies, called by `plain`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

from dragoman.errors import ConfigError
from dragoman.policy.base import Context
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.headers import dialect_of
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Pacer, ProcessPacer
from dragoman.policy.limit.pacing import Pacing, Subject
from dragoman.routes import Routes
from dragoman.secrets import Secret

Limits = Mapping[str, Sequence[Limit]]
"""Limits that the user knows, by `provider` or `provider/model`; the closer one wins."""

# One for all clients of a process: they share what their credentials may do.
_PROCESS: Final = ProcessPacer()

# Who asks no network has no limits to keep.
_INSIDE: Final = ("sim", "local")


class Subjects:
    """
    Finds the limit that a call falls under, for one client.

    Args:
        routes: All providers.
        limits: What the user knows.
    """

    def __init__(self, routes: Routes, limits: Limits) -> None:
        self._routes = routes
        self._limits = limits
        self._found: dict[tuple[str, Secret | None], Subject | None] = {}

    def __call__(self, ref: str, context: Context) -> Subject | None:
        """The subject of a call to `provider/model`; None where there is no limit."""
        asked = (ref, context.credential)
        try:
            return self._found[asked]
        except KeyError:
            found = self._found[asked] = self._subject(*asked)
            return found

    def _subject(self, ref: str, credential: Secret | None) -> Subject | None:
        name, _, model = ref.partition("/")
        if model:
            provider, model = self._routes.locate(ref)
        else:
            provider = self._routes.provider(self._routes.name_of(name))
        address = urlsplit(provider.base_url)
        if address.scheme in _INSIDE:
            return None
        key = credential or self._routes.key(provider)
        scope = ScopeKey(
            provider=provider.name,
            credential=key.fingerprint() if key else "",
            pool=model,
            region=address.netloc.rpartition("@")[2],
        )
        known = self._limits.get(f"{provider.name}/{model}", self._limits.get(provider.name, ()))
        return Subject(scope, dialect_of(provider.name), known)


def pacing(routes: Routes, limit: str | None, limits: Limits | None) -> Pacing | None:
    """
    Make what paces the calls of a client.

    Args:
        routes: All providers of the client.
        limit: Who shares limits: `process`; None for no pacing at all.
        limits: What the user knows of them.

    Raises:
        ConfigError: There is no such way to share, or a limit is no `Limit`.
    """
    if limit is None:
        return None
    return Pacing(_pacer(limit), Subjects(routes, _checked(routes, limits or {})))


def _pacer(limit: object) -> Pacer:
    if limit == "process":
        return _PROCESS
    raise ConfigError(f"limit is {limit!r}: give 'process', or None for no pacing", field="limit")


def _checked(routes: Routes, limits: Limits) -> Limits:
    """The limits by the names that the rows have, each a tuple."""
    checked: dict[str, Sequence[Limit]] = {}
    for ref, known in limits.items():
        given = cast("tuple[object, ...]", tuple(known))
        for at, one in enumerate(given):
            if not isinstance(one, Limit):
                raise ConfigError(
                    f"limits[{ref!r}][{at}] is {one!r}: give dragoman.Limit(dimension=..., amount=...)", field="limits"
                )
        if "/" in ref:
            provider, model = routes.locate(ref)
            checked[f"{provider.name}/{model}"] = tuple(known)
        else:
            checked[routes.name_of(ref)] = tuple(known)
    return checked
