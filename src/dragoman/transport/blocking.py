"""
The transport of the blocking face, over urllib3.

Its methods are coroutines by name only: they block and never suspend, so one `send(None)` runs them to their end.

Deadlines hold whatever the server drips, see `line`.  A request is sent at most once for each `open`.
"""

from __future__ import annotations

import email.errors
import http.client
import os
import time
import weakref
from collections.abc import Mapping
from typing import Final

from dragoman.errors import WireError
from dragoman.transport.base import Clockout, Disconnected, Limits
from dragoman.transport.body import Body, Cut
from dragoman.transport.chunked import ChunkError
from dragoman.transport.connection import Connection, Head, HeadersCut
from dragoman.transport.decompress import Intake
from dragoman.transport.failures import connect_error, refusal, wants_certificate
from dragoman.transport.headers import incoming, outgoing, too_large
from dragoman.transport.line import HeadersTooLarge
from dragoman.transport.names import earlier
from dragoman.transport.pool import Pool
from dragoman.transport.proxy import Proxies
from dragoman.transport.routes import Route, Routes
from dragoman.transport.tls import TrustStore
from dragoman.transport.tls_value import TLS
from dragoman.transport.upload import pieces
from dragoman.types.http import HttpRequest

# A line that is no header ends the parser's reading; what follows it would be taken for the body.
_DEFECTS: Final = (email.errors.MissingHeaderBodySeparatorDefect, email.errors.FirstHeaderLineIsContinuationDefect)


class BlockingExchange:
    """
    One answer that is being read.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; repeated ones joined by `, `.
    """

    def __init__(
        self, pool: Pool, route: Route, connection: Connection, head: Head, limits: tuple[int, int], reused: bool
    ) -> None:
        self.status: int = head.status
        self.headers = _headers(head, limits[0])
        self._intake = Intake(self.headers, limits[1])
        self._plain = self._intake.plain
        self._pool = pool
        self._route = route
        self._reused = reused
        self._keep = not head.will_close and not route.forwarded
        self._line = connection.open_line
        self._body = Body(self._line, head.leftover(), chunked=bool(head.chunked), length=head.length)
        # Whoever takes the connection out of here, by one atomic pop, decides what becomes of it.
        self._owned = [connection]

    async def read(self, until: float | None) -> bytes:
        """As the seam says; after `Clockout` there is nothing to do but `abort`."""
        if not self._owned:
            return self._afterwards()
        if until is not None and until <= time.monotonic():
            raise Clockout(sent=True)
        self._line.until = until
        try:
            return self._intake.count(self._body.read()) if self._plain else self._inflated()
        except (OSError, Cut, ChunkError) as error:
            self.abort()
            raise Disconnected(_reason(error), answered=True, reused=self._reused) from error
        except WireError:
            self.abort()
            raise

    def _inflated(self) -> bytes:
        data = self._intake.pending()
        while not data:
            raw = self._body.read()
            if not raw:
                self._intake.close()
                break
            data = self._intake.take(raw)
        return data

    def _afterwards(self) -> bytes:
        """The connection is somebody else's, or closed."""
        if not self._body.ended:
            raise Disconnected("the exchange was aborted or released", answered=True, reused=self._reused)
        return b""

    def release(self) -> None:
        """
        The answer is whole: keep the connection, if its body's end is here already or comes before the next call.

        Never waits: the end is looked for now, and again when the connection is wanted.
        """
        if not self._owned:
            return
        connection = self._owned.pop()
        body = self._body
        if not body.ended:
            body.drain()
        if self._keep and not body.broken and (body.clean or not body.ended):
            connection.body = body
            self._pool.give(self._route, connection)
        else:
            connection.end()

    def abort(self) -> None:
        """Close the connection now.  Idempotent, from any thread."""
        try:
            connection = self._owned.pop()
        except IndexError:
            return
        connection.end()


class BlockingTransport:
    """Opens exchanges; any number of threads may use one, and so may the child of a fork."""

    def __init__(
        self,
        *,
        proxy: Proxies | None = None,
        environ: Mapping[str, str] | None = None,
        tls: TLS | None = None,
        max_headers: int = Limits.headers,
        max_body: int = Limits.body,
    ) -> None:
        """
        Args:
            proxy: URL of the proxy for all requests, or one for each scheme; `""` for none; None lets `environ` decide,
                see `proxy`.
            environ: Environment variables for proxies and certificates, looked at from the first call on; None for
                none.
            tls: Whom to trust and who to be; None for the defaults.
            max_headers: Largest headers of an answer, in bytes.
            max_body: Largest body of an answer, in bytes, after decompression.

        Raises:
            ConfigError: `proxy` has not the form of proxies.
        """
        self._routes = Routes(environ, proxy)
        self._trust = TrustStore(environ or {}, tls)
        self._limits = (max_headers, max_body)
        self._pool = Pool()
        _transports.add(self)

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> BlockingExchange:
        """As the seam says."""
        route, target = self._routes.find(request.url)
        headers = outgoing(request, alone=route.forwarded)
        if until is not None and until <= time.monotonic():
            raise Clockout(sent=False)
        connection = self._pool.take(route)
        reused = connection is not None
        if connection is None:
            connection = self._connect(route, earlier(connect_until, until))
        line = connection.open_line
        line.until = until
        try:
            body = b"".join(pieces(request.upload)) if request.upload is not None else request.body
            head = connection.exchange(request.method, target, headers, body)
            if head.status == 407 and route.forwarded:
                raise connect_error(route, refusal(407, head.reason))
            return BlockingExchange(self._pool, route, connection, head, self._limits, reused)
        except HeadersTooLarge:
            connection.end()
            raise too_large(self._limits[0]) from None
        except (OSError, HeadersCut, http.client.HTTPException) as error:
            connection.end()
            if line.answered and isinstance(error, http.client.HTTPException):
                raise WireError(f"the answer cannot be read: {error}") from None
            if wants_certificate(error) and not reused:
                raise connect_error(route, error) from error
            raise Disconnected(_reason(error), answered=line.answered, reused=reused) from error
        except BaseException:
            connection.end()
            raise

    def _connect(self, route: Route, until: float | None) -> Connection:
        if until is not None and until <= time.monotonic():
            raise Clockout(sent=False)
        context = self._trust.context() if route.encrypted else None
        connection = Connection(route, self._limits[0])
        try:
            self._pool.track(connection.open(until, context))
        except Clockout:
            raise Clockout(sent=False) from None
        except (OSError, http.client.HTTPException, HeadersTooLarge) as error:
            raise connect_error(route, error, at_proxy=connection.at_proxy) from error
        return connection

    def close(self) -> None:
        """Close every idle connection.  Idempotent; the transport can be used again."""
        self._pool.close()

    async def aclose(self) -> None:
        """The same: nothing here is left for later."""
        self.close()

    def _forget(self) -> None:
        self._trust.reset_lock()
        self._pool.forget()


def _headers(head: Head, limit: int) -> dict[str, str]:
    if any(isinstance(defect, _DEFECTS) for defect in head.msg.defects):
        raise WireError("the answer cannot be read: a line of its headers is none")
    return incoming(head.msg.items(), limit)


def _reason(error: BaseException) -> str:
    if isinstance(error, HeadersCut):
        return "the connection ended inside the headers"
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, OSError):
        return "the server sent something that is not HTTP"
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__


_transports: weakref.WeakSet[BlockingTransport] = weakref.WeakSet()


def _after_fork() -> None:
    for transport in list(_transports):
        transport._forget()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
