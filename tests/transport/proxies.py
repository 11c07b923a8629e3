"""Small proxies for tests: HTTP with CONNECT, SOCKS5 and SOCKS4.  They note what they were asked."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable


class TestProxy:
    """
    Accepts connections and hands each to a protocol.

    Attributes:
        asked: Heads of requests (HTTP), or targets (SOCKS), in order.
        port: Where it listens, on 127.0.0.1.
    """

    __test__ = False

    def __init__(self, protocol: Callable[[TestProxy, socket.socket], socket.socket | None]) -> None:
        self.asked: list[str] = []
        self.credentials: bytes | None = None
        self._protocol = protocol
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for each in self._open:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._start(self._serve, connection)

    def _start(self, function: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=function, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            upstream = self._protocol(self, connection)
            if upstream is not None:
                self._open.append(upstream)
                self._start(_pump, upstream, connection)
                _pump(connection, upstream)
                return
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


def _head(connection: socket.socket) -> str:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += _exactly(connection, 1)
    return data.decode("latin-1")


def http_proxy(proxy: TestProxy, connection: socket.socket) -> socket.socket | None:
    """Tunnels on CONNECT; forwards the first request of anything else in origin form."""
    head = _head(connection)
    proxy.asked.append(head)
    if proxy.credentials is not None and proxy.credentials.decode() not in head:
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        return None
    method, target, _ = head.split("\r\n", 1)[0].split(" ")
    if method == "CONNECT":
        host, _, port = target.rpartition(":")
        upstream = socket.create_connection((host.strip("[]"), int(port)))
        connection.sendall(b"HTTP/1.1 200 Connection established\r\nx-proxy: yes\r\n\r\n")
        return upstream
    host, _, path = target.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    upstream = socket.create_connection((name, int(port or 80)))
    upstream.sendall(head.replace(target, "/" + path, 1).encode("latin-1"))
    return upstream


def socks5_proxy(proxy: TestProxy, connection: socket.socket) -> socket.socket | None:
    """RFC 1928, with the user name and password of RFC 1929."""
    _, count = _exactly(connection, 2)
    _exactly(connection, count)
    if proxy.credentials is None:
        connection.sendall(b"\x05\x00")
    else:
        connection.sendall(b"\x05\x02")
        user = _exactly(connection, _exactly(connection, 2)[1])
        password = _exactly(connection, _exactly(connection, 1)[0])
        right = user + b":" + password == proxy.credentials
        connection.sendall(b"\x01\x00" if right else b"\x01\x01")
    *_, kind = _exactly(connection, 4)
    if kind == 1:
        host = socket.inet_ntoa(_exactly(connection, 4))
    elif kind == 4:
        host = socket.inet_ntop(socket.AF_INET6, _exactly(connection, 16))
    else:
        host = _exactly(connection, _exactly(connection, 1)[0]).decode()
    port = int.from_bytes(_exactly(connection, 2), "big")
    proxy.asked.append(f"{host}:{port}")
    return _upstream(connection, host, port, b"\x05\x00\x00\x01" + bytes(6), b"\x05\x05\x00\x01" + bytes(6))


def socks4_proxy(proxy: TestProxy, connection: socket.socket) -> socket.socket | None:
    """SOCKS4 and 4A."""
    _, _, port, raw = struct.unpack("!BBH4s", _exactly(connection, 8))
    _until_zero(connection)
    host = _until_zero(connection).decode() if raw[:3] == b"\0\0\0" else socket.inet_ntoa(raw)
    proxy.asked.append(f"{host}:{port}")
    return _upstream(connection, host, port, b"\x00\x5a" + bytes(6), b"\x00\x5b" + bytes(6))


def _until_zero(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\0"):
        data += _exactly(connection, 1)
    return data[:-1]


def _upstream(connection: socket.socket, host: str, port: int, granted: bytes, refused: bytes) -> socket.socket | None:
    try:
        upstream = socket.create_connection((host, port))
    except OSError:
        connection.sendall(refused)
        return None
    connection.sendall(granted)
    return upstream
