"""
The way to an origin: direct or through which proxy.

The environment is looked at when a transport is first used, not when it is made, and each answer is kept, because
matching `NO_PROXY` costs more than all else that a transport computes for a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dragoman.transport.address import Origin, split
from dragoman.transport.proxy import Proxies, Proxy, check_proxies, parse_proxy, proxy_for

# So many origins that no client has them: a bound for those that talk to everybody.
_KEPT = 1024


class Route(NamedTuple):
    """Connections are interchangeable if their routes are equal."""

    origin: Origin
    proxy: Proxy | None

    @property
    def encrypted(self) -> bool:
        """Whether any part of the way is TLS."""
        return self.origin.scheme == "https" or (self.proxy is not None and self.proxy.encrypted)

    @property
    def forwarded(self) -> bool:
        """Whether the proxy reads the request, and sends it on: it then gets the whole URL in the request line."""
        return self.origin.scheme == "http" and self.proxy is not None and not self.proxy.socks


class Routes:
    """Finds routes for one transport."""

    def __init__(self, environ: Mapping[str, str] | None, explicit: Proxies | None) -> None:
        """
        Args:
            environ: Looked at from the first call on; None for no environment.
            explicit: Proxy to use for everything, or one by scheme; `""` for none; None lets the environment decide.

        Raises:
            ConfigError: What was passed has not the form of proxies.
        """
        self._environ = environ
        self._explicit = check_proxies(explicit)
        self._seen: dict[Origin, Route] = {}

    def find(self, url: str) -> tuple[Route, str]:
        """
        Return the route of `url` and its request target.

        Raises:
            ConfigError: The URL or the proxy cannot be used.
        """
        origin, target = split(url)
        route = self._seen.get(origin)
        if route is None:
            chosen = proxy_for(url, self._environ or {}, self._explicit)
            route = Route(origin, parse_proxy(chosen) if chosen else None)
            if len(self._seen) >= _KEPT:
                self._seen.clear()
            self._seen[origin] = route
        return route, target
