"""
For testing programs that call models: a real provider on 127.0.0.1 that answers what a script says.

    from dragoman.testing import Server, says, status
"""

from __future__ import annotations

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
