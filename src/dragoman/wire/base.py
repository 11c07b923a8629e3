"""
What a wire is: the pure codec of one HTTP dialect, both halves, no I/O.

The client half writes requests and reads answers; the server half reads requests and writes answers.  A decoder takes
bytes as they come and gives events; it holds the rule that no answer is complete without evidence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import msgspec

from dragoman.errors import ConfigError, DragomanError, StatusError, StreamInterrupted, WireError
from dragoman.types.events import BEFORE_CONTENT, Event
from dragoman.types.fold import fold, unfold
from dragoman.types.http import HttpRequest
from dragoman.types.jsonable import checked_object
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire import sse

_BOM = b"\xef\xbb\xbf"
# How much of a body that is not the protocol is shown in the error.
_SHOWN = 200


class Decoder(Protocol):
    """
    Reads one streamed answer.

    Attributes:
        seen: All events so far.
        complete: The answer is proved complete; the bytes may end now.
        done: The end marker was read; nothing more is to come.
    """

    seen: list[Event]
    complete: bool
    done: bool

    def feed(self, chunk: bytes) -> list[Event]:
        """
        Take bytes and return the events that they complete.

        An error that comes after events in the same bytes is raised by the next call, so that the events do not depend
        on where the bytes were cut.  `feed(b"")` raises it, or returns nothing.

        Raises:
            StatusError: The provider reported an error in the stream; `.partial` has the answer so far.
            WireError: Not the protocol.
        """
        ...

    def close(self) -> list[Event]:
        """
        The bytes have ended: return the last events, of which `Finish` is the very last.

        Raises:
            StreamInterrupted: There is no evidence that the answer is complete.
        """
        ...


class Encoder(Protocol):
    """Writes one streamed answer."""

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        ...

    def close(self) -> bytes:
        """Write the end marker."""
        ...

    def error(self, error: DragomanError) -> bytes:
        """Write an error into the open stream, as its dialect does; what was open is closed first."""
        ...


class Wire(Protocol):
    """The codec of one dialect."""

    name: str

    def encode_request(self, request: ChatRequest, provider: Provider) -> HttpRequest:
        """Write a request, without credentials.  What it could not carry is in `.notices`."""
        ...

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> ChatResponse:
        """
        Read a plain answer.

        Raises:
            StatusError: The provider said no, by status or in the body.
            WireError: Not the protocol.
        """
        ...

    def decoder(self, provider: Provider | None = None) -> Decoder:
        """Start to read a streamed answer."""
        ...

    def decode_request(self, body: bytes, *, path: str = "") -> ChatRequest:
        """
        Read a request, as a server.

        Raises:
            ConfigError: Not a request of this dialect; `.field` says where.
        """
        ...

    def encode_response(self, response: ChatResponse) -> bytes:
        """Write a plain answer, as a server."""
        ...

    def encoder(self) -> Encoder:
        """Start to write a streamed answer, as a server."""
        ...

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        """Write an error, as a server: status, headers, body."""
        ...


class StreamDecoder(ABC):
    """
    What all decoders share: events in order, errors at their place, nothing complete without evidence.

    A dialect implements `_read`, which appends to `seen` and sets `complete` and `done`, and may override `_end`, which
    appends the last events.
    """

    wire: ClassVar[str]

    def __init__(self, provider: Provider | None = None) -> None:
        self.provider = provider
        self.seen: list[Event] = []
        self.complete = False
        self.done = False
        self._failure: DragomanError | None = None
        self._closed = False

    def feed(self, chunk: bytes) -> list[Event]:
        if self._failure is not None:
            raise self._failure
        if self.done or not chunk:
            return []
        before = len(self.seen)
        try:
            self._read(chunk)
        except DragomanError as error:
            self._fail(error)
            if len(self.seen) == before:
                raise
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # Fields that a dialect skips are not looked at until their raw form is wanted.
            damaged = WireError(f"an event of the stream is damaged ({error})")
            self._fail(damaged)
            if len(self.seen) == before:
                raise damaged from error
        return self.seen[before:]

    def close(self) -> list[Event]:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            return []
        self._closed = True
        before = len(self.seen)
        try:
            if self.complete or self._ends_without_marker():
                self._end()
            else:
                self._unfinished()
        except DragomanError as error:
            self._fail(error)
            raise
        return self.seen[before:]

    @abstractmethod
    def _read(self, chunk: bytes) -> None:
        """Take bytes in."""

    def _end(self) -> None:  # noqa: B027 - not abstract: a dialect may have no last events
        """Append the last events of a complete answer."""

    def _ends_without_marker(self) -> bool:
        """Whether a clean end is the end, for a provider that is known to send no more than that."""
        omits = self.provider is not None and self.provider.quirks.omits_finish
        return omits and any(not isinstance(event, BEFORE_CONTENT) for event in self.seen)

    def _unfinished(self) -> None:
        """The bytes ended without evidence: complain, or find the answer after all and set `complete`."""
        raise StreamInterrupted(
            "the answer ended before it was complete" if self.seen else "the stream ended without an answer"
        )

    def _fail(self, error: DragomanError) -> None:
        if error.partial is None and self.seen:
            error.partial = fold(self.seen)
        if error.provider is None and self.provider is not None:
            error.provider = self.provider.name
        self._failure = error


class FramedDecoder(StreamDecoder):
    """
    A dialect over frames of any kind.

    A dialect implements `_plain`; a framing gives bytes to `_hold` until its first frame came, and sets `_framed`.
    Also sees to bodies that are no stream at all: a plain JSON answer or error, an HTML page.
    """

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._unframed: list[bytes] = []  # what came before the first frame
        self._held = 0
        self._framed = False

    def _hold(self, chunk: bytes) -> None:
        """Keep what may turn out to be a plain body."""
        if self._held < sse.MAX_FRAME:
            self._unframed.append(chunk)
            self._held += len(chunk)

    @abstractmethod
    def _plain(self, body: bytes) -> ChatResponse:
        """Read a plain body of this dialect, or raise the error that it holds."""

    def _unfinished(self) -> None:
        body = b"".join(self._unframed).removeprefix(_BOM).strip() if not self._framed else b""
        if body[:1] == b"{":
            self.seen.extend(unfold(self._plain(body)))
            self.complete = True
        elif body[:1] in (b"<", b"["):
            raise not_protocol(body, "the answer is no event stream")
        else:
            super()._unfinished()


class SseDecoder(FramedDecoder):
    """A dialect over server-sent events, which implements `_frame` and `_plain`."""

    def __init__(self, provider: Provider | None = None) -> None:
        super().__init__(provider)
        self._sse = sse.Decoder()

    def _read(self, chunk: bytes) -> None:
        for kind, data in self._sse.each(chunk):
            self._framed = True
            if self.done:
                return
            self._frame(kind, data)
        if self._sse.failure is not None and not self.done:
            raise self._sse.failure
        if not self._framed:
            self._hold(chunk)

    @abstractmethod
    def _frame(self, kind: bytes, data: bytes) -> None:
        """Read one event of the stream."""


def not_protocol(body: bytes, what: str, path: str | None = None) -> WireError:
    """The error for a body that is not the protocol, showing how it begins."""
    start = body[:_SHOWN].decode("utf-8", "replace")
    hint = ": it is an HTML page; check the base URL, and proxies on the way" if body.lstrip()[:1] == b"<" else ""
    return WireError(f"{what}{hint}; it begins {start!r}", path=path, body=start)


def decode_json(body: bytes, kind: Any, what: str) -> Any:
    """
    Decode JSON to a type, leniently in what it does not name.

    Raises:
        WireError: Not JSON, or a field of the wrong type; `.path` says which.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `")
        raise not_protocol(body, f"{what} is not what the dialect says: {text}", path.rstrip("`") or None) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if body.startswith(_BOM):  # RFC 8259 section 8.1: nobody should send it, and it may be ignored
            return decode_json(body[len(_BOM) :], kind, what)
        raise not_protocol(body, f"{what} is not JSON ({error})") from error


def encode_json(body: dict[str, Any]) -> bytes:
    """
    Encode the body of a request.

    Raises:
        ConfigError: A text in it has no bytes (half a surrogate pair), or a value is not JSON; `.field` says where.
    """
    try:
        return msgspec.json.encode(body)
    except (UnicodeEncodeError, TypeError) as error:
        checked_object(body, "body")  # names the place
        raise ConfigError(f"the request cannot be written as JSON: {error}", field="body") from error


# --- errors, as a server --------------------------------------------------------------------------------------------

_STATUS_OF: dict[str, int] = {
    "BadRequestError": 400,
    "ContextLengthError": 400,
    "ContentFilterError": 400,
    "ConfigError": 400,
    "MissingKeyError": 401,
    "AuthenticationError": 401,
    "QuotaError": 429,
    "PermissionDeniedError": 403,
    "UnknownProviderError": 404,
    "UnknownModelError": 404,
    "NotFoundError": 404,
    "RateLimitError": 429,
    "RefusedLocally": 429,
    "OverloadedError": 503,
    "TimeoutError": 504,
    "TransportError": 502,
    "WireError": 502,
    "StatusError": 500,
}


def status_of(error: DragomanError) -> int:
    """HTTP status under which a server reports `error`."""
    if isinstance(error, StatusError) and error.status is not None and error.status >= 400:
        return error.status
    return next((_STATUS_OF[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _STATUS_OF), 500)


def error_headers(error: DragomanError) -> dict[str, str]:
    """Headers that go with an error: its type, and when to come back."""
    headers = {"content-type": "application/json"}
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    if error.request_id:
        headers["x-request-id"] = error.request_id
    return headers
