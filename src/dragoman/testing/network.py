"""
No network: a fence around this process, for the time of a test.

Two rings.  Clients of Dragoman are stopped before they send, by an error that no retry and no plan takes for a failure
of the network.  Everything else is stopped at its sockets, through Python's audit events (`socket.connect`,
`socket.getaddrinfo`...): whatever library it is, in whatever thread.

Rule: this machine is free: loopback addresses, unix sockets, and hosts that were named.  What is not seen: other
processes, libraries that make system calls of their own, and where a proxy on this machine sends what a library other
than ours gives it.

Source: Python's audit events table; sys.addaudithook, which has no way back: the hook stays and does nothing.
"""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from dragoman.errors import ConfigError
from dragoman.runtime import Runtime
from dragoman.transport.base import Exchange, Transport
from dragoman.transport.wrapping import put_around, take_away
from dragoman.types.http import HttpRequest

_ADVICE: Final = (
    "play it (`dragoman_cassette`, --dragoman-record=once), answer it (`dragoman_server`), or allow it: "
    "@pytest.mark.dragoman_network, or the ini option dragoman_allow_hosts"
)


class NetworkBlockedError(ConfigError):
    """A client wanted to send a request to another machine, and the test may not."""


class SocketBlockedError(PermissionError):
    """A library wanted to reach another machine, and the test may not."""


class Fence:
    """
    Keeps everything on this machine between `close` and `open`.

    Args:
        who: What is named in errors: the test.
        allow: Hosts that may be reached all the same.
    """

    def __init__(self, who: str, allow: Iterable[str] = ()) -> None:
        self._who = who
        self._allow = frozenset(host.lower() for host in allow)

    def close(self) -> None:
        """From now on nothing leaves."""
        _install()
        with _lock:
            _closed.append(self)
        put_around(self._around)

    def open(self) -> None:
        """It may again.  Idempotent."""
        take_away(self._around)
        with _lock:
            if self in _closed:
                _closed.remove(self)

    def admits(self, host: str) -> bool:
        """Whether a host may be reached."""
        name = host.lower().rstrip(".")
        return name in self._allow or is_this_machine(name)

    def refusal(self, what: str) -> str:
        """What is said."""
        return f"{self._who} may not reach the network, and wanted to {what}: {_ADVICE}"

    def _around(self, transport: Transport, runtime: Runtime) -> Transport:
        return _Fenced(transport, self)


class _Fenced:
    """A transport that sends nothing over the fence; see `transport.base.Transport`."""

    def __init__(self, inner: Transport, fence: Fence) -> None:
        self._inner = inner
        self._fence = fence

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> Exchange:
        split = urlsplit(request.url)
        if split.scheme in ("http", "https") and not self._fence.admits(split.hostname or ""):
            what = f"send {request.method} {split.path} to {split.hostname}"
            raise NetworkBlockedError(self._fence.refusal(what), field="base_url")
        return await self._inner.open(request, connect_until=connect_until, until=until)

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()


def is_this_machine(name: str) -> bool:
    """
    Whether a host name in lower case, or an address, stays on this machine.

    >>> is_this_machine("127.0.0.1"), is_this_machine("example.org")
    (True, False)
    """
    if not name or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


# --- sockets ----------------------------------------------------------------------------------------------------------

_lock: Final = threading.Lock()
_closed: Final[list[Fence]] = []
_installed = False


def _install() -> None:
    global _installed
    with _lock:
        if not _installed:
            sys.addaudithook(_hook)
            _installed = True


def _of_address(arguments: tuple[Any, ...]) -> str | None:
    """Host of (socket, address, ...); None for what is no address of the internet."""
    address: Any = arguments[1] if len(arguments) > 1 else None
    return _text(address[0]) if isinstance(address, tuple) and address else None  # pyright: ignore[reportUnknownArgumentType]


def _of_name(arguments: tuple[Any, ...]) -> str | None:
    return _text(arguments[0])


def _text(host: object) -> str | None:
    if isinstance(host, bytes):
        return host.decode("latin-1")
    return host if isinstance(host, str) else None


_EVENTS: Final[dict[str, tuple[str, Callable[[tuple[Any, ...]], str | None]]]] = {
    "socket.connect": ("connect to", _of_address),
    "socket.sendto": ("send to", _of_address),
    "socket.sendmsg": ("send to", _of_address),
    "socket.getaddrinfo": ("look up", _of_name),
    "socket.gethostbyname": ("look up", _of_name),
}


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _closed or event not in _EVENTS:
        return
    verb, host_of = _EVENTS[event]
    host = host_of(arguments)
    fence = _closed[-1]
    if host is not None and not fence.admits(host):
        raise SocketBlockedError(errno.EACCES, fence.refusal(f"{verb} {host}"))
