"""
What a batch API does, whoever's it is: batches are created, go their course, and have results.

    class Widgets(Api):                        # one module for each provider, in this package
        wire = "openai-chat"                   # dialect of its rows

        def routes(self) -> list[web.RouteDef]:
            return [web.post("/v1/widgets", self._create), web.get("/v1/widgets/{id}", self._look)]

        async def _create(self, request: web.Request) -> web.Response:
            rows = [self.asked(key, body, path="/v1/chat") for key, body in ...]
            return web.json_response(self._shown(self.house.create("widget", rows, tag=...)))

        async def _look(self, request: web.Request) -> web.Response:
            batch = self.house.batch(request.match_info["id"])       # 404 if there is none
            state = batch.look()                                     # goes on by one step of its course
            return web.json_response(self._shown(batch))             # batch.outcomes are there once it has ended

    with BatchServer(Widgets, Course(looks=2, end="expired"), default=Course()) as server: ...

`House` keeps files and batches; `BatchServer` serves one or several `Api`s over real sockets, counts requests, and lets
a test act before and after each of them.  What each row is answered is the course's to say: a value or an error, which
the wire's own server half writes.

Rule: an API answers as its vendor's documents say, errors too; its module names them.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
from aiohttp import web

from dragoman import wire
from dragoman.errors import DragomanError
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage

End = Literal["ended", "expired", "failed", "cancelled"]
State = Literal["waiting", "running", "ended", "expired", "failed", "cancelled"]


class Asked(msgspec.Struct, kw_only=True):
    """
    One row of a batch as the server read it.

    Attributes:
        key: The `custom_id`, or whatever its API calls it.
        chat: The request.
        body: Its bytes.
    """

    key: str
    chat: ChatRequest
    body: bytes

    @property
    def text(self) -> str:
        """The last text of the last message."""
        last = self.chat.messages[-1]
        return last.text or ""


Answer = Callable[[Asked], "ChatResponse | DragomanError | None"]
"""What becomes of a row: an answer, an error, or None for a row that is never come to."""


def echoed(asked: Asked) -> ChatResponse:
    """Repeat what was asked; ten tokens in, five out."""
    return ChatResponse(
        message=Message.assistant(asked.text),
        finish_reason="stop",
        usage=Usage(input_tokens=10, output_tokens=5),
        model=asked.chat.model,
        id=f"answer-{asked.key[:8]}",
    )


class Course(msgspec.Struct, kw_only=True):
    """
    How a batch goes.

    Attributes:
        looks: How often it may be looked at before it ends; the first half of them it waits.
        end: How it ends.
        answer: What becomes of each row.
        error: Why it failed as a whole: code and message.
        shuffled: Whether results come in another order than the rows.
        cancels: How many looks a cancel takes until it has happened.
    """

    looks: int = 1
    end: End = "ended"
    answer: Answer = echoed
    error: tuple[str, str] = ("invalid", "the batch is invalid")
    shuffled: bool = True
    cancels: int = 1


class Outcome(msgspec.Struct, kw_only=True):
    """
    What became of one row.

    Attributes:
        key: Of its `Asked`.
        status: HTTP status of the plain call.
        body: Body of its answer, as the dialect's server half writes it.
        expired: Whether it was never come to; status and body say nothing then.
    """

    key: str
    status: int = 200
    body: bytes = b""
    expired: bool = False

    @property
    def good(self) -> bool:
        """Whether it is an answer."""
        return not self.expired and self.status < 400

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return msgspec.json.decode(self.body)


class Batch:
    """
    One batch on the server.

    Attributes:
        id: Its name.
        tag: What its creator marked it with.
        rows: In the order in which they came.
        state: As of the last look.
        outcomes: Once it has ended; rows that were never come to are among them.
        created: Seconds since 1970.
        since: The same, on the clock that never goes back.
        extra: Whatever its API wants to keep with it.
    """

    def __init__(self, name: str, tag: str, rows: Iterable[Asked], course: Course, dialect: str) -> None:
        self.id, self.tag, self.rows, self.course = name, tag, list(rows), course
        self.state: State = "waiting"
        self.outcomes: list[Outcome] = []
        self.created, self.since = int(time.time()), time.monotonic()
        self.extra: dict[str, Any] = {}
        self._dialect = dialect
        self._left = course.looks
        self._cancelled = False

    @property
    def over(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state not in ("waiting", "running")

    @property
    def cancelling(self) -> bool:
        """Whether a cancel was asked for and has not happened yet."""
        return self._cancelled and not self.over

    def look(self) -> State:
        """Go on by one step, and say how it stands."""
        if self.over:
            return self.state
        self._left -= 1
        if self._left >= 0:
            self.state = "waiting" if self._left >= self.course.looks / 2 else "running"
            return self.state
        self._end("cancelled" if self._cancelled else self.course.end)
        return self.state

    def hurry(self) -> None:
        """It ends when it is looked at next."""
        self._left = 0

    def cancel(self) -> None:
        """It shall end soon; what the course would have answered so far stays."""
        if not self.over and not self._cancelled:
            self._cancelled, self._left = True, self.course.cancels

    def count(self, *, good: bool) -> int:
        """How many rows have an answer (or an error)."""
        return sum(1 for outcome in self.outcomes if not outcome.expired and outcome.good is good)

    def _end(self, state: State) -> None:
        self.state = state
        if state == "failed":
            return
        self.outcomes = [self._outcome(row) for row in self.rows]
        if self.course.shuffled:
            random.Random(len(self.rows)).shuffle(self.outcomes)

    def _outcome(self, row: Asked) -> Outcome:
        said, dialect = self.course.answer(row), wire.get(self._dialect)
        if said is None:
            return Outcome(key=row.key, expired=True)
        if isinstance(said, DragomanError):
            status, _, body = dialect.encode_error(said)
            return Outcome(key=row.key, status=status, body=body)
        return Outcome(key=row.key, body=dialect.encode_response(said))


class House:
    """
    What the APIs of one server keep.

    Args:
        folder: Where files go: they may be large.
        courses: How batches go, in the order in which they are created.
        default: How all others go.

    Attributes:
        batches: By id, oldest first.
        files: Id to path.
        names: Id of a file to whatever its API keeps of it.
        default: How batches go for which there is no course.
        lived: Plain calls that were answered, where an API has them beside its batches.
        lag: Seconds until a batch that was created is in the lists.
    """

    def __init__(self, folder: Path, courses: Iterable[Course], default: Course, lag: float = 0.0) -> None:
        self.folder = folder
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, Path] = {}
        self.names: dict[str, dict[str, Any]] = {}
        self.lived: list[Asked] = []
        self._courses = list(courses)
        self.default = default
        self.lag = lag
        self._numbers = count(1)

    def create(self, prefix: str, rows: Iterable[Asked], *, tag: str = "", dialect: str) -> Batch:
        """Make a batch, which takes the next course."""
        course = self._courses.pop(0) if self._courses else self.default
        made = Batch(f"{prefix}{next(self._numbers):04d}", tag, rows, course, dialect)
        self.batches[made.id] = made
        return made

    def batch(self, name: str) -> Batch:
        """The batch of that id; `KeyError` where there is none, which the API answers in its own words."""
        return self.batches[name]

    def listed(self) -> list[Batch]:
        """The batches that are in the lists, the newest first."""
        now = time.monotonic()
        return [batch for batch in reversed(self.batches.values()) if now - batch.since >= self.lag]

    def file(self, prefix: str, **about: Any) -> tuple[str, Path]:
        """A name and a path for a new file; `about` is kept in `names`."""
        name = f"{prefix}{next(self._numbers):04d}"
        self.files[name] = self.folder / name.replace("/", "-")
        self.names[name] = about
        return name, self.files[name]

    def drop(self, name: str) -> bool:
        """Delete a file; whether there was one."""
        path = self.files.pop(name, None)
        if path is not None:
            path.unlink(missing_ok=True)
        return path is not None


class Api(ABC):
    """
    One provider's batch API on the server.

    Attributes:
        wire: Dialect of its rows.
        house: What is kept.
    """

    wire: ClassVar[str]

    def __init__(self, house: House) -> None:
        self.house = house

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """Its paths."""

    async def live(self, request: web.Request) -> web.Response:
        """Answer a plain call, for tests in which some rows are asked so: what was asked is repeated."""
        asked = self.asked("live", await request.read(), path=request.path)
        self.house.lived.append(asked)
        body = wire.get(self.wire).encode_response(echoed(asked))
        return web.Response(body=body, content_type="application/json")

    def asked(self, key: str, body: bytes, *, path: str = "", dialect: str | None = None) -> Asked:
        """Read one row; `ConfigError` if it is no request of the dialect."""
        return Asked(key=key, body=body, chat=wire.get(dialect or self.wire).decode_request(body, path=path))


def parameters(request: web.Request) -> Mapping[str, str]:
    """The query of a request."""
    return request.query
