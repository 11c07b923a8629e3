"""
Anthropic's Message Batches, as a server.

Sources: the vendor's OpenAPI file (paths, `MessageBatch`, `MessageBatchIndividualResponse`, the pattern of
`custom_id`); its page on batch processing (results come in any order; one that has ended cannot be cancelled, one that
has not cannot be deleted).
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import msgspec
from aiohttp import web

from dragoman.errors import BadRequestError, DragomanError, NotFoundError
from dragoman.testing.batches.base import Api, Asked, Batch, Outcome
from dragoman.wire import anthropic_messages

_PATH: Final = "/v1/messages/batches"
_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_MOST: Final = 100_000
_DAY: Final = 86_400


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    custom_id: str
    params: msgspec.Raw


class _Create(msgspec.Struct, forbid_unknown_fields=True):
    requests: list[_Row]


class Anthropic(Api):
    """`/v1/messages/batches`."""

    wire: ClassVar[str] = "anthropic-messages"

    def routes(self) -> list[web.RouteDef]:
        """Its paths."""
        return [
            web.post(_PATH, self._create),
            web.get(_PATH, self._list),
            web.get(_PATH + "/{id}", self._look),
            web.delete(_PATH + "/{id}", self._delete),
            web.post(_PATH + "/{id}/cancel", self._cancel),
            web.get(_PATH + "/{id}/results", self._results),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        try:
            rows = self._rows(await request.read())
        except DragomanError as error:
            return _refused(error)
        batch = self.house.create("msgbatch_", rows, dialect=self.wire)
        return web.json_response(_shown(batch, request))

    def _rows(self, body: bytes) -> list[Asked]:
        try:
            given = msgspec.json.decode(body, type=_Create).requests
        except msgspec.DecodeError as error:
            raise BadRequestError(f"requests: {error}", status=400) from error
        if not 1 <= len(given) <= _MOST:
            raise BadRequestError(f"requests: List should have 1 to {_MOST} items, not {len(given)}", status=400)
        names = {row.custom_id for row in given}
        wrong = next((name for name in names if not _ID.match(name)), None)
        if wrong is not None:
            raise BadRequestError(f"requests: custom_id {wrong!r} should match {_ID.pattern}", status=400)
        if len(names) < len(given):
            raise BadRequestError("requests: custom_id is not unique in the batch", status=400)
        return [self.asked(row.custom_id, bytes(row.params)) for row in given]

    async def _list(self, request: web.Request) -> web.Response:
        newest = [batch for batch in self.house.listed() if "deleted" not in batch.extra]
        limit, after = int(request.query.get("limit", "20")), request.query.get("after_id")
        if after is not None:
            newest = newest[[batch.id for batch in newest].index(after) + 1 :]
        shown = [_shown(batch, request) for batch in newest[:limit]]
        ends = (
            {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
        )
        return web.json_response({"data": shown, "has_more": len(newest) > limit, **ends})

    async def _look(self, request: web.Request) -> web.Response:
        batch = self._batch(request)
        if batch is None:
            return _missing(request)
        batch.look()
        return web.json_response(_shown(batch, request))

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self._batch(request)
        if batch is None:
            return _missing(request)
        if batch.over:
            return _refused(BadRequestError(f"Batch {batch.id} has ended and cannot be canceled", status=400))
        batch.cancel()
        batch.extra["cancelled"] = time.time()
        return web.json_response(_shown(batch, request))

    async def _delete(self, request: web.Request) -> web.Response:
        batch = self._batch(request)
        if batch is None:
            return _missing(request)
        if not batch.over:
            return _refused(BadRequestError(f"Batch {batch.id} has not ended: cancel it first", status=400))
        batch.extra["deleted"] = True
        return web.json_response({"id": batch.id, "type": "message_batch_deleted"})

    async def _results(self, request: web.Request) -> web.StreamResponse:
        batch = self._batch(request)
        if batch is None or not batch.over:
            return _missing(request)
        response = web.StreamResponse(headers={"content-type": "application/x-jsonl"})
        await response.prepare(request)
        for outcome in batch.outcomes:
            await response.write(msgspec.json.encode(_result(outcome, batch)) + b"\n")
        await response.write_eof()
        return response

    def _batch(self, request: web.Request) -> Batch | None:
        batch = self.house.batches.get(request.match_info["id"])
        return None if batch is None or "deleted" in batch.extra else batch


def _missing(request: web.Request) -> web.Response:
    return _refused(NotFoundError(f"no batch {request.match_info['id']} with this", status=404))


def _refused(error: DragomanError) -> web.Response:
    status, headers, body = anthropic_messages.WIRE.encode_error(error)
    return web.Response(status=status, headers=headers, body=body)


def _result(outcome: Outcome, batch: Batch) -> dict[str, Any]:
    return {"custom_id": outcome.key, "result": _told(outcome, batch)}


def _told(outcome: Outcome, batch: Batch) -> dict[str, Any]:
    if outcome.expired:
        return {"type": "canceled" if batch.state == "cancelled" else "expired"}
    if outcome.good:
        return {"type": "succeeded", "message": outcome.json}
    return {"type": "errored", "error": {"request_id": None, **outcome.json}}


def _shown(batch: Batch, request: web.Request) -> dict[str, Any]:
    over, lost = batch.over, sum(outcome.expired for outcome in batch.outcomes)
    canceled = lost if batch.state == "cancelled" else 0
    cancelled_at = batch.extra.get("cancelled")
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": "ended" if over else "canceling" if batch.cancelling else "in_progress",
        "request_counts": {
            "processing": 0 if over else len(batch.rows),
            "succeeded": batch.count(good=True),
            "errored": batch.count(good=False),
            "canceled": canceled,
            "expired": lost - canceled,
        },
        "created_at": _time(batch.created),
        "expires_at": _time(batch.created + _DAY),
        "ended_at": _time(time.time()) if over else None,
        "archived_at": None,
        "cancel_initiated_at": None if cancelled_at is None else _time(cancelled_at),
        "results_url": f"{request.url.origin()}{_PATH}/{batch.id}/results" if over else None,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
