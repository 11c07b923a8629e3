"""
Gemini's batches: `batchGenerateContent`.

Rows go in as a file, each with its key, and come back with it.  They may also go inline in the request (with
`batch_options={"inline": True}`, below 20 MB), but then their keys are metadata, which Google has been seen to leave
out of answers that it gave in another order; a file's keys come back.  Results are read in either form, whichever way
the rows went in: of small batches Google may answer a file inline.

Rule: an answer without a key belongs to nobody; a batch that has one has failed.

Sources: Google's reference of the batch API and page on it (20 MB inline, 2 GB as a file, 48 hours until a batch
expires without results); google-genai SDK 3.4.0 (`batches.py`, `files.py`, `_api_client.py`);
googleapis/python-genai#1909 and #2008 (order and metadata), maximhq/bifrost#3951 (files that are answered inline).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from dragoman.batch.service.base import Limits, Part, Result, Sending, Sent, State, Status, decoded, read_line
from dragoman.batch.service.calls import Calls
from dragoman.batch.service.given import Options, given
from dragoman.errors import (
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
    WireError,
)
from dragoman.types.http import HttpRequest, RawResponse, Upload
from dragoman.wire.base import decode_json
from dragoman.wire.beside import headers

_BATCHES: Final = "v1beta/batches"
_ROWS: Final = 1_000_000
_FILE: Final = 2_000_000_000
_INLINE: Final = 19_000_000  # of the whole request, which has more in it than the lines
_PAGE: Final = 100
_TRIES: Final = 5
_HERE: Final = "inline"
_KEYLESS: Final = (
    "answers of {} do not say which row they are for, and their order is not that of the rows: leave "
    "batch_options={{'inline': True}} away, so that rows go in as a file"
)

_STATES: Final[dict[str, State]] = {
    "PENDING": "waiting",
    "QUEUED": "waiting",
    "RUNNING": "running",
    "SUCCEEDED": "ended",
    "PARTIALLY_SUCCEEDED": "ended",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
}
# HTTP status and word of gRPC's numbers, which is what a row's error has.   (google.rpc.Code)
_CODES: Final[dict[int, tuple[int, str]]] = {
    2: (500, "UNKNOWN"),
    3: (400, "INVALID_ARGUMENT"),
    4: (504, "DEADLINE_EXCEEDED"),
    5: (404, "NOT_FOUND"),
    7: (403, "PERMISSION_DENIED"),
    8: (429, "RESOURCE_EXHAUSTED"),
    9: (400, "FAILED_PRECONDITION"),
    10: (409, "ABORTED"),
    11: (400, "OUT_OF_RANGE"),
    12: (501, "UNIMPLEMENTED"),
    13: (500, "INTERNAL"),
    14: (503, "UNAVAILABLE"),
    16: (401, "UNAUTHENTICATED"),
}
_CANCELLED: Final = 1
_EXHAUSTED: Final = 8


class _Options(Options, kw_only=True):
    inline: bool = False


class _Failure(msgspec.Struct, omit_defaults=True):
    code: int = 0
    message: str = ""
    status: str = ""
    details: list[Any] = []


class _Answer(msgspec.Struct):
    """A line of a results file, or an inline one."""

    key: str | None = None
    metadata: dict[str, Any] | None = None
    response: msgspec.Raw = msgspec.Raw(b"")
    error: _Failure | None = None
    status: _Failure | None = None

    @property
    def named(self) -> str | None:
        """The row's key, wherever it stands."""
        told = self.key if self.key is not None else (self.metadata or {}).get("key")
        return told if isinstance(told, str) else None


class _Inline(msgspec.Struct, rename="camel"):
    inlined_responses: list[_Answer] = []


class _Output(msgspec.Struct, rename="camel"):
    responses_file: str | None = None
    inlined_responses: _Inline | None = None

    @property
    def keyless(self) -> bool:
        """Whether there are answers of which nobody knows whose they are."""
        inline = self.inlined_responses
        return inline is not None and any(answer.named is None for answer in inline.inlined_responses)


class _Stats(msgspec.Struct, rename="camel", frozen=True):
    """Counts; JSON has numbers of 64 bits as texts.   (protobuf, JSON mapping)"""

    successful_request_count: int | str = 0
    failed_request_count: int | str = 0


class _Input(msgspec.Struct, rename="camel", frozen=True):
    file_name: str | None = None


class _Metadata(msgspec.Struct, rename="camel", frozen=True):
    state: str = ""
    display_name: str = ""
    model: str = ""
    batch_stats: _Stats = _Stats()
    input_config: _Input = _Input()
    output: _Output | None = None


class _Operation(msgspec.Struct):
    name: str
    metadata: _Metadata = _Metadata()
    error: _Failure | None = None
    response: _Output | None = None

    @property
    def output(self) -> _Output:
        """What came of it: said in the answer of the operation, and again in its metadata."""
        return self.response or self.metadata.output or _Output()


class _Page(msgspec.Struct, rename="camel"):
    operations: list[_Operation] = []
    next_page_token: str = ""


class _File(msgspec.Struct):
    name: str


class _Uploaded(msgspec.Struct):
    file: _File


class GeminiBatches:
    """The service; `base.Service` says what each method does."""

    discount = 0.5

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._inline = given(calls.provider, _Options).inline
        self.limits = Limits(rows=_ROWS, bytes=_INLINE if self._inline else _FILE, one_model=True)

    def line(self, part: Part) -> bytes:
        """Write a row: its key, and the body of the plain call."""
        key = part.key.encode()
        if self._inline:
            return b',{"metadata":{"key":"%b"},"request":%b}' % (key, part.body)
        return b'{"key":"%b","request":%b}' % (key, part.body)

    async def submit(self, sending: Sending) -> Sent:
        """Upload the lines file, and create a batch of it; or hand it in inline."""
        name = quote(sending.model, safe="/")
        model = name if "/" in name else f"models/{name}"
        files: tuple[str, ...] = ()
        path = f"v1beta/{model}:batchGenerateContent"
        if self._inline:
            tag = sending.tag.encode()
            head = b'{"batch":{"displayName":"%b","inputConfig":{"requests":{"requests":[' % tag
            request = msgspec.structs.replace(
                self._calls.request("POST", path, json={}),
                body=b"",
                upload=Upload(path=sending.path, head=head, tail=b"]}}}}", start=1),
            )
        else:
            files = (await self._upload(sending),)
            config = {"displayName": sending.tag, "inputConfig": {"fileName": files[0]}}
            request = self._calls.request("POST", path, json={"batch": config})
        made = _operation(await self._calls.ask(request, again=False))
        return Sent(id=made.name, files=files, wire=sending.wire, model=sending.model)

    async def find(self, tag: str) -> Sent | None:
        """The batch whose display name is the tag."""
        token = ""
        while True:
            params = {"pageSize": str(_PAGE)} | ({"pageToken": token} if token else {})
            raw = await self._calls.ask(self._calls.request("GET", _BATCHES, params=params))
            page: _Page = decode_json(raw.body, _Page, "the list of batches")
            for made in page.operations:
                if made.metadata.display_name == tag:
                    return _sent(made)
            token = page.next_page_token
            if not token:
                return None

    async def look(self, sent: Sent) -> Status:
        """How it stands."""
        try:
            made = _operation(await self._calls.ask(self._calls.request("GET", f"v1beta/{sent.id}")))
        except NotFoundError as error:
            return Status(state="failed", gone=True, error=error.message)
        state, failure, stats = _state(made), made.error, made.metadata.batch_stats
        if made.output.keyless:
            return Status(state="failed", error=_KEYLESS.format(sent.id))
        return Status(
            state=state,
            done=int(stats.successful_request_count),
            failed=int(stats.failed_request_count),
            results=_results(made.output) if state in ("ended", "cancelled", "expired") else (),
            error=(failure.message if failure else "it failed") if state == "failed" else None,
            crowded=state == "failed" and failure is not None and failure.code == _EXHAUSTED,
        )

    async def results(self, sent: Sent, status: Status) -> AsyncGenerator[Result, None]:
        """Read the results: of a file line by line."""
        for place in status.results:
            if place == _HERE:
                for result in await self._inlined(sent):
                    yield result
                continue
            request = self._calls.request("GET", f"v1beta/{place}:download", params={"alt": "media"})
            async with aclosing(self._calls.lines(request)) as lines:
                async for line in lines:
                    yield self._result(sent, read_line(line, _Answer))

    async def cancel(self, sent: Sent) -> None:
        """End it, and keep what was done."""
        try:
            await self._calls.ask(self._calls.request("POST", f"v1beta/{sent.id}:cancel"))
        except BadRequestError:  # FAILED_PRECONDITION: it has ended
            if (await self.look(sent)).state in ("waiting", "running"):
                raise

    async def forget(self, sent: Sent, status: Status) -> None:
        """Delete the batch, and the files: those that are left expire after 48 hours."""
        files = (*sent.files, *(place for place in status.results if place != _HERE))
        for name in (*files, sent.id):
            try:
                await self._calls.ask(self._calls.request("DELETE", f"v1beta/{name}"))
            # Of a file that is gone it says 403, of a results file that its name is too long to be deleted.
            except (NotFoundError, PermissionDeniedError, BadRequestError):
                continue

    # --- results ------------------------------------------------------------------------------------------------------

    async def _inlined(self, sent: Sent) -> list[Result]:
        made = _operation(await self._calls.ask(self._calls.request("GET", f"v1beta/{sent.id}")))
        answers = made.output.inlined_responses
        return [self._result(sent, answer) for answer in (answers.inlined_responses if answers else [])]

    def _result(self, sent: Sent, answer: _Answer) -> Result:
        key, failure = answer.named, answer.error or answer.status
        if key is None:
            raise WireError(_KEYLESS.format(sent.id), provider=self._calls.provider.name)
        if failure is None:
            return decoded(self._calls, sent, key, 200, bytes(answer.response))
        if failure.code == _CANCELLED:
            return Result(key=key, expired=True)
        status, word = _CODES.get(failure.code, (failure.code if failure.code >= 400 else 500, failure.status))
        told = msgspec.structs.replace(failure, code=status, status=failure.status or word)
        return decoded(self._calls, sent, key, status, msgspec.json.encode({"error": told}))

    # --- the upload ---------------------------------------------------------------------------------------------------

    async def _upload(self, sending: Sending) -> str:
        """
        Upload the lines file, and return its name.

        A connection that breaks is taken up again where the server says that it stands.

        Raises:
            TransportError: It broke time and again, and nothing more came.
        """
        place = await self._begin(sending)
        offset, idle = 0, 0
        while True:
            try:
                raw: RawResponse | int = await self._calls.ask(self._rest(sending, place, offset), again=False)
            except TransportError:
                raw = await self._taken(place)
                idle = 0 if isinstance(raw, int) and raw > offset else idle + 1
                if idle == _TRIES:
                    raise
            if not isinstance(raw, int):
                made: _Uploaded = decode_json(raw.body, _Uploaded, "the uploaded file")
                return made.file.name
            offset = raw

    async def _begin(self, sending: Sending) -> str:
        request = self._calls.request(
            "POST",
            "upload/v1beta/files",
            json={"file": {"displayName": sending.tag, "mimeType": "application/jsonl"}},
            headers=_command(
                "start",
                protocol="resumable",
                header_content_length=sending.bytes,
                header_content_type="application/jsonl",
            ),
        )
        raw = await self._calls.ask(request)
        place = raw.headers.get("x-goog-upload-url")
        if not place:
            raise WireError("the start of an upload was not told where to: x-goog-upload-url is missing")
        return self._own(place)

    def _own(self, place: str) -> str:
        """The upload's address at the provider's own host: the key goes nowhere else."""
        base, told = urlsplit(self._calls.provider.base_url), urlsplit(place)
        return urlunsplit((base.scheme, base.netloc, told.path, told.query, ""))

    def _rest(self, sending: Sending, place: str, offset: int) -> HttpRequest:
        return HttpRequest(
            url=place,
            headers=headers(self._calls.provider) | _command("upload, finalize", offset=offset),
            upload=Upload(path=sending.path, start=offset),
        )

    async def _taken(self, place: str) -> int | RawResponse:
        """How many bytes have come, or the answer to an upload that was whole."""
        asking = HttpRequest(url=place, headers=headers(self._calls.provider) | _command("query"))
        raw = await self._calls.ask(asking)
        if raw.headers.get("x-goog-upload-status") == "final":
            return raw
        told = raw.headers.get("x-goog-upload-size-received", "")
        if not told.isdecimal():
            raise WireError("an upload that broke cannot be taken up: x-goog-upload-size-received is missing")
        return int(told)


def _command(command: str, **facts: str | int) -> dict[str, str]:
    told = {f"x-goog-upload-{name.replace('_', '-')}": str(value) for name, value in facts.items()}
    return {"x-goog-upload-command": command, **told}


def _operation(raw: RawResponse) -> _Operation:
    made: _Operation = decode_json(raw.body, _Operation, "the batch")
    return made


def _sent(made: _Operation) -> Sent:
    told = made.metadata
    files = (told.input_config.file_name,) if told.input_config.file_name else ()
    return Sent(id=made.name, files=files, model=told.model.removeprefix("models/"))


def _state(made: _Operation) -> State:
    word = made.metadata.state.removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")
    return _STATES.get(word, "running")


def _results(output: _Output) -> tuple[str, ...]:
    if output.responses_file:
        return (output.responses_file,)
    return (_HERE,) if output.inlined_responses else ()


SERVICE: Final = GeminiBatches
