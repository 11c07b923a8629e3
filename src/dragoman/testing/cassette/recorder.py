"""
Writing an exchange down while it happens: a transport around a transport, and an exchange around an exchange.

Rule: what is recorded is what the caller got, and when.  A time is how long the caller waited for a thing, so that a
slow reader does not make a slow recording.
"""

from __future__ import annotations

import threading
from typing import Final

from dragoman.runtime import Runtime
from dragoman.testing.cassette.bodies import Timed, answer_fields, request_fields
from dragoman.testing.cassette.failures import failure_of, scrubbed
from dragoman.testing.cassette.model import Answered, Asked, End, Exchange, Failure
from dragoman.testing.cassette.scrub import Scrubber
from dragoman.testing.cassette.secret_names import DULL_ANSWER_HEADERS, DULL_REQUEST_HEADERS
from dragoman.transport import base
from dragoman.types.http import HttpRequest

_DIGITS: Final = 3  # milliseconds: what is finer is noise
LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a body that a cassette holds: it is read by people, and searched for secrets."""


class Take:
    """
    An exchange in the making, with all its secrets: it stays in memory.

    Attributes:
        request: As it was sent, with credentials.
        headers: Of the answer.
        too_large: Whether its body is larger than a cassette holds.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.headers: dict[str, str] = {}
        self.too_large = len(request.body) > LARGEST
        self._size = 0
        self._status: int | None = None
        self._after = 0.0
        self._pieces: list[Timed] = []
        self._end: End = "left"
        self._failure: Failure | None = None
        self._over = False
        # The garbage collector may abort an exchange while this thread writes it down.
        self._lock = threading.RLock()

    def answered(self, status: int, headers: dict[str, str], after: float) -> None:
        """The headers came."""
        self._status, self.headers, self._after = status, dict(headers), _rounded(after)

    def came(self, data: bytes, after: float) -> None:
        """A piece of the body came."""
        with self._lock:
            self._size += len(data)
            if self._size > LARGEST:
                self.too_large = True
                self._pieces.clear()
            elif not self._over:
                self._pieces.append((_rounded(after), data))

    def ended(self, end: End) -> None:
        """It is over; the first word counts."""
        with self._lock:
            if not self._over:
                self._over, self._end = True, end

    def failed(self, error: BaseException, after: float) -> None:
        """It raised."""
        failure = failure_of(error, _rounded(after))
        with self._lock:
            if not self._over:
                self._over, self._failure = True, failure
                self._end = "left" if failure is None else "failed"

    def learn(self, scrubber: Scrubber) -> None:
        """Tell what is secret in it."""
        scrubber.learn_request(self.request.url, self.request.headers)
        scrubber.learn_answer(self.headers)

    def exchange(self, scrubber: Scrubber) -> Exchange:
        """What came of it so far, without secrets."""
        with self._lock:
            pieces, failure, end = list(self._pieces), self._failure, self._end
        response = None
        if self._status is not None:
            response = Answered(
                after=self._after,
                status=self._status,
                headers=scrubber.headers(self.headers, DULL_ANSWER_HEADERS),
                **answer_fields(pieces, scrubber),
            )
        return Exchange(
            request=asked(self.request, scrubber),
            response=response,
            failure=None if failure is None else scrubbed(failure, scrubber),
            end=end,
        )


def asked(request: HttpRequest, scrubber: Scrubber) -> Asked:
    """A request without secrets."""
    return Asked(
        method=request.method,
        url=scrubber.url(request.url),
        headers=scrubber.headers(request.headers, DULL_REQUEST_HEADERS),
        **request_fields(request.body, scrubber),
    )


async def record(
    take: Take, inner: base.Transport, runtime: Runtime, *, connect_until: float | None, until: float | None
) -> base.Exchange:
    """Send the request of a take and write down what comes."""
    began = runtime.now()
    try:
        exchange = await inner.open(take.request, connect_until=connect_until, until=until)
    except BaseException as error:
        take.failed(error, runtime.now() - began)
        raise
    take.answered(exchange.status, exchange.headers, runtime.now() - began)
    return _Watched(exchange, take, runtime)


class _Watched:
    """An answer that is written down while it is read; see `transport.base.Exchange`."""

    def __init__(self, inner: base.Exchange, take: Take, runtime: Runtime) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._inner = inner
        self._take = take
        self._runtime = runtime

    async def read(self, until: float | None) -> bytes:
        began = self._runtime.now()
        try:
            data = await self._inner.read(until)
        except BaseException as error:
            self._take.failed(error, self._runtime.now() - began)
            raise
        if data:
            self._take.came(data, self._runtime.now() - began)
        else:
            self._take.ended("whole")
        return data

    def release(self) -> None:
        self._take.ended("enough")
        self._inner.release()

    def abort(self) -> None:
        self._take.ended("left")
        self._inner.abort()


def _rounded(seconds: float) -> float:
    return round(seconds, _DIGITS)
