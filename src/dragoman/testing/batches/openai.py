"""
OpenAI's batch API, as a server; and Azure's, which is the same with files that must be processed first.

Source: openai-openapi f85dbe223d; the batch guide; openai-python issues 1643 and 2084 (a batch that is too much for
the queue is created, and has failed when it is looked at); learn.microsoft.com for Azure.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from dragoman.errors import ConfigError
from dragoman.testing.batches.base import Asked, Batch
from dragoman.testing.batches.files import FilesApi

_STATES: Final = {
    "waiting": "validating",
    "running": "in_progress",
    "ended": "completed",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
}
_PATHS: Final = {"/v1/chat/completions": "openai-chat", "/v1/responses": "openai-responses"}


class _Row(msgspec.Struct):
    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


class _Ask(msgspec.Struct, forbid_unknown_fields=True):
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None
    output_expires_after: dict[str, Any] | None = None


class OpenAI(FilesApi):
    """`/v1/files` and `/v1/batches`."""

    wire = "openai-chat"
    most = 50_000

    def routes(self) -> list[web.RouteDef]:
        batches = f"{self.prefix}/batches"
        return [
            *super().routes(),
            web.post(f"{self.prefix}/chat/completions", self.live),
            web.post(batches, self._create),
            web.get(batches, self._list),
            web.get(f"{batches}/{{id}}", self._look),
            web.post(f"{batches}/{{id}}/cancel", self._cancel),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        try:
            body = await request.read()
            asked = msgspec.json.decode(body, type=_Ask)
        except msgspec.ValidationError as error:
            return self.refused(400, str(error))
        path = self.house.files.get(asked.input_file_id)
        if path is None or asked.completion_window != "24h" or asked.endpoint not in _PATHS:
            return self.refused(400, "invalid input_file_id, endpoint or completion_window")
        if self._unready(asked.input_file_id):
            return self.refused(400, "the input file is not processed yet", "invalid_file_status")
        dialect = _PATHS[asked.endpoint]
        rows, problems = self._rows(path.read_bytes(), asked.endpoint, dialect)
        batch = self.house.create("batch_", rows, tag=(asked.metadata or {}).get("dragoman", ""), dialect=dialect)
        batch.extra |= {"asked": asked, "body": body, "problems": problems}
        return web.json_response(self._batch(batch))

    def _unready(self, name: str) -> bool:
        return int(self.house.names[name]["looks"]) < len(self.after)

    def _rows(self, data: bytes, endpoint: str, dialect: str) -> tuple[list[Asked], list[dict[str, Any]]]:
        rows, problems, seen, models = list[Asked](), list[dict[str, Any]](), set[str](), set[str]()
        for number, line in enumerate(data.splitlines(), 1):
            try:
                row = msgspec.json.decode(line, type=_Row)
                asked = self.asked(row.custom_id, bytes(row.body), path=row.url, dialect=dialect)
            except (msgspec.DecodeError, ConfigError) as error:
                problems.append(_problem("invalid_json_line", str(error), number))
                continue
            if row.custom_id in seen:
                problems.append(_problem("duplicate_custom_id", f"{row.custom_id} is there already", number))
            if row.url != endpoint or row.method != "POST":
                problems.append(_problem("invalid_url", f"the batch is for {endpoint}", number))
            seen.add(row.custom_id)
            models.add(asked.chat.model)
            rows.append(asked)
        if len(models) > 1:
            problems.append(_problem("mismatched_model", "all requests must be for one model", None))
        if not rows or len(rows) > self.most:
            problems.append(_problem("invalid_request_count", f"1 to {self.most} requests", None))
        return rows, problems

    async def _list(self, request: web.Request) -> web.Response:
        limit, after = int(request.query.get("limit", "20")), request.query.get("after")
        newest = self.house.listed()
        at = next((at + 1 for at, batch in enumerate(newest) if batch.id == after), 0)
        page = newest[at : at + limit]
        data = [self._batch(batch) for batch in page]
        return web.json_response(
            {
                "object": "list",
                "data": data,
                "first_id": data[0]["id"] if data else None,
                "last_id": data[-1]["id"] if data else None,
                "has_more": len(newest) > at + limit,
            }
        )

    async def _look(self, request: web.Request) -> web.Response:
        batch = self.house.batches.get(request.match_info["id"])
        if batch is None:
            return self.refused(404, "No batch found with that id")
        if batch.extra["problems"] and not batch.over:
            batch.state = "failed"
        batch.look()
        return web.json_response(self._batch(batch))

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self.house.batches.get(request.match_info["id"])
        if batch is None:
            return self.refused(404, "No batch found with that id")
        if batch.over:
            return self.refused(409, f"Cannot cancel a batch with status '{_STATES[batch.state]}'.")
        batch.cancel()
        return web.json_response(self._batch(batch))

    def _batch(self, batch: Batch) -> dict[str, Any]:
        asked: _Ask = batch.extra["asked"]
        problems: list[dict[str, Any]] = batch.extra["problems"]
        if batch.state == "failed" and not problems:
            code, message = batch.course.error
            problems = [_problem(code, message, None)]
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": asked.endpoint,
            "errors": {"object": "list", "data": problems} if batch.state == "failed" else None,
            "input_file_id": asked.input_file_id,
            "completion_window": asked.completion_window,
            "status": "cancelling" if batch.cancelling else _STATES[batch.state],
            "output_file_id": self.results(batch, good=True),
            "error_file_id": self.results(batch, good=False),
            "created_at": batch.created,
            "request_counts": {
                "total": len(batch.rows),
                "completed": batch.count(good=True),
                "failed": batch.count(good=False),
            },
            "metadata": asked.metadata,
        }


class Azure(OpenAI):
    """`/openai/v1/files` and `/openai/v1/batches`: a file is pending at first."""

    prefix = "/openai/v1"
    after = ("pending", "processed")


def _problem(code: str, message: str, line: int | None) -> dict[str, Any]:
    return {"code": code, "message": message, "line": line, "param": None}
