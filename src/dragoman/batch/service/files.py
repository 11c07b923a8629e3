"""
What the batch APIs that take a file of lines share: the upload as a form, how a batch is made and looked at, and the
lines of results.

Source: OpenAI, API reference of files and batches (openai-openapi f85dbe223d); Mistral's follows it.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar

import msgspec

from dragoman.batch.service.base import FINAL, Result, Sending, Sent, Status, decoded, read_line
from dragoman.batch.service.calls import Calls
from dragoman.errors import BadRequestError, DragomanError, NotFoundError, ServerError, StatusError, WireError
from dragoman.types.http import HttpRequest, Upload
from dragoman.wire.base import decode_json
from dragoman.wire.beside import address, headers
from dragoman.wire.status import status_error

# Rows with these codes were never asked.
_UNASKED = frozenset({"batch_expired", "batch_cancelled"})
_OK = 200


class FileMade(msgspec.Struct):
    """What an upload is answered: its id, and how it stands where it has to be looked at first."""

    id: str
    status: str | None = None


class _Made(msgspec.Struct):
    id: str


class FileBatches(ABC):
    """
    What is the same for all of them; see `base.Service`.

    Attributes:
        path: Of the batches, below the base URL.
    """

    path: ClassVar[str]

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @abstractmethod
    def _status(self, body: bytes) -> Status:
        """Read how a batch stands."""

    async def _created(self, sending: Sending, file: FileMade, asked: dict[str, Any]) -> Sent:
        """Create the batch of a file that was uploaded; sent once."""
        raw = await self._calls.ask(self._calls.request("POST", self.path, json=asked), again=False)
        made = decode_json(raw.body, _Made, "the batch")
        return Sent(id=made.id, files=(file.id,), wire=sending.wire, model=sending.model)

    async def look(self, sent: Sent) -> Status:
        """How it stands."""
        try:
            raw = await self._calls.ask(self._calls.request("GET", f"{self.path}/{sent.id}"))
        except NotFoundError as error:
            return Status(state="failed", error=error.message, gone=True)
        return self._status(raw.body)

    async def results(self, sent: Sent, status: Status) -> AsyncGenerator[Result, None]:
        """Read the files of answers and of errors, line by line."""
        for name in status.results:
            async with aclosing(self._calls.lines(self._calls.request("GET", f"files/{name}/content"))) as lines:
                async for line in lines:
                    yield result_of(self._calls, sent, line)

    async def cancel(self, sent: Sent) -> None:
        """End it, and keep what was done."""
        try:
            await self._calls.ask(self._calls.request("POST", f"{self.path}/{sent.id}/cancel"))
        except BadRequestError:
            if (await self.look(sent)).state not in FINAL:  # else it has ended in the meantime
                raise

    async def forget(self, sent: Sent, status: Status) -> None:
        """Delete the file."""
        await delete_files(self._calls, sent)


async def upload(calls: Calls, sending: Sending, fields: Mapping[str, str]) -> FileMade:
    """
    Upload the lines file, with these fields beside it.

    Raises:
        DragomanError: As any call.
    """
    edge = f"dragoman-{secrets.token_hex(16)}"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{sending.tag}.jsonl"\r\n'
        "Content-Type: application/jsonl\r\n\r\n"
    )
    request = HttpRequest(
        url=address(calls.provider, "files"),
        headers={**headers(calls.provider), "content-type": f"multipart/form-data; boundary={edge}"},
        upload=Upload(path=sending.path, head="".join(parts).encode(), tail=f"\r\n--{edge}--\r\n".encode()),
    )
    raw = await calls.ask(request)
    made: FileMade = decode_json(raw.body, FileMade, "the file")
    return made


async def delete_files(calls: Calls, sent: Sent) -> None:
    """Delete what was uploaded; what is gone already is no error."""
    for name in sent.files:
        try:
            await calls.ask(calls.request("DELETE", f"files/{name}"))
        except NotFoundError:
            continue


class _Answer(msgspec.Struct):
    status_code: int = 200
    request_id: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Problem(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None


class _Line(msgspec.Struct):
    custom_id: str
    response: _Answer | None = None
    error: _Problem | str | None = None


def result_of(calls: Calls, sent: Sent, line: bytes) -> Result:
    """Read one line of an output or errors file."""
    read: _Line = read_line(line, _Line)
    answer = read.response
    if answer is not None and bytes(answer.body) != b"null":
        told = {"x-request-id": answer.request_id} if answer.request_id else {}
        return decoded(calls, sent, read.custom_id, answer.status_code, bytes(answer.body), told)
    problem = _Problem(message=read.error) if isinstance(read.error, str) else read.error or _Problem()
    if problem.code in _UNASKED:
        return Result(key=read.custom_id, expired=True)
    return Result(key=read.custom_id, error=_error(calls, sent, problem, answer.status_code if answer else None))


def _error(calls: Calls, sent: Sent, problem: _Problem, status: int | None) -> DragomanError:
    name = calls.provider.name
    if problem.message is None and problem.code is None:
        return WireError("a line of the batch's results has neither an answer nor an error", provider=name)
    message = problem.message or "the batch says no more"
    known = status_error(
        None if status == _OK else status, {}, message=message, code=_text(problem.code), provider=name
    )
    if type(known) is StatusError:  # such as `request_timeout`: the call had no answer
        return ServerError(message, provider=name, code=_text(problem.code))
    return known


def _text(code: str | int | None) -> str | None:
    return None if code is None else str(code)
