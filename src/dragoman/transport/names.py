"""
Host names to addresses, in bounded time.

The system's resolver cannot be interrupted and may take half a minute.  So it runs in a daemon thread, which is left
behind when the connect clock runs out; callers who ask for the same name at the same time share one thread, so that a
dead resolver costs one thread for each name and not one for each call.  Literal addresses need none of this.

Why not the event loop's executor: at the end of `asyncio.run` that one is waited for.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from dragoman.transport.base import Clockout

# What `socket.getaddrinfo` gives: family, type, protocol, canonical name, address.
AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]


def earlier(one: float | None, other: float | None) -> float | None:
    """The deadline that comes first; None is none."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


class Lookup:
    """One running resolution."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._found: list[AddressInfo] = []
        self._failure: OSError | None = None
        self._callbacks: list[Callable[[Lookup], None]] = []
        self._lock = threading.Lock()

    def run(self, host: str, port: int) -> None:
        """Resolve; called in a thread of its own."""
        try:
            self._found = addresses(host, port)
        except OSError as error:
            self._failure = error
        except UnicodeError:
            self._failure = socket.gaierror(socket.EAI_NONAME, "not a valid host name")
        with self._lock:
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def result(self) -> list[AddressInfo]:
        """Return what was found.

        Raises:
            OSError: The name does not resolve.
        """
        if self._failure is not None:
            # A fresh one: several callers raise it, each with a traceback of its own.
            raise type(self._failure)(*self._failure.args)
        return self._found

    def wait(self, until: float | None) -> list[AddressInfo]:
        """Block for the result.

        Raises:
            Clockout: `until` passed first.
            OSError: The name does not resolve.
        """
        left = None if until is None else max(0.0, until - time.monotonic())
        if not self._done.wait(left):
            raise Clockout(sent=False)
        return self.result()

    def on_done(self, callback: Callable[[Lookup], None]) -> None:
        """Call `callback` when done: at once, or later in the resolving thread."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback(self)


_lock = threading.Lock()
_running: Final[dict[tuple[str, int], Lookup]] = {}


def addresses(host: str, port: int) -> list[AddressInfo]:
    """Ask the system, and block as long as it likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, kind, protocol, name, address) for family, kind, protocol, name, address in found]  # type: ignore[misc]


def is_literal(host: str) -> bool:
    """Whether `host` is an IP address, so that resolving it asks nobody."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False


def lookup(host: str, port: int) -> Lookup:
    """Start to resolve, or join who asks already.  An IP address is done at once."""
    key = (host, port)
    if is_literal(host):
        literal = Lookup()
        literal.run(host, port)
        return literal
    with _lock:
        running = _running.get(key)
        if running is not None:
            return running
        started = _running[key] = Lookup()
    started.on_done(lambda _: _forget(key))
    threading.Thread(target=started.run, args=key, name=f"dragoman-resolve-{host}", daemon=True).start()
    return started


def _forget(key: tuple[str, int]) -> None:
    with _lock:
        _running.pop(key, None)


def _after_fork() -> None:
    """The threads are not in the child, and the lock may be held by one of them."""
    global _lock
    _lock = threading.Lock()
    _running.clear()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
