"""
OpenAI's batch API: a file of lines, a batch of it, a file of answers and one of errors.

What it does that its name does not say: a batch can be `completed` with only an errors file; one that is too much for
the queue is made all the same, and is found `failed` when it is looked at (openai-python issues 1643, 2084); an expired
or cancelled one keeps what was done, and names the rest in the errors file.

Source: API reference (openai-openapi f85dbe223d), batch guide: 50,000 requests, 200 MB, one model, 24 hours.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.batch.service.base import Limits, Part, Sending, Sent, State, Status
from dragoman.batch.service.files import FileBatches, FileMade, upload
from dragoman.errors import ConfigError
from dragoman.wire.base import decode_json

_PATHS: Final = {"openai-chat": "/v1/chat/completions", "openai-responses": "/v1/responses"}
_STATES: Final[dict[str, State]] = {
    "validating": "waiting",
    "in_progress": "running",
    "finalizing": "running",
    "cancelling": "running",
    "completed": "ended",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}
_CROWDED: Final = frozenset({"token_limit_exceeded", "request_limit_exceeded"})
_MONTH: Final = 30 * 24 * 3600
_PAGE: Final = 100
_TAG: Final = "dragoman"


class _Counts(msgspec.Struct):
    completed: int | None = None
    failed: int | None = None


class _Problem(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    line: int | None = None


class _Problems(msgspec.Struct):
    data: list[_Problem] = []


class _Batch(msgspec.Struct):
    id: str
    status: str
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: _Problems | None = None
    metadata: dict[str, str] | None = None
    request_counts: _Counts | None = None


class _Page(msgspec.Struct):
    data: list[_Batch]
    has_more: bool = False


class OpenAIBatches(FileBatches):
    """The batch API of OpenAI; see `base.Service`."""

    path = "batches"
    limits = Limits(rows=50_000, bytes=200_000_000, one_model=True)
    discount = 0.5

    def line(self, part: Part) -> bytes:
        body, path = msgspec.Raw(part.body), _path(part.wire)
        return msgspec.json.encode({"custom_id": part.key, "method": "POST", "url": path, "body": body})

    async def submit(self, sending: Sending) -> Sent:
        fields = {"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": str(_MONTH)}
        file = await upload(self._calls, sending, fields)
        await self._ready(file)
        asked: dict[str, Any] = {
            "input_file_id": file.id,
            "endpoint": _path(sending.wire),
            "completion_window": "24h",
            "metadata": {_TAG: sending.tag},
            "output_expires_after": {"anchor": "created_at", "seconds": _MONTH},
        }
        return await self._created(sending, file, asked)

    async def _ready(self, file: FileMade) -> None:
        """A file can be used as soon as it is there."""

    async def find(self, tag: str) -> Sent | None:
        params = {"limit": str(_PAGE)}
        while True:
            raw = await self._calls.ask(self._calls.request("GET", "batches", params=params))
            page = decode_json(raw.body, _Page, "the batch")
            for batch in page.data:
                if batch.metadata is not None and batch.metadata.get(_TAG) == tag:
                    return Sent(id=batch.id, files=(batch.input_file_id,) if batch.input_file_id else ())
            if not page.has_more or not page.data:
                return None
            params["after"] = page.data[-1].id

    def _status(self, body: bytes) -> Status:
        return _status(decode_json(body, _Batch, "the batch"))


def _path(wire: str) -> str:
    if wire not in _PATHS:
        raise ConfigError(f"a batch cannot hold rows in {wire}: it takes {', '.join(_PATHS)}", field="mode")
    return _PATHS[wire]


def _status(batch: _Batch) -> Status:
    problems = batch.errors.data if batch.errors else []
    counts = batch.request_counts or _Counts()
    files = (batch.output_file_id, batch.error_file_id)
    return Status(
        state=_STATES.get(batch.status, "running"),
        done=counts.completed,
        failed=counts.failed,
        results=tuple(name for name in files if name),
        error="; ".join(f"{one.message or 'no message'} ({one.code})" for one in problems[:3]) or None,
        faults={one.line: one.message or str(one.code) for one in problems if one.line is not None},
        crowded=any(one.code in _CROWDED for one in problems),
    )


SERVICE = OpenAIBatches
