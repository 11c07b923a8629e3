"""
Gemini's batches and files, as a server.

Sources: Google's reference of the batch API (operations with `metadata`, states, counts as texts) and of files;
google-genai SDK 3.4.0, which uploads, creates, polls, lists and downloads (`batches.py`, `files.py`, `_api_client.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

import msgspec
from aiohttp import web

from dragoman.errors import BadRequestError, DragomanError, NotFoundError, PermissionDeniedError
from dragoman.testing.batches.base import Api, Asked, Batch, Outcome
from dragoman.wire.google_errors import encode_error

_STATES: Final = {"waiting": "PENDING", "running": "RUNNING", "ended": "SUCCEEDED"}
_INLINE: Final = 20 << 20
# What a row's error says instead of an HTTP status.   (google.rpc.Code)
_NUMBERS: Final = {
    "INVALID_ARGUMENT": 3,
    "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "UNAUTHENTICATED": 16,
}


class _Inlined(msgspec.Struct):
    request: msgspec.Raw
    metadata: dict[str, Any] | None = None


class _Line(msgspec.Struct):
    key: str
    request: msgspec.Raw


class _Requests(msgspec.Struct):
    requests: list[_Inlined]


class _Input(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    file_name: str | None = None
    requests: _Requests | None = None


class _Batch(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    input_config: _Input
    display_name: str = ""
    model: str | None = None


class _Create(msgspec.Struct, forbid_unknown_fields=True):
    batch: _Batch


class Gemini(Api):
    """
    `batchGenerateContent`, `batches`, `files` and their upload.

    Attributes:
        keeps_metadata: Whether inline answers bear their row's metadata.
        answers_inline: Whether rows of a file are answered inline.
    """

    wire: ClassVar[str] = "gemini-generate"
    keeps_metadata: ClassVar[bool] = True
    answers_inline: ClassVar[bool] = False

    def routes(self) -> list[web.RouteDef]:
        """Its paths."""
        return [
            web.post("/{version:v1|v1beta}/models/{model:[^/:]+}:batchGenerateContent", self._create),
            web.get("/{version:v1|v1beta}/batches", self._list),
            web.get("/{version:v1|v1beta}/{name:batches/[^/:]+}", self._look),
            web.post("/{version:v1|v1beta}/{name:batches/[^/:]+}:cancel", self._cancel),
            web.delete("/{version:v1|v1beta}/{name:batches/[^/:]+}", self._delete_batch),
            web.post("/upload/{version:v1|v1beta}/files", self._begin),
            web.post("/upload/{version:v1|v1beta}/{name:files/[^/:]+}", self._upload),
            web.get("/{version:v1|v1beta}/{name:files/[^/:]+}:download", self._download),
            web.delete("/{version:v1|v1beta}/{name:files/[^/:]+}", self._delete_file),
        ]

    # --- files --------------------------------------------------------------------------------------------------------

    async def _begin(self, request: web.Request) -> web.Response:
        if request.headers.get("x-goog-upload-command") != "start":
            return _refused(BadRequestError("x-goog-upload-command is not start", status=400))
        told = msgspec.json.decode(await request.read()).get("file", {})
        size = int(request.headers["x-goog-upload-header-content-length"])
        name, path = self.house.file("files/f", size=size, about=told, final=False)
        path.touch()
        place = f"{request.url.origin()}/upload/v1beta/{name}?upload_id=1&upload_protocol=resumable"
        return web.json_response({}, headers={"x-goog-upload-url": place, "x-goog-upload-status": "active"})

    async def _upload(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.house.files:
            return _refused(NotFoundError("no such upload", status=404))
        commands = [word.strip() for word in request.headers.get("x-goog-upload-command", "").split(",")]
        about, path = self.house.names[name], self.house.files[name]
        if "upload" in commands:
            if int(request.headers.get("x-goog-upload-offset", "-1")) != path.stat().st_size:
                return _refused(BadRequestError("x-goog-upload-offset is not where the upload stands", status=400))
            with path.open("ab") as file:
                async for piece in request.content.iter_any():
                    file.write(piece)
                    file.flush()
        received = path.stat().st_size
        if "finalize" in commands:
            if received != about["size"]:
                return _refused(BadRequestError(f"{received} bytes came, {about['size']} were said", status=400))
            about["final"] = True
        if not about["final"]:
            told = {"x-goog-upload-status": "active", "x-goog-upload-size-received": str(received)}
            return web.json_response({}, headers=told)
        return web.json_response({"file": self._file(name)}, headers={"x-goog-upload-status": "final"})

    def _file(self, name: str) -> dict[str, Any]:
        about = self.house.names[name]
        return {
            "name": name,
            "displayName": about["about"].get("displayName", ""),
            "mimeType": about["about"].get("mimeType", ""),
            "sizeBytes": str(about["size"]),
            "state": "ACTIVE",
        }

    async def _download(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self.house.files or not self.house.names[name].get("made"):
            return _refused(PermissionDeniedError(f"no permission for {name}, or it does not exist", status=403))
        return web.FileResponse(self.house.files[name])

    async def _delete_file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if not self.house.drop(name):
            return _refused(PermissionDeniedError(f"no permission for {name}, or it does not exist", status=403))
        return web.json_response({})

    # --- batches ------------------------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.Response:
        model, body = request.match_info["model"], await request.read()
        try:
            told = msgspec.json.decode(body, type=_Create).batch
            rows, metadata = self._rows(told.input_config, model, len(body))
        except DragomanError as error:
            return _refused(error)
        except msgspec.DecodeError as error:
            return _refused(BadRequestError(f"Invalid JSON payload received. {error}", status=400))
        batch = self.house.create("batches/b", rows, tag=told.display_name, dialect=self.wire)
        batch.extra = {"model": model, "file": told.input_config.file_name, "metadata": metadata}
        return web.json_response(self._shown(batch))

    def _rows(self, told: _Input, model: str, size: int) -> tuple[list[Asked], dict[str, Any]]:
        path = f"/v1beta/models/{model}:generateContent"
        if told.file_name is not None:
            if told.file_name not in self.house.files:
                raise NotFoundError(f"File {told.file_name} not found", status=404)
            with self.house.files[told.file_name].open("rb") as file:
                lines = [msgspec.json.decode(line, type=_Line) for line in file]
            return [self.asked(line.key, bytes(line.request), path=path) for line in lines], {}
        if told.requests is None or not told.requests.requests:
            raise BadRequestError("batch.inputConfig has no source", status=400)
        if size > _INLINE:
            raise BadRequestError(f"Request payload size exceeds the limit: {_INLINE} bytes.", status=400)
        given = told.requests.requests
        rows = [self.asked(str(number), bytes(row.request), path=path) for number, row in enumerate(given)]
        return rows, {str(number): row.metadata for number, row in enumerate(given)}

    async def _list(self, request: web.Request) -> web.Response:
        newest = [batch for batch in self.house.listed() if "deleted" not in batch.extra]
        start, size = int(request.query.get("pageToken", "0")), int(request.query.get("pageSize", "50"))
        page: dict[str, Any] = {"operations": [self._shown(batch) for batch in newest[start : start + size]]}
        return web.json_response(page | ({"nextPageToken": str(start + size)} if start + size < len(newest) else {}))

    async def _look(self, request: web.Request) -> web.Response:
        batch = self._batch(request)
        if batch is None:
            return _unknown(request)
        was_over = batch.over
        batch.look()
        if batch.over and not was_over and batch.state in ("ended", "cancelled"):
            self._write(batch)
        return web.json_response(self._shown(batch))

    async def _cancel(self, request: web.Request) -> web.Response:
        batch = self._batch(request)
        if batch is None:
            return _unknown(request)
        if batch.over:
            return _refused(BadRequestError(f"{batch.id} is in a terminal state", status=400))
        batch.cancel()
        return web.json_response({})

    async def _delete_batch(self, request: web.Request) -> web.Response:
        batch = self._batch(request)
        if batch is None:
            return _unknown(request)
        batch.extra["deleted"] = True
        return web.json_response({})

    def _batch(self, request: web.Request) -> Batch | None:
        batch = self.house.batches.get(request.match_info["name"])
        return None if batch is None or "deleted" in batch.extra else batch

    # --- what they show -----------------------------------------------------------------------------------------------

    def _write(self, batch: Batch) -> None:
        """Write the results of a batch that had a file."""
        if batch.extra["file"] is None or self.answers_inline:
            return
        name, path = self.house.file("files/batch-", made=True, size=0, about={}, final=True)
        batch.extra["results"] = name
        with path.open("wb") as file:
            for told in self._answers(batch):
                file.write(msgspec.json.encode(told) + b"\n")

    def _answers(self, batch: Batch) -> Iterable[dict[str, Any]]:
        for outcome in batch.outcomes:
            named: dict[str, Any] = {"key": outcome.key} if batch.extra["file"] is not None else {}
            if self.answers_inline:
                named = {"metadata": named}
            metadata = batch.extra["metadata"].get(outcome.key)
            if metadata is not None and self.keeps_metadata:
                named = {"metadata": metadata}
            yield {**named, **_told(outcome)}

    def _shown(self, batch: Batch) -> dict[str, Any]:
        state = _STATES.get(batch.state, batch.state.upper())
        output = self._output(batch)
        source = {"fileName": batch.extra["file"]} if batch.extra["file"] else {}
        over = batch.count(good=True), batch.count(good=False)
        metadata = {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
            "model": f"models/{batch.extra['model']}",
            "displayName": batch.tag,
            "createTime": datetime.fromtimestamp(batch.created, UTC).isoformat().replace("+00:00", "Z"),
            "inputConfig": source,
            "batchStats": {
                "requestCount": str(len(batch.rows)),
                "successfulRequestCount": str(over[0]),
                "failedRequestCount": str(over[1]),
                "pendingRequestCount": str(len(batch.rows) - sum(over)),
            },
            "state": f"BATCH_STATE_{state}",
            "name": batch.id,
        }
        shown: dict[str, Any] = {"name": batch.id, "metadata": metadata | ({"output": output} if output else {})}
        if batch.over:
            shown["done"] = True
        if batch.state == "failed":
            code, words = batch.course.error
            shown["error"] = {"code": int(code) if code.isdecimal() else 3, "message": words}
        elif batch.state in ("cancelled", "expired"):
            shown["error"] = {"code": 1 if batch.state == "cancelled" else 4, "message": f"the batch is {batch.state}"}
        if batch.state == "ended" and output:
            shown["response"] = output
        return shown

    def _output(self, batch: Batch) -> dict[str, Any]:
        if "results" in batch.extra:
            return {"responsesFile": batch.extra["results"]}
        inline = batch.extra["file"] is None or self.answers_inline
        if not inline or batch.state not in ("ended", "cancelled"):
            return {}
        return {"inlinedResponses": {"inlinedResponses": list(self._answers(batch))}}


def _told(outcome: Outcome) -> dict[str, Any]:
    if outcome.expired:
        return {"error": {"code": 1, "message": "the request was cancelled"}}
    if outcome.good:
        return {"response": outcome.json}
    said = outcome.json["error"]
    return {"error": {"code": _NUMBERS.get(said["status"], 2), "message": said["message"]}}


def _unknown(request: web.Request) -> web.Response:
    return _refused(NotFoundError(f"{request.match_info['name']} not found", status=404))


def _refused(error: DragomanError) -> web.Response:
    status, headers, body = encode_error(error)
    return web.Response(status=status, headers=headers, body=body)
