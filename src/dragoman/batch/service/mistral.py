"""
Mistral's batch API: a file of lines, a job of it for one model, a file of answers and one of errors.

Results can be downloaded for 24 hours only; the engine takes them as soon as a job has ended.

Source: platform-docs-public 222f4ba911 (`/v1/batch/jobs`), capabilities/batch: 100,000 requests, 512 MB.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

import msgspec

from dragoman.batch.service.base import Limits, Part, Result, Sending, Sent, State, Status
from dragoman.batch.service.calls import Calls
from dragoman.batch.service.files import delete_files, result_of, upload
from dragoman.errors import BadRequestError, ConfigError, NotFoundError
from dragoman.wire.base import decode_json

_ENDPOINT: Final = "/v1/chat/completions"
_STATES: Final[dict[str, State]] = {
    "QUEUED": "waiting",
    "RUNNING": "running",
    "CANCELLATION_REQUESTED": "running",
    "SUCCESS": "ended",
    "FAILED": "failed",
    "TIMEOUT_EXCEEDED": "expired",
    "CANCELLED": "cancelled",
}
_PAGE: Final = 100
_TAG: Final = "dragoman"


class _Problem(msgspec.Struct):
    message: str
    count: int = 1


class _Job(msgspec.Struct):
    id: str
    status: str
    input_files: list[str] = []
    output_file: str | None = None
    error_file: str | None = None
    errors: list[_Problem] = []
    metadata: dict[str, Any] | None = None
    succeeded_requests: int | None = None
    failed_requests: int | None = None


class _Page(msgspec.Struct):
    data: list[_Job] = []


class MistralBatches:
    """The batch API of Mistral; see `base.Service`."""

    limits = Limits(rows=100_000, bytes=512_000_000, one_model=True)
    discount = 0.5

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def line(self, part: Part) -> bytes:
        if part.wire != "openai-chat":
            raise ConfigError(f"a batch of Mistral cannot hold rows in {part.wire}", field="mode")
        body: dict[str, msgspec.Raw] = decode_json(part.body, dict[str, msgspec.Raw], "a row")
        body.pop("model", None)  # the job says it for all
        return msgspec.json.encode({"custom_id": part.key, "body": body})

    async def submit(self, sending: Sending) -> Sent:
        file = await upload(self._calls, sending, {"purpose": "batch"})
        asked: dict[str, Any] = {
            "input_files": [file.id],
            "endpoint": _ENDPOINT,
            "model": sending.model,
            "metadata": {_TAG: sending.tag},
        }
        if sending.hours is not None:
            asked["timeout_hours"] = sending.hours
        raw = await self._calls.ask(self._calls.request("POST", "batch/jobs", json=asked), again=False)
        made = decode_json(raw.body, _Job, "the batch")
        return Sent(id=made.id, files=(file.id,), wire=sending.wire, model=sending.model)

    async def find(self, tag: str) -> Sent | None:
        number = 0
        while True:
            params = {"page": str(number), "page_size": str(_PAGE), "created_by_me": "true"}
            raw = await self._calls.ask(self._calls.request("GET", "batch/jobs", params=params))
            page = decode_json(raw.body, _Page, "the batch")
            for job in page.data:
                if job.metadata is not None and job.metadata.get(_TAG) == tag:
                    return Sent(id=job.id, files=tuple(job.input_files))
            if len(page.data) < _PAGE:
                return None
            number += 1

    async def look(self, sent: Sent) -> Status:
        try:
            raw = await self._calls.ask(self._calls.request("GET", f"batch/jobs/{sent.id}"))
        except NotFoundError as error:
            return Status(state="failed", error=error.message, gone=True)
        job = decode_json(raw.body, _Job, "the batch")
        return Status(
            state=_STATES.get(job.status, "running"),
            done=job.succeeded_requests,
            failed=job.failed_requests,
            results=tuple(name for name in (job.output_file, job.error_file) if name),
            error="; ".join(problem.message for problem in job.errors[:3]) or None,
        )

    async def results(self, sent: Sent, status: Status) -> AsyncGenerator[Result, None]:
        for name in status.results:
            async with aclosing(self._calls.lines(self._calls.request("GET", f"files/{name}/content"))) as lines:
                async for line in lines:
                    yield result_of(self._calls, sent, line)

    async def cancel(self, sent: Sent) -> None:
        try:
            await self._calls.ask(self._calls.request("POST", f"batch/jobs/{sent.id}/cancel"))
        except BadRequestError:
            if (await self.look(sent)).state in ("waiting", "running"):
                raise

    async def forget(self, sent: Sent, status: Status) -> None:
        await delete_files(self._calls, sent)


SERVICE = MistralBatches
