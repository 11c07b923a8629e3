"""
Files of batch APIs that take them: upload as a form, look, content, delete.

Source: OpenAI, API reference of files; Mistral's follows it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from aiohttp import BodyPartReader, web

from dragoman.testing.batches.base import Api, Batch, Outcome


class FilesApi(Api):
    """
    An API with files.

    Attributes:
        prefix: Of its paths, versions included: `/v1`.
        after: How a file stands when it is new, and then.
        more: What else is said of a file.
    """

    prefix = "/v1"
    after: ClassVar[tuple[str, ...]] = ("processed",)
    more: ClassVar[dict[str, Any]] = {}

    def routes(self) -> list[web.RouteDef]:
        files = f"{self.prefix}/files"
        return [
            web.post(files, self._upload),
            web.get(f"{files}/{{id}}", self._file),
            web.get(f"{files}/{{id}}/content", self._content),
            web.delete(f"{files}/{{id}}", self._delete),
        ]

    def refused(self, status: int, message: str, code: str | None = None) -> web.Response:
        """An error, in the form of the dialect."""
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return web.json_response({"error": error}, status=status)

    async def _upload(self, request: web.Request) -> web.Response:
        fields: dict[str, str] = {}
        name, path = self.house.file("file-")
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            assert isinstance(part, BodyPartReader)  # no form within a form
            if part.name == "file":
                self.house.names[name] = {"filename": part.filename, "looks": 0}
                await _saved(part, path)
            else:
                fields[part.name or ""] = await part.text()
        if fields.get("purpose") != "batch" or not path.exists():
            return self.refused(400, "purpose must be batch, and a file must be there")
        self.house.names[name]["fields"] = fields
        return web.json_response(self._shown(name))

    def _shown(self, name: str) -> dict[str, Any]:
        about, path = self.house.names[name], self.house.files[name]
        looks = about.get("looks", 0)
        about["looks"] = looks + 1
        return {
            "id": name,
            "object": "file",
            "bytes": path.stat().st_size,
            "created_at": int(time.time()),
            "filename": about.get("filename") or "output.jsonl",
            "purpose": about.get("purpose", "batch"),
            "status": self.after[min(looks, len(self.after) - 1)],
            **self.more,
        }

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["id"]
        if name not in self.house.files:
            return self.refused(404, f"No such File object: {name}")
        return web.json_response(self._shown(name))

    async def _content(self, request: web.Request) -> web.StreamResponse:
        path = self.house.files.get(request.match_info["id"])
        if path is None:
            return self.refused(404, "No such File object")
        return web.FileResponse(path, headers={"content-type": "application/octet-stream"})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["id"]
        if not self.house.drop(name):
            return self.refused(404, f"No such File object: {name}")
        return web.json_response({"id": name, "object": "file", "deleted": True})

    # --- results ------------------------------------------------------------------------------------------------------

    def results(self, batch: Batch, *, good: bool) -> str | None:
        """Id of the file of answers (or errors) of a batch that has ended; None if there are none."""
        kept = f"{batch.id}-{'output' if good else 'error'}"
        lines = [self._line(batch, outcome) for outcome in batch.outcomes if outcome.good is good]
        if not lines:
            return None
        if kept not in batch.extra:
            name, path = self.house.file("file-", purpose="batch_output")
            path.write_bytes(b"".join(line + b"\n" for line in lines))
            batch.extra[kept] = name
        return str(batch.extra[kept])

    def _line(self, batch: Batch, outcome: Outcome) -> bytes:
        line: dict[str, Any] = {"id": f"batch_req_{outcome.key[:8]}", "custom_id": outcome.key}
        if outcome.expired:
            code = "batch_cancelled" if batch.state == "cancelled" else "batch_expired"
            message = "This request could not be executed before the completion window expired."
            line |= {"response": None, "error": {"code": code, "message": message}}
        else:
            body = msgspec.Raw(outcome.body)
            answer = {"status_code": outcome.status, "request_id": f"req-{outcome.key[:8]}", "body": body}
            line |= {"response": answer, "error": None}
        return msgspec.json.encode(line)


async def _saved(part: BodyPartReader, path: Path) -> None:
    with path.open("wb") as file:
        while piece := await part.read_chunk(1 << 16):
            file.write(piece)
