"""
For testing programs that call models: a real provider on 127.0.0.1 that answers what a script says.

    from dragoman.testing import Server, says, status

Names are loaded when they are first used: the pytest plugin lives in this package, and is loaded in every run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.testing.beside import counts, embeds
    from dragoman.testing.connection import Received, Reply
    from dragoman.testing.limited import limited
    from dragoman.testing.script import calls, echo, events, model_list, raw, response, says, status
    from dragoman.testing.server import Server
    from dragoman.testing.steps import Step

__all__ = [
    "Received",
    "Reply",
    "Server",
    "Step",
    "calls",
    "counts",
    "echo",
    "embeds",
    "events",
    "limited",
    "model_list",
    "raw",
    "response",
    "says",
    "status",
]

_HOMES = {
    "beside": "counts embeds",
    "connection": "Received Reply",
    "limited": "limited",
    "script": "calls echo events model_list raw response says status",
    "server": "Server",
    "steps": "Step",
}
_HOME_OF = {name: f"dragoman.testing.{module}" for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'dragoman.testing' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
