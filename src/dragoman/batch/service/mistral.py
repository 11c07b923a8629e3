"""
Mistral's batch API: a file of lines, a job of it for one model, a file of answers and one of errors.

Results can be downloaded for 24 hours only; the engine takes them as soon as a job has ended.

Source: platform-docs-public 222f4ba911 (`/v1/batch/jobs`), capabilities/batch: 100,000 requests, 512 MB.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.batch.service.base import Limits, Part, Sending, Sent, State, Status
from dragoman.batch.service.files import FileBatches, upload
from dragoman.errors import ConfigError
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


class MistralBatches(FileBatches):
    """The batch API of Mistral; see `base.Service`."""

    path = "batch/jobs"
    limits = Limits(rows=100_000, bytes=512_000_000, one_model=True)
    discount = 0.5

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
        return await self._created(sending, file, asked)

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

    def _status(self, body: bytes) -> Status:
        job = decode_json(body, _Job, "the batch")
        return Status(
            state=_STATES.get(job.status, "running"),
            done=job.succeeded_requests,
            failed=job.failed_requests,
            results=tuple(name for name in (job.output_file, job.error_file) if name),
            error="; ".join(problem.message for problem in job.errors[:3]) or None,
        )


SERVICE = MistralBatches
