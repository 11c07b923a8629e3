"""
SOCKS proxies, by python-socks (the extra `socks`).

python-socks speaks the protocol; the connection to the proxy is ours, so that the connect clock holds.  `socks4` and
`socks5` resolve the target here, `socks4a` and `socks5h` at the proxy.
"""

from __future__ import annotations

import socket
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.transport.dial import dial
from dragoman.transport.failures import ProxyRefused
from dragoman.transport.line import Line
from dragoman.transport.names import AddressInfo, is_literal, lookup
from dragoman.transport.proxy import Proxy

# python-socks has a clock of its own, which None sets to a minute.  A day, in seconds, so that only ours counts.
_NO_CLOCK: Final = 86400.0


def pick_address(proxy: Proxy, found: list[AddressInfo]) -> str:
    """
    Choose the target's address: SOCKS4 knows IPv4 only.

    Raises:
        OSError: There is none.
    """
    usable = [item for item in found if item[0] == socket.AF_INET or not proxy.scheme.startswith("socks4")]
    if not usable:
        raise OSError("SOCKS4 carries IPv4 only, and the name has no such address; use socks4a or socks5")
    return str(usable[0][4][0])


def dial_socks(proxy: Proxy, host: str, port: int, until: float | None) -> Line:
    """
    Connect to `host` through a SOCKS proxy.

    Raises:
        ConfigError: The extra is not installed.
        Clockout: `until` passed.
        OSError: The proxy cannot be reached, or refuses.
    """
    socks = _library()
    from python_socks.sync import Proxy as Tunnel

    if not proxy.takes_names and not is_literal(host):
        host = pick_address(proxy, lookup(host, port).wait(until))
    line = dial(proxy.host, proxy.port, until)
    try:
        Tunnel(**_arguments(proxy, _Dialled(line))).connect(host, port)
    except socks.ProxyError as error:
        line.abort()
        raise _refused(error) from error
    except BaseException:
        line.abort()
        raise
    line.sent = False
    return line


async def open_socks(proxy: Proxy, host: str, port: int, sock: socket.socket) -> None:
    """
    Make `sock`, which is connected to a SOCKS proxy and does not block, a connection to `host`.

    Args:
        host: An address, or a name if the proxy takes names.

    Raises:
        ConfigError: The extra is not installed.
        OSError: The proxy refuses.
    """
    socks = _library()
    from python_socks.async_.asyncio import Proxy as Tunnel

    try:
        await Tunnel(**_arguments(proxy, _Connected(sock))).connect(host, port, timeout=_NO_CLOCK)
    except socks.ProxyError as error:
        raise _refused(error) from error


def _arguments(proxy: Proxy, way: _Dialled | _Connected) -> dict[str, Any]:
    """What python-socks wants to know; `way` stands where it expects a proxy before the proxy."""
    from python_socks import ProxyType

    return {
        "proxy_type": ProxyType.SOCKS4 if proxy.scheme.startswith("socks4") else ProxyType.SOCKS5,
        "host": proxy.host,
        "port": proxy.port,
        "username": proxy.username,
        "password": proxy.password,
        "rdns": True,  # what is to be resolved here was resolved here
        "forward": way,
    }


def _refused(error: Exception) -> ProxyRefused:
    # The library has no class for it: what it says of user and password has this word in it.
    login = "authentication" in str(error).lower()
    hint = "; give its user and password: socks5://user:password@host:port" if login else ""
    return ProxyRefused(f"{error}{hint}", retryable=not login)


def _library() -> Any:
    try:
        import python_socks
    except ImportError:
        raise ConfigError("a SOCKS proxy needs an extra: pip install dragoman[socks]", field="proxy") from None
    return python_socks


class _Dialled:
    """Hands python-socks our connection, where it expects a proxy before the proxy."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def connect(self, dest_host: str, dest_port: int, **_: object) -> Line:
        return self._line


class _Connected:
    """The same, asynchronous."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def connect(self, dest_host: str, dest_port: int, **_: object) -> socket.socket:
        return self._sock
