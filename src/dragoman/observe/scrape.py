"""
Giving metrics to Prometheus: as bytes, as an ASGI or WSGI app, or from a server of its own.

Where `PROMETHEUS_MULTIPROC_DIR` is set, what is given is the sum over all processes that write there.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.observe.prometheus import library

DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"


def asgi_app(registry: Any = None) -> Any:
    """
    Return an ASGI app that answers with the metrics, for `app.mount("/metrics", asgi_app())`.

    Args:
        registry: Where the metrics are; by default prometheus-client's own, or all processes' where that is set up.

    Raises:
        ConfigError: prometheus-client is not installed, or the directory of the processes is not there.
    """
    return library().make_asgi_app(registry=source(registry))


def wsgi_app(registry: Any = None) -> Any:
    """Return a WSGI app that answers with the metrics.  Argument and errors as `asgi_app`."""
    return library().make_wsgi_app(registry=source(registry))


def exposition(registry: Any = None) -> bytes:
    """Return the metrics in Prometheus' text format.  Argument and errors as `asgi_app`."""
    text: bytes = library().generate_latest(source(registry))
    return text


def source(registry: Any = None, directory: str | os.PathLike[str] | None = None) -> Any:
    """
    What is to be given: the registry, or the sum over all processes.

    Args:
        registry: If it is given, this one and nothing else.
        directory: Where the processes write; by default as the variable says.

    Raises:
        ConfigError: The directory is not there.
    """
    if registry is not None:
        return registry
    path = directory if directory is not None else os.environ.get(DIRECTORY)
    client = library()
    if path is None:
        return client.REGISTRY
    if not Path(path).is_dir():
        raise ConfigError(f"{DIRECTORY} is no directory: {os.fspath(path)}", field=DIRECTORY)
    together = client.CollectorRegistry()
    multiprocess: Any = import_module("prometheus_client.multiprocess")
    multiprocess.MultiProcessCollector(together, path=os.fspath(path))
    return together
