"""
Which conversation a call belongs to, for observers.

A conversation says so around each call that it makes; calls that a turn's tools make are within it, too.

Rule: nothing but observing depends on it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_conversation: ContextVar[str] = ContextVar("dragoman.conversation", default="")


def conversation() -> str:
    """Name of the conversation that asks at this moment; empty if none does."""
    return _conversation.get()


@contextmanager
def belonging_to(name: str) -> Generator[None]:
    """Calls that begin meanwhile belong to a conversation."""
    token = _conversation.set(name)
    try:
        yield
    finally:
        _conversation.reset(token)
