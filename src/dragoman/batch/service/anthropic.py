"""
Anthropic's Message Batches.

Rows go inline, in one large request, and come back as one stream of lines, in any order.  Nothing in this API bears a
name that its caller gave, so a batch is known by its rows: each `custom_id` begins with a stamp made of the tag.  Rows
can be read only when a batch has ended.  So where a batch of ours may or may not have been created, `find` gives all
those that could be it; `look` follows them until one has ended that bears the stamp, or none is left.

Rule: a batch that does not bear the stamp is somebody else's, and is never touched.

Sources: the vendor's OpenAPI file (`CreateMessageBatchParams`, `MessageBatch`, `MessageBatchIndividualResponse`); its
page on batch processing (100,000 rows or 256 MB, 24 hours, results for 29 days).
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import AsyncGenerator
from contextlib import aclosing
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from dragoman.batch.service.base import FINAL, Limits, Part, Result, Sending, Sent, State, Status, decoded, read_line
from dragoman.batch.service.calls import Calls
from dragoman.batch.service.given import Options, given
from dragoman.errors import BadRequestError, BatchError, ConfigError, NotFoundError, WireError
from dragoman.types.http import HttpRequest, Upload
from dragoman.wire.base import decode_json
from dragoman.wire.beside import address, headers

_PATH: Final = "v1/messages/batches"
# A line begins with the comma that divides it from the one before; the first one's is left out.
_OPENING: Final = b',{"custom_id":"'
_HEAD: Final = b'{"requests":['
_TAIL: Final = b"]}"
_STAMP: Final = 16  # characters, before a dash and the key's 32; an id may have 64
_ROWS: Final = 100_000
_BYTES: Final = 256_000_000
_PAGE: Final = 1000
# Beside the stamp, where the batch may be one of several, or none.
_UNSURE: Final = "unsure"

# How a live call would have said it.   (the vendor's page on errors)
_STATUS: Final[dict[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class _Counts(msgspec.Struct, frozen=True):
    succeeded: int = 0
    errored: int = 0
    canceled: int = 0
    expired: int = 0


class _Batch(msgspec.Struct):
    id: str
    processing_status: Literal["in_progress", "canceling", "ended"]
    request_counts: _Counts = _Counts()
    results_url: str | None = None
    archived_at: str | None = None
    cancel_initiated_at: str | None = None


class _Page(msgspec.Struct):
    data: list[_Batch]
    has_more: bool = False
    last_id: str | None = None


class _Inner(msgspec.Struct, frozen=True):
    type: str = ""


class _Error(msgspec.Struct):
    error: _Inner = _Inner()


class _Outcome(msgspec.Struct):
    type: Literal["succeeded", "errored", "canceled", "expired"]
    message: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    custom_id: str
    result: _Outcome


class AnthropicBatches:
    """The service; `base.Service` says what each method does."""

    limits = Limits(rows=_ROWS, bytes=_BYTES - _ROWS * (_STAMP + 1) - 1024, one_model=False)
    discount = 0.5

    def __init__(self, calls: Calls) -> None:
        given(calls.provider, Options)
        self._calls = calls
        self._stamps: dict[str, str] = {}  # of batches that are known, which need not be asked for them again

    def line(self, part: Part) -> bytes:
        """Write a row: its id, and the body of the plain call."""
        return b'%b%b","params":%b}' % (_OPENING, part.key.encode(), part.body)

    async def submit(self, sending: Sending) -> Sent:
        """Create it, in one request that is read from a file as it leaves."""
        calls, stamp = self._calls, _stamp(sending.tag)
        stamped = sending.path.with_name(f"{sending.path.name}.stamped")
        request = HttpRequest(
            url=address(calls.provider, _PATH),
            headers=headers(calls.provider) | {"content-type": "application/json"},
            upload=Upload(path=stamped, head=_HEAD, tail=_TAIL, start=1),  # past the first comma
        )
        try:
            await to_thread(_stamp_lines, sending.path, stamped, stamp)
            batch = _batch((await calls.ask(request, again=False)).body)
        finally:
            stamped.unlink(missing_ok=True)
        self._stamps[batch.id] = stamp
        return Sent(id=batch.id, files=(stamp,), wire=sending.wire, model=sending.model)

    async def find(self, tag: str) -> Sent | None:
        """The batch that bears its stamp, else all that do not say yet whether they do."""
        stamp, unsaid = _stamp(tag), list[str]()
        async for batch in self._all():
            if self._stamps.get(batch.id, stamp) != stamp or batch.archived_at is not None:
                continue
            if batch.processing_status != "ended":
                unsaid.append(batch.id)
            elif await self._bears(batch, stamp):
                return Sent(id=batch.id, files=(stamp,))
        return Sent(id=" ".join(unsaid), files=(stamp, _UNSURE)) if unsaid else None

    async def look(self, sent: Sent) -> Status:
        """How it stands; of several that could be it, whether one has turned out to be."""
        stamp, sure = _stamp_of(sent), _UNSURE not in sent.files
        if sure:
            self._stamps[sent.id] = stamp
        standing = [await self._look(name, stamp) for name in sent.id.split()]
        found = [status for status in standing if status.results] or [s for s in standing if sure or not s.gone]
        return found[0] if found else Status(state="failed", gone=True, error="it was never created")

    async def results(self, sent: Sent, status: Status) -> AsyncGenerator[Result, None]:
        """Read the results, line by line."""
        stamp = _stamp_of(sent)
        for name in status.results:
            async with aclosing(self._lines(name)) as lines:
                async for line in lines:
                    yield self._result(sent, line, stamp)

    async def cancel(self, sent: Sent) -> None:
        """
        End it, and keep what was done.

        Raises:
            ConfigError: It is not known yet which batch it is, and others are left alone.
        """
        if _UNSURE in sent.files:
            raise ConfigError(
                f"which of the batches {sent.id} it is, if any, shows only when they have ended", field="batch"
            )
        try:
            await self._calls.ask(self._calls.request("POST", f"{_PATH}/{sent.id}/cancel"))
        except BadRequestError as error:
            if (await self.look(sent)).state not in FINAL:
                raise error

    async def forget(self, sent: Sent, status: Status) -> None:
        """Delete it, with its results."""
        for name in status.results:
            try:
                await self._calls.ask(self._calls.request("DELETE", f"{_PATH}/{name}"))
            except NotFoundError:
                continue

    # --- what it stands on --------------------------------------------------------------------------------------------

    async def _look(self, name: str, stamp: str) -> Status:
        if self._stamps.get(name, stamp) != stamp:
            return Status(state="failed", gone=True, error="it is another batch")
        try:
            batch = _batch((await self._calls.ask(self._calls.request("GET", f"{_PATH}/{name}"))).body)
        except NotFoundError as error:
            return Status(state="failed", gone=True, error=error.message)
        if batch.archived_at is not None:
            return Status(state="failed", gone=True, error=f"its results were deleted at {batch.archived_at}")
        if batch.processing_status != "ended":
            return Status(state="running")
        if name not in self._stamps and not await self._bears(batch, stamp):
            return Status(state="failed", gone=True, error="it is another batch")
        counts = batch.request_counts
        return Status(state=_final(batch), done=counts.succeeded, failed=counts.errored, results=(name,))

    async def _all(self) -> AsyncGenerator[_Batch, None]:
        """All batches that the provider knows, the newest first."""
        after: dict[str, str] = {}
        while True:
            asked = self._calls.request("GET", _PATH, params={"limit": str(_PAGE), **after})
            page: _Page = decode_json((await self._calls.ask(asked)).body, _Page, "the list of batches")
            for batch in page.data:
                yield batch
            if not page.has_more or page.last_id is None:
                return
            after = {"after_id": page.last_id}

    async def _bears(self, batch: _Batch, stamp: str) -> bool:
        """Whether the rows of a batch that has ended bear the stamp; the first says it for all."""
        async with aclosing(self._lines(batch.id)) as lines:
            async for line in lines:
                told, _, _ = _read(line).custom_id.partition("-")
                self._stamps[batch.id] = told
                return told == stamp
        return False

    def _lines(self, name: str) -> AsyncGenerator[bytes, None]:
        return self._calls.lines(self._calls.request("GET", f"{_PATH}/{name}/results"))

    def _result(self, sent: Sent, line: bytes, stamp: str) -> Result:
        read = _read(line)
        told, _, key = read.custom_id.partition("-")
        if told != stamp:
            raise WireError(f"a result of batch {sent.id} is for {read.custom_id!r}, which was not asked in it")
        return _RESULTS[read.result.type](self._calls, sent, key, read.result)


def _stamp(tag: str) -> str:
    return blake2b(tag.encode(), digest_size=_STAMP // 2).hexdigest()


def _stamp_lines(source: Path, target: Path, stamp: str) -> None:
    """Copy the lines file, with the stamp in each id."""
    opening = b"%b%b-" % (_OPENING, stamp.encode())
    try:
        with source.open("rb") as lines, target.open("wb") as stamped:
            stamped.writelines(opening + line[len(_OPENING) :] for line in lines)
    except OSError as error:
        raise BatchError(f"{target} cannot be written: {error.strerror}") from error


def _stamp_of(sent: Sent) -> str:
    return sent.files[0]


def _batch(body: bytes) -> _Batch:
    made: _Batch = decode_json(body, _Batch, "the batch")
    return made


def _read(line: bytes) -> _Line:
    made: _Line = read_line(line, _Line)
    return made


def _final(batch: _Batch) -> State:
    """An ended batch tells by its counts how: rows that it never came to are there, as what they are."""
    if batch.request_counts.canceled and batch.cancel_initiated_at is not None:
        return "cancelled"
    return "expired" if batch.request_counts.expired else "ended"


def _succeeded(calls: Calls, sent: Sent, key: str, outcome: _Outcome) -> Result:
    return decoded(calls, sent, key, 200, bytes(outcome.message))


def _errored(calls: Calls, sent: Sent, key: str, outcome: _Outcome) -> Result:
    body = bytes(outcome.error)
    told: Any = read_line(body, _Error | None)
    return decoded(calls, sent, key, _STATUS.get(told.error.type if told else "", 500), body)


def _never_asked(calls: Calls, sent: Sent, key: str, outcome: _Outcome) -> Result:
    return Result(key=key, expired=True)


_RESULTS: Final = {
    "succeeded": _succeeded,
    "errored": _errored,
    "canceled": _never_asked,
    "expired": _never_asked,
}


SERVICE: Final = AnthropicBatches
