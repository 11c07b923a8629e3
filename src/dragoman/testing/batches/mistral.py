"""
Mistral's batch API, as a server.

Source: platform-docs-public 222f4ba911, `/v1/batch/jobs`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec
from aiohttp import web

from dragoman.errors import ConfigError
from dragoman.testing.batches.base import Asked, Batch
from dragoman.testing.batches.files import FilesApi

_STATES: Final = {
    "waiting": "QUEUED",
    "running": "RUNNING",
    "ended": "SUCCESS",
    "failed": "FAILED",
    "expired": "TIMEOUT_EXCEEDED",
    "cancelled": "CANCELLED",
}


class _Row(msgspec.Struct):
    custom_id: str
    body: dict[str, msgspec.Raw]


class _Ask(msgspec.Struct, forbid_unknown_fields=True):
    endpoint: str
    input_files: list[str]
    model: str
    metadata: dict[str, str] | None = None
    timeout_hours: int = 24


class Mistral(FilesApi):
    """`/v1/files` and `/v1/batch/jobs`."""

    wire = "openai-chat"
    more: ClassVar[dict[str, Any]] = {"sample_type": "batch_request", "source": "upload"}

    def routes(self) -> list[web.RouteDef]:
        jobs = f"{self.prefix}/batch/jobs"
        return [
            *super().routes(),
            web.post(f"{self.prefix}/chat/completions", self.live),
            web.post(jobs, self._create),
            web.get(jobs, self._list),
            web.get(f"{jobs}/{{id}}", self._look),
            web.post(f"{jobs}/{{id}}/cancel", self._cancel),
        ]

    def refused(self, status: int, message: str, code: str | None = None) -> web.Response:
        """As Mistral writes errors."""
        said = {"object": "error", "message": message, "type": "invalid_request_error", "param": None, "code": code}
        return web.json_response(said, status=status)

    async def _create(self, request: web.Request) -> web.Response:
        try:
            body = await request.read()
            asked = msgspec.json.decode(body, type=_Ask)
        except msgspec.ValidationError as error:
            return self.refused(422, str(error))
        path = self.house.files.get(asked.input_files[0]) if asked.input_files else None
        if path is None or asked.endpoint != "/v1/chat/completions":
            return self.refused(400, "invalid input_files or endpoint")
        try:
            rows = [self._row(line, asked.model) for line in path.read_bytes().splitlines()]
        except (msgspec.DecodeError, ConfigError) as error:
            return self.refused(400, f"invalid file: {error}")
        tag = (asked.metadata or {}).get("dragoman", "")
        batch = self.house.create("job", rows, tag=tag, dialect=self.wire)
        batch.extra |= {"asked": asked, "body": body}
        return web.json_response(self._job(batch))

    def _row(self, line: bytes, model: str) -> Asked:
        row = msgspec.json.decode(line, type=_Row)
        whole = {"model": model, **row.body}
        return self.asked(row.custom_id, msgspec.json.encode(whole), path="/v1/chat/completions")

    async def _list(self, request: web.Request) -> web.Response:
        number, size = int(request.query.get("page", "0")), int(request.query.get("page_size", "100"))
        newest = self.house.listed()
        data = [self._job(batch) for batch in newest[number * size : (number + 1) * size]]
        return web.json_response({"object": "list", "data": data, "total": len(newest)})

    async def _look(self, request: web.Request) -> web.Response:
        batch = self.house.batches.get(request.match_info["id"])
        if batch is None:
            return self.refused(404, "Job not found")
        batch.look()
        return web.json_response(self._job(batch))

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self.house.batches.get(request.match_info["id"])
        if batch is None:
            return self.refused(404, "Job not found")
        if batch.over:
            return self.refused(400, f"Job is {_STATES[batch.state]}")
        batch.cancel()
        return web.json_response(self._job(batch))

    def _job(self, batch: Batch) -> dict[str, Any]:
        asked: _Ask = batch.extra["asked"]
        failed = batch.state == "failed"
        good, bad = batch.count(good=True), batch.count(good=False)
        return {
            "id": batch.id,
            "object": "batch",
            "input_files": asked.input_files,
            "metadata": asked.metadata,
            "endpoint": asked.endpoint,
            "model": asked.model,
            "output_file": self.results(batch, good=True),
            "error_file": self.results(batch, good=False),
            "errors": [{"message": batch.course.error[1], "count": 1}] if failed else [],
            "status": "CANCELLATION_REQUESTED" if batch.cancelling else _STATES[batch.state],
            "created_at": batch.created,
            "total_requests": len(batch.rows),
            "completed_requests": good + bad,
            "succeeded_requests": good,
            "failed_requests": bad,
            "started_at": batch.created,
            "completed_at": batch.created if batch.over else None,
        }
