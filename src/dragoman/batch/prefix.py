"""
Rows in the order of how their prompts begin: `order="prefix"`.

Providers charge less for the beginning of a prompt that they have seen a moment ago.  So rows that begin alike are
asked one after the other, and of those the first one alone: a provider knows a beginning when it has read it once.

What two prompts share is known by their hashes at some lengths (`_LENGTHS`): the rows are sorted by these, so that rows
with the longest shared beginning stand nearest.  The rows of a file are copied to a file without a name, and a database
without one sorts where they are; so the memory is the same for any number of rows.

Rule: only the order of asking changes.  Ids, keys and the order of the results are those of the input.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

from dragoman.batch.journal import unwritable
from dragoman.batch.rows import Rows
from dragoman.batch.source import Given, Source
from dragoman.batch.source import Rows as GivenRows
from dragoman.errors import BatchError, ConfigError
from dragoman.types.requests import ChatRequest

# Bytes of a prompt at which it is compared: no provider keeps a beginning of fewer than 1,024 tokens (OpenAI and
# Anthropic, November 2026), and a token has a byte at the least.
_LENGTHS: Final = tuple(part << power for power in range(10, 21) for part in (2, 3))
_SHORTEST: Final = 1024
_HASH: Final = 6
# Rows after which is looked whether the run was stopped, and beginnings of which is remembered that they are known.
_OFTEN, _KNOWN = 256, 1024


def shared_key(request: ChatRequest) -> bytes:
    """
    Hashes of a prompt at growing lengths, one after the other; empty for one that is too short to be kept anywhere.

    Two prompts have as many of them in common as they have lengths in common.
    """
    output = request.output.schema if request.output is not None else None
    text = msgspec.json.encode((request.model, request.tools, output, request.messages), enc_hook=_told)
    hashing, done, key = blake2b(digest_size=_HASH), 0, bytearray()
    for length in (_SHORTEST, *_LENGTHS):
        if length > len(text):
            break
        hashing.update(text[done:length])
        done = length
        key += hashing.digest()
    return bytes(key)


def _told(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _in_common(one: bytes, other: bytes) -> int:
    """Bytes of whole hashes that two keys begin with alike."""
    same = 0
    while same < min(len(one), len(other)) and one[same : same + _HASH] == other[same : same + _HASH]:
        same += _HASH
    return same


async def by_prefix(source: Source, rows: Rows, stopped: Callable[[], bool]) -> GivenRows:
    """
    The rows of a source, sorted.  Where a row shares its beginning with its neighbours, `Given.prefix` says which.

    Args:
        source: A file, or a list.
        rows: Makes requests of them.
        stopped: Whether nobody wants them any more; then there are none.

    Raises:
        ConfigError: The source gives its rows only once.
        BatchError: There is no room in the temporary folder.
    """
    if not source.again:
        raise ConfigError("order='prefix' needs a source that can be read twice: a file, or a list", field="order")
    shelf = _Shelf(source)
    try:
        await asyncio.to_thread(shelf.fill, rows, stopped)
    except BaseException:
        shelf.close()
        raise
    return _marked(shelf)


def _marked(shelf: _Shelf) -> GivenRows:
    with closing(shelf):
        before = b""
        last: tuple[_Place, int] | None = None
        for place in shelf.places():
            common = _in_common(before, place.key)
            if last is not None:
                yield shelf.given(*last, common)
            last, before = (place, common), place.key
        if last is not None:
            yield shelf.given(*last, 0)


class _Place(NamedTuple):
    """Where a row is kept."""

    key: bytes
    number: int
    at: int
    size: int
    words: str


class _Shelf:
    """The rows of a source, and by what they are sorted."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._values: Sequence[Any] | None = None
        if source.path is None:
            values: Any = source.values
            self._values = values if isinstance(values, Sequence) else tuple(values)
        self._file = tempfile.TemporaryFile(prefix="dragoman-batch-")  # noqa: SIM115 - `close` closes it
        self._table = False
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -8000", "locking_mode = EXCLUSIVE"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute(
            "CREATE TABLE rows (key BLOB, number INTEGER, at INTEGER, size INTEGER, words TEXT, "
            "PRIMARY KEY (key, number)) WITHOUT ROWID"
        )
        self._base.execute("BEGIN")

    def fill(self, rows: Rows, stopped: Callable[[], bool]) -> None:
        """Read the source; in a thread."""
        at = 0
        with closing(iter(self._source)) as given_rows:
            for given in given_rows:
                if given.number % _OFTEN == 0 and stopped():
                    break
                request = rows.row(given).request
                key = shared_key(request) if isinstance(request, ChatRequest) else b""
                data = self._packed(given)
                self._keep(_Place(key, given.number, at, len(data), given.place), data)
                at += len(data)
        try:
            self._file.flush()
        except OSError as error:
            raise unwritable(None, error) from error

    def _packed(self, given: Given) -> bytes:
        self._table = given.table
        if self._values is not None:
            return b""
        return pickle.dumps(given.value) if given.line is None else given.line

    def _keep(self, place: _Place, data: bytes) -> None:
        try:
            self._file.write(data)
            self._base.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", place)
        except OSError as error:
            raise unwritable(None, error) from error
        except sqlite3.OperationalError as error:
            raise BatchError(f"the batch's rows cannot be sorted in the temporary folder: {error}") from error

    def places(self) -> Iterator[_Place]:
        """Sorted."""
        for found in self._base.execute("SELECT key, number, at, size, words FROM rows ORDER BY key, number"):
            yield _Place(*found)

    def given(self, place: _Place, before: int, after: int) -> Given:
        """A row again, and what it shares with the one before and the one after."""
        prefix = place.key[: max(before, after)] or None
        if self._values is not None:
            return Given(place.number, place.words, self._values[place.number], prefix=prefix)
        data = os.pread(self._file.fileno(), place.size, place.at)
        if self._table:
            return Given(place.number, place.words, pickle.loads(data), table=True, prefix=prefix)
        return Given(place.number, place.words, msgspec.json.decode(data), data, prefix=prefix)

    def close(self) -> None:
        """Let it go.  Idempotent."""
        self._base.close()
        with suppress(OSError):  # it is flushed first, and nobody needs what was not
            self._file.close()


class Warming:
    """Lets the first of the rows that begin alike go alone, and the others when it is back."""

    def __init__(self) -> None:
        self._first: dict[bytes, asyncio.Event] = {}

    async def turn(self, prefix: bytes | None) -> asyncio.Event | None:
        """Wait while the first is under way; who is the first has an event to set when it is back, however it went."""
        if prefix is None:
            return None
        first = self._first.get(prefix)
        if first is not None:
            await first.wait()
            return None
        if len(self._first) >= _KNOWN:  # sorted rows come no more to what is long past
            self._first = {key: event for key, event in self._first.items() if not event.is_set()}
        made = self._first[prefix] = asyncio.Event()
        return made
