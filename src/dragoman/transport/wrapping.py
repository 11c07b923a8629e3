"""
What is put around the transports of every client of this process, for a while: how a recording gets in.

Rule: the innermost wins.  It is asked for each request, so that it holds for clients that were made before it, and for
none any more when it is taken away.  It is the process's and not the thread's or the task's: a program under test has
threads, and its clients are its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dragoman.transport.base import Transport

if TYPE_CHECKING:
    from dragoman.runtime import Runtime

Wrap = Callable[[Transport, "Runtime"], Transport]
"""Makes a transport around a transport, for the face whose runtime it is."""

_lock = threading.Lock()
_wraps: tuple[Wrap, ...] = ()


def wrapped(transport: Transport, runtime: Runtime) -> Transport:
    """The transport, or what is around it now."""
    return _wraps[-1](transport, runtime) if _wraps else transport


def put_around(wrap: Wrap) -> None:
    """From now on, put `wrap` around every transport."""
    global _wraps
    with _lock:
        _wraps = (*_wraps, wrap)


def take_away(wrap: Wrap) -> None:
    """Do not any more.  Idempotent."""
    global _wraps
    with _lock:
        _wraps = tuple(one for one in _wraps if one != wrap)
