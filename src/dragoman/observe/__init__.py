"""
Seeing what calls do: metrics, traces, logs, a local store.

    from dragoman.observe import LogStore, OpenTelemetry, Prometheus

    client = Client(observe=[Prometheus(), OpenTelemetry(), LogStore()])

Names are loaded when they are first used, so that a client that is not observed pays for none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dragoman.observe.base import Call, End, Observer
    from dragoman.observe.logstore import LogStore
    from dragoman.observe.otel import OpenTelemetry
    from dragoman.observe.prometheus import Prometheus
    from dragoman.observe.scrape import asgi_app, exposition, wsgi_app

__all__ = ["Call", "End", "LogStore", "Observer", "OpenTelemetry", "Prometheus", "asgi_app", "exposition", "wsgi_app"]

_HOMES: Final = {
    "base": ("Call", "End", "Observer"),
    "scrape": ("asgi_app", "exposition", "wsgi_app"),
    "logstore": ("LogStore",),
    "otel": ("OpenTelemetry",),
    "prometheus": ("Prometheus",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dragoman.observe' has no attribute {name!r}")
    return getattr(import_module(f"dragoman.observe.{_HOME_OF[name]}"), name)
