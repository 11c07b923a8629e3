"""
A tape: the recordings of one file, played to the clients of this process or made of what they send.

    with cassette("tests/cassettes/hello.json", mode="once") as tape:
        client = tape.client()
        ...

Rules: what is played never touches the network, and each recording is played once.  What is recorded stays in memory
until the tape ends; it is scrubbed then, when every secret is known, and only then written.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from dragoman.client import AsyncClient, Client
from dragoman.runtime import Runtime
from dragoman.testing.cassette.clients import async_client, client
from dragoman.testing.cassette.errors import CassetteError, UnmatchedError
from dragoman.testing.cassette.library import Library, Order
from dragoman.testing.cassette.model import Exchange
from dragoman.testing.cassette.player import play
from dragoman.testing.cassette.recorder import LARGEST, Take, asked, record
from dragoman.testing.cassette.scrub import Hide, Scrubber
from dragoman.testing.cassette.storage import read_cassette, write_cassette
from dragoman.transport import base
from dragoman.transport.wrapping import put_around, take_away
from dragoman.types.http import HttpRequest

VARIABLE: Final = "DRAGOMAN_RECORD"

Mode = Literal["replay", "once", "new", "record", "none", "all"]
"""
`replay` (or `none`) never sends; `once` records if there is no file, else plays; `new` plays, and records what is
missing; `record` (or `all`) sends everything and writes the file anew.
"""

_MODES: Final[dict[str, Mode]] = {
    "replay": "replay",
    "none": "replay",
    "once": "once",
    "new": "new",
    "record": "record",
    "all": "record",
}


def cassette(
    path: str | os.PathLike[str],
    *,
    mode: Mode | None = None,
    order: Order = "any",
    speed: float = 0,
    hide: Iterable[Hide] = (),
    ignore: Iterable[str] = (),
    all_used: bool = True,
) -> Tape:
    """
    Record what clients send and get, or play it to them: a context manager.

    It holds for every client of this process while the block runs, whether it was made in it or before, on both faces.

    Args:
        path: The file.
        mode: See `Mode`.  None asks the variable `DRAGOMAN_RECORD`, and plays if that is not set.
        order: `strict` if requests must come in the order in which they were recorded.
        speed: How fast is played: 0 at once, 1 as it was recorded, 2 twice as fast.
        hide: Regular expressions of what else shall be masked; of one with a group, its first group.
        ignore: Fields in which requests may differ: a name (`user`), or a place (`body.metadata.run`, `query.version`).
        all_used: Whether it is an error if a recording was not asked for when the block ends well.

    Raises:
        ConfigError: An argument is wrong; `.field` names it.

    .. versionadded:: 0.1
    """
    return Tape(Path(path), mode, Library(order, tuple(ignore)), _speed(speed), Scrubber(hide), all_used)


class Tape:
    """
    The recordings of one file; see `cassette`.

    Attributes:
        path: The file.
        mode: `replay`, `once`, `new` or `record`.
        playing: Whether nothing is sent; known when it has begun.
    """

    def __init__(
        self, path: Path, mode: Mode | None, library: Library, speed: float, scrubber: Scrubber, all_used: bool
    ) -> None:
        self.path = path
        self.mode = _mode(mode)
        self.playing = self.mode == "replay"
        self._speed = speed
        self._all_used = all_used
        self._scrubber = scrubber
        self._library = library
        self._lock = threading.Lock()
        self._takes: list[Take] = []
        self._unmatched: list[UnmatchedError] = []
        self._process = 0

    def __repr__(self) -> str:
        return f"<Tape {self.path}, {self.mode}, {self._library.count} recordings, {self._library.left} not used>"

    # --- what a test asks ---------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many exchanges there are: those of the file, and those that were recorded since."""
        return self._library.count + len(self._takes)

    @property
    def left(self) -> int:
        """How many recordings of the file were not asked for."""
        return self._library.left

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts to which the recordings of the file went."""
        return frozenset(urlsplit(one.request.url).hostname or "" for one in self._library.exchanges)

    def assert_all_used(self) -> None:
        """
        Check that every recording of the file was asked for.

        Raises:
            UnusedError: Some were not; also an AssertionError.
        """
        self._library.assert_all_used(self.path)

    def client(self, **options: Any) -> Client:
        """
        Make a `Client`, for which no key is needed while the tape plays, and which does not wait between attempts then.

        Args:
            **options: As `Client` takes them.
        """
        return client(options, playing=self.playing, at_once=not self._speed)

    def async_client(self, **options: Any) -> AsyncClient:
        """Like `client`, an `AsyncClient`."""
        return async_client(options, playing=self.playing, at_once=not self._speed)

    # --- its life -----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """
        Begin; a file that is needed is read now.

        Raises:
            CassetteError: It has begun already, or the file cannot be used.
        """
        if self._process:
            raise CassetteError(f"the tape of {self.path} runs already, or has run: make a new one")
        there = self.path.exists()
        self.playing = self.mode == "replay" or (self.mode == "once" and there)
        if there and self.mode != "record":
            self._library.load(read_cassette(self.path))
        self._process = os.getpid()
        put_around(self.around)
        return self

    def stop(self, *, failed: bool = False) -> None:
        """
        End, write what was recorded, and check what was played.  Idempotent.

        Args:
            failed: Whether what used the tape has failed.  Then nothing is checked, and no file that is there is
                replaced by less: `record` leaves it as it is.

        Raises:
            UnmatchedError: A request was not recorded, and the program went on all the same.
            UnusedError: A recording was not asked for.
            CassetteError: The file cannot be written.
        """
        take_away(self.around)
        with self._lock:
            takes, self._takes = self._takes, []
        if takes and self._process == os.getpid() and not (failed and self.mode == "record" and self.path.exists()):
            self._write(takes)
        if failed:
            return
        if self._unmatched:
            raise self._unmatched[0]
        if self.playing and self._all_used:
            self.assert_all_used()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(failed=error is not None)

    # --- at work ------------------------------------------------------------------------------------------------------

    def around(self, transport: base.Transport, runtime: Runtime) -> base.Transport:
        """Return a transport that plays or records what goes through another."""
        return _Taped(self, transport, runtime)

    async def open(
        self,
        inner: base.Transport,
        runtime: Runtime,
        request: HttpRequest,
        *,
        connect_until: float | None,
        until: float | None,
    ) -> base.Exchange:
        """
        Answer a request from the tape, or send it and record the answer.

        Raises:
            UnmatchedError: It is not recorded, and may not be sent.
        """
        found = self._find(request)
        if found is not None:
            number, exchange = found
            return await play(exchange, f"{self.path}, recording {number}", runtime, self._speed, until)
        return await record(self._take(request), inner, runtime, connect_until=connect_until, until=until)

    def _find(self, request: HttpRequest) -> tuple[int, Exchange] | None:
        """The recording that answers a request; None if it is to be sent."""
        if self.mode == "record" or not (self.playing or self._library.count):
            return None
        with self._lock:
            self._scrubber.learn_request(request.url, request.headers)
            sent = asked(request, self._scrubber)
            found = self._library.take(sent)
            if found is None and self.playing:
                error = self._library.unmatched(sent, self.path)
                self._unmatched.append(error)
                raise error
            return found

    def _take(self, request: HttpRequest) -> Take:
        if os.getpid() != self._process:
            raise CassetteError(f"the tape of {self.path} records in the process that made it, and this is its fork")
        take = Take(request)
        with self._lock:
            self._takes.append(take)
        return take

    def _write(self, takes: list[Take]) -> None:
        for take in takes:
            take.learn(self._scrubber)
        fitting = [take.exchange(self._scrubber) for take in takes if not take.too_large]
        write_cassette(self.path, [*self._library.exchanges, *fitting])
        if len(fitting) < len(takes):
            raise CassetteError(
                f"{len(takes) - len(fitting)} of {len(takes)} exchanges are not in the cassette {self.path}: "
                f"they are larger than {LARGEST >> 20} MiB"
            )


class _Taped:
    """A transport that goes through a tape; see `transport.base.Transport`."""

    def __init__(self, tape: Tape, inner: base.Transport, runtime: Runtime) -> None:
        self._tape = tape
        self._inner = inner
        self._runtime = runtime

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> base.Exchange:
        return await self._tape.open(self._inner, self._runtime, request, connect_until=connect_until, until=until)

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()


def _mode(mode: str | None, environ: Mapping[str, str] = os.environ) -> Mode:
    """What was asked for, under its own name."""
    asked_by = "mode" if mode is not None else VARIABLE
    wanted = mode if mode is not None else environ.get(VARIABLE, "") or "replay"
    if wanted not in _MODES:
        raise CassetteError(f"{asked_by} is {wanted!r}: there are replay, once, new and record", field=asked_by)
    return _MODES[wanted]


def _speed(speed: float) -> float:
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 <= speed < float("inf"):
        raise CassetteError(f"speed is {speed!r}: give 0 for at once, 1 for as it was recorded", field="speed")
    return speed
