"""
One HTTP/1.1 connection of the blocking face: urllib3's, on a `Line`.

urllib3 (and `http.client` below it) writes the request, speaks CONNECT with a proxy and reads status line and headers.
It is not asked for anything that decides: no pool, no retry, no redirect, no timeout, no cookie; and not for the
body, see `chunked`.
"""

from __future__ import annotations

import http.client
import io
import ssl
import time
from typing import Any, cast

from urllib3.connection import HTTPConnection

from dragoman.transport.body import Body
from dragoman.transport.dial import dial, dial_unix
from dragoman.transport.line import Line
from dragoman.transport.proxy import Proxy
from dragoman.transport.routes import Route
from dragoman.transport.socks import dial_socks


class HeadersCut(Exception):
    """The connection ended inside the headers."""


class Head(http.client.HTTPResponse):
    """Status line and headers of an answer."""

    def begin(self) -> None:
        """Read up to the end of the headers; interim answers (RFC 9110 section 15.2) are passed over."""
        line = self._line()
        line.answered = False
        try:
            super().begin()
            while 101 < self.status < 200:
                self.headers = self.msg = None  # type: ignore[assignment]
                super().begin()
        finally:
            status: object = self.status  # until it is known, a word
            line.answered = isinstance(status, int)
        # The parser of headers takes the end of the connection for their end.
        if line.ended:
            raise HeadersCut

    def leftover(self) -> bytes:
        """Return what was received beyond the headers, and read no more through this object."""
        buffered = cast(Any, self.fp)
        buffered.raw.sealed = True
        rest: bytes = buffered.peek()
        self.close()
        return rest

    def _line(self) -> Line:
        line: Line = cast(Any, self.fp).raw.line
        return line


class Connection(HTTPConnection):
    """
    A connection on a route.

    Attributes:
        line: The socket below, once open; the connection's owner ends it.
        body: Body of the last answer, whose end may not have been read yet.
        used: When it was last given back, on `time.monotonic`.
        at_proxy: Whether what happens now happens between here and the proxy.
    """

    auto_open = 0  # a connection that was closed stays closed; nothing is sent twice
    response_class = Head

    def __init__(self, route: Route, max_headers: int) -> None:
        self._route = route
        # The reader takes in more than the headers, by what it has room for.
        self._allowance = max_headers + io.DEFAULT_BUFFER_SIZE
        self._until: float | None = None
        self._context: ssl.SSLContext | None = None
        self.at_proxy = False
        self.line: Line | None = None
        self.body: Body | None = None
        self.used = 0.0
        origin, proxy = route
        through = proxy if proxy is not None and not proxy.socks else None
        host, port = ("localhost", 80) if origin.unix else (origin.host, origin.port)
        super().__init__(*((host, port) if through is None else (through.host, through.port)))
        self.default_port = 443 if origin.scheme == "https" else 80  # type: ignore[misc]
        if through is not None and not route.forwarded:
            authorization = through.authorization
            headers = {} if authorization is None else {"Proxy-Authorization": authorization}
            self.set_tunnel(origin.host, origin.port, headers=headers)

    def open(self, until: float | None, context: ssl.SSLContext | None) -> Line:
        """
        Connect, through the proxy if there is one.

        Args:
            until: Deadline on `time.monotonic`, or None.
            context: For TLS; None where no part of the way is encrypted.

        Raises:
            Clockout: `until` passed.
            OSError, HTTPException: No connection.
        """
        self._until, self._context = until, context
        try:
            self.connect()
            line = self.open_line
            if context is not None and self._route.origin.scheme == "https":
                line.start_tls(context, self._route.origin.host.rstrip("."))
        except BaseException:
            self.end()
            raise
        line.sent = False
        return line

    @property
    def open_line(self) -> Line:
        """The line of a connection that is open."""
        if self.line is None:
            raise ConnectionAbortedError("the connection is not open")
        return self.line

    def end(self) -> None:
        """Close now; idempotent, from any thread."""
        if self.line is not None:
            self.line.abort()

    def drained(self) -> bool:
        """Whether the last answer was read to its end, which is looked for once more without waiting."""
        body = self.body
        if body is None:
            return True
        return (body.ended or body.drain()) and body.clean

    def _new_conn(self) -> Any:
        origin, proxy = self._route
        if origin.unix:
            self.line = dial_unix(origin.host, self._until)
        elif proxy is None:
            self.line = dial(self._dns_host, self.port, self._until)
        elif proxy.socks:
            self.line = dial_socks(proxy, origin.host, origin.port, self._until)
        else:
            self.line = self._dial_proxy(proxy)
        self.line.allowance = self._allowance
        return self.line

    def _dial_proxy(self, proxy: Proxy) -> Line:
        self.at_proxy = True
        self.line = dial(proxy.host, proxy.port, self._until)
        if proxy.encrypted and self._context is not None:
            self.line.start_tls(self._context, proxy.host.rstrip("."))
        self.at_proxy = False
        return self.line

    def exchange(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Head:
        """
        Send a request and read the head of its answer, before the line's deadline.

        Raises:
            OSError, HTTPException, HeadersCut, HeadersTooLarge, Clockout: As they come.
        """
        line = self.open_line
        line.allowance = None
        line.sent = False
        self.body = None
        line.cork()
        proxy = self._route.proxy
        if self._route.forwarded and proxy is not None:
            target = self._route.origin.url + target
            if proxy.authorization is not None:
                headers = {**headers, "proxy-authorization": proxy.authorization}
        encoded = {name: value if value.isascii() else value.encode() for name, value in headers.items()}
        self.request(method, target, body=body or None, headers=cast(dict[str, str], encoded))
        try:
            line.uncork()
        except (BrokenPipeError, ConnectionResetError):
            # The server may have answered and closed before it read everything: a 413, a 401.
            line.until = _soon(line.until)
        line.allowance = self._allowance
        return cast(Head, http.client.HTTPConnection.getresponse(self))


def _soon(until: float | None) -> float:
    """A second from now: an answer that was sent before the connection broke is here already."""
    soon = time.monotonic() + 1.0
    return soon if until is None else min(soon, until)
