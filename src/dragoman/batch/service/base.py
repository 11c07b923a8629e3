"""
How a provider's batch API is spoken.

A service knows one such API: how a row is written, how rows are handed in, how a batch is found again, how it stands,
and how its results are read.  It holds no state, keeps nothing, waits for nothing and repeats nothing by itself; all
that is the engine's.

    line -> lines file -> submit -> look, look, look -> results -> forget
                          find, after a crash

Each module names its class `SERVICE`; `service.service_of` finds it by the provider's row.

Rule: bodies are written and read by the wires alone, so that a batch asks and answers exactly what a call would.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from dragoman import wire
from dragoman.batch.service.calls import Calls
from dragoman.errors import DragomanError, WireError
from dragoman.types.http import HttpRequest
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

State = Literal["waiting", "running", "ended", "failed", "expired", "cancelled"]
"""How a batch stands: the last four are final, and all but `failed` may have results."""

FINAL = frozenset({"ended", "failed", "expired", "cancelled"})


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one batch may hold.

    Attributes:
        rows: Most rows.
        bytes: Most bytes of the lines file.
        one_model: Whether all its rows must be for one model.
        min_rows: Fewest rows that the provider takes; fewer are asked live.
    """

    rows: int
    bytes: int
    one_model: bool
    min_rows: int = 1


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """
    One row on its way into a batch.

    Attributes:
        key: 32 characters of `0-9a-f`, different for every row: the `custom_id`, and what results are matched by.
        request: What is asked, with the whole `provider/model`.
        model: The model's bare name, as the provider knows it.
        wire: Name of the dialect of `http` (a provider may speak several).
        http: The request as the wire has written it for a plain call (`stream` is off): `http.body` is its body,
            `http.url` its address.
    """

    key: str
    request: ChatRequest
    model: str
    wire: str
    http: HttpRequest

    @property
    def body(self) -> bytes:
        """The body of the plain call."""
        return self.http.body


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """
    One batch that is to be handed in.

    Attributes:
        path: The lines file: what `Service.line` gave, a line each.  Large: read it in pieces.
        bytes: Its length.
        count: Rows in it.
        model: The model's bare name; of the first row, where models may differ.
        wire: Name of the dialect of all rows.
        url: Address of the plain call of its first row; batch APIs name its path.
        tag: Names this batch for ever, at most 60 characters of `a-z0-9-`: written where the API lets it be found
            again (metadata, display name, client token).
        hours: Whole hours in which it shall be done, or None for what is usual.
    """

    path: Path
    bytes: int
    count: int
    model: str
    wire: str
    url: str
    tag: str
    hours: int | None = None


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """
    One batch that was handed in; kept in the journal.

    Attributes:
        id: Its name at the provider.
        files: What was uploaded for it and can be deleted.
        wire: Name of the dialect of its rows.
        model: As `Sending.model`.
    """

    id: str
    files: tuple[str, ...] = ()
    wire: str = ""
    model: str = ""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a batch stands at the provider.

    Attributes:
        state: See `State`.
        done: Rows with an answer so far, where it says so.
        failed: Rows without, likewise.
        results: Where the results are: ids of files, addresses; output and errors alike.
        error: Why it failed as a whole, in the provider's words.
        faults: Lines of its file (from 1) that made it fail as a whole, and what was wrong; the others may go again.
        crowded: Whether it failed only because too much was handed in at once: it may be handed in again later, as it
            is or in smaller pieces.
        gone: Whether the provider does not know it any more, or its results were deleted.
    """

    state: State
    done: int | None = None
    failed: int | None = None
    results: tuple[str, ...] = ()
    error: str | None = None
    faults: dict[int, str] = {}
    crowded: bool = False
    gone: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """
    What became of one row: an answer, an error, or (`expired`) nothing because time ran out or it was cancelled.

    Attributes:
        key: Of its `Part`.
        response: As the wire read it; the engine adds provider, model and price.
        error: As a plain call would have raised it; whether it is `retryable` decides whether the row goes again.
        expired: It was never asked: costs nothing, goes again.
    """

    key: str
    response: ChatResponse | None = None
    error: DragomanError | None = None
    expired: bool = False


class Service(Protocol):
    """
    One provider's batch API.  Made anew for each run, as `Service(calls)`.

    All methods raise `DragomanError`s; the engine repeats what is worth repeating, `submit` only after `find` gave
    None.

    Attributes:
        limits: What a batch may hold.
        discount: What a token costs there, as a part of its usual price: 0.5.
    """

    limits: Limits
    discount: float

    def __init__(self, calls: Calls) -> None: ...

    def line(self, part: Part) -> bytes:
        """
        Write a row, without a line feed.

        Raises:
            ConfigError: This row cannot go into a batch; it then fails with this error.
        """
        ...

    async def submit(self, sending: Sending) -> Sent:
        """Upload and create.  Creating is sent once: `calls.ask(..., again=False)`."""
        ...

    async def find(self, tag: str) -> Sent | None:
        """The batch of that tag, if the provider has one."""
        ...

    async def look(self, sent: Sent) -> Status:
        """How it stands."""
        ...

    def results(self, sent: Sent, status: Status) -> AsyncGenerator[Result, None]:
        """Read the results, in any order, in pieces (`calls.lines`): memory must not grow with rows."""
        ...

    async def cancel(self, sent: Sent) -> None:
        """End it, and keep what was done.  One that has ended already is left as it is."""
        ...

    async def forget(self, sent: Sent, status: Status) -> None:
        """Delete what was uploaded for it, where the API can; what is gone already is no error.  Results expire."""
        ...


def decoded(calls: Calls, sent: Sent, key: str, status: int, body: bytes, headers: Mapping[str, str] = {}) -> Result:
    """
    Read what the plain call would have answered.

    Args:
        calls: Of the service.
        sent: The batch.
        key: Of the row.
        status: HTTP status, as the provider tells it; 200 where it tells of success only.
        body: The body of that answer.
        headers: Of that answer, in lower case, where there are any.
    """
    dialect = wire.get(sent.wire or calls.provider.wire)
    try:
        return Result(key=key, response=dialect.decode_response(status, headers, body, calls.provider))
    except DragomanError as error:
        error.provider = error.provider or calls.provider.name
        return Result(key=key, error=error)


def read_line(line: bytes, kind: Any) -> Any:
    """
    Read one line of a results file as `kind`.

    Raises:
        WireError: It is none.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shown = line[:200].decode("utf-8", "replace")
        raise WireError(f"a line of a batch's results cannot be read ({error}); it begins {shown!r}") from error
