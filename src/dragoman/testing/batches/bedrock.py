"""
Bedrock's model invocation jobs, as a server, and as much of S3 as they need: files are put, read and deleted.

Requests are not checked for their signatures.

Sources: service model of `bedrock` in botocore 1.44 (shapes, patterns, errors); Bedrock user guide, batch inference:
files of records in and out, states, the least number of records.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec
from aiohttp import web

from dragoman.errors import BadRequestError, ConfigError, DragomanError, NotFoundError
from dragoman.testing.batches.base import Api, Asked, Batch, Course, Outcome
from dragoman.wire.aws import encode_error

_ARN: Final = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/jobabcde"
_STATES: Final = {"waiting": "Scheduled", "running": "InProgress", "ended": "Completed", "cancelled": "Stopped"}
_PATTERNS: Final = {
    "jobName": r"[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\+\-\.]){0,63}",
    "clientRequestToken": r"[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}",
    "roleArn": r"arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+",
    "s3Uri": r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?",
}
# How jobs of each type are asked: dialect, and the last word of its path.
_TYPES: Final = {"Converse": ("bedrock-converse", "converse"), "InvokeModel": ("bedrock-anthropic", "invoke")}


class _Source(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    s3_uri: str
    s3_input_format: str = "JSONL"
    s3_bucket_owner: str | None = None


class _Input(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    s3_input_data_config: _Source


class _Target(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    s3_uri: str
    s3_encryption_key_id: str | None = None
    s3_bucket_owner: str | None = None


class _Output(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    s3_output_data_config: _Target


class _Create(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    job_name: str
    role_arn: str
    model_id: str
    input_data_config: _Input
    output_data_config: _Output
    client_request_token: str | None = None
    model_invocation_type: str = "InvokeModel"
    timeout_duration_in_hours: int | None = None
    tags: list[dict[str, str]] = []


class _Record(msgspec.Struct, rename="camel"):
    record_id: str
    model_input: msgspec.Raw


class Bedrock(Api):
    """
    `model-invocation-job`, and buckets under `/BUCKET/KEY`.

    Attributes:
        min_records: Fewest records that a job takes.
    """

    wire: ClassVar[str] = "bedrock-converse"
    min_records: ClassVar[int] = 100

    def routes(self) -> list[web.RouteDef]:
        """Its paths."""
        return [
            web.post("/model-invocation-job", self._create),
            web.get("/model-invocation-jobs", self._list),
            web.post("/model-invocation-job/{id:.+}/stop", self._stop),
            web.get("/model-invocation-job/{id:.+}", self._look),
            web.put("/{bucket}/{key:.+}", self._put),
            web.get("/{bucket}/{key:.+}", self._get),
            web.delete("/{bucket}/{key:.+}", self._delete),
        ]

    # --- jobs ---------------------------------------------------------------------------------------------------------

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            return web.json_response({"jobArn": self._job(body).id})
        except DragomanError as error:
            return _refused(error)

    def _job(self, body: bytes) -> Batch:
        told = _read(body)
        for known in self.house.batches.values():
            if told.client_request_token and known.extra["told"].client_request_token == told.client_request_token:
                if known.extra["told"] == told:
                    return known
                raise _conflict("the client request token was used with other parameters")
            if known.tag == told.job_name:
                raise _conflict(f"a job of the name {told.job_name} exists")
        dialect, word = _TYPES[told.model_invocation_type]
        source = told.input_data_config.s3_input_data_config.s3_uri.removeprefix("s3://")
        rows = self._rows(source, f"/model/{quote(told.model_id, safe='')}/{word}", dialect)
        job = self.house.create(_ARN, rows, tag=told.job_name, dialect=dialect)
        job.extra["told"] = told
        if len(rows) < self.min_records:
            words = f"the job has {len(rows)} records; the least is {self.min_records}"
            job.course = Course(looks=job.course.looks, end="failed", error=("ValidationException", words))
        return job

    def _rows(self, source: str, path: str, dialect: str) -> list[Asked]:
        if source not in self.house.files:
            raise BadRequestError(f"the file s3://{source} is not there", status=400)
        with self.house.files[source].open("rb") as file:
            lines = [msgspec.json.decode(line, type=_Record) for line in file]
        return [self.asked(line.record_id, bytes(line.model_input), path=path, dialect=dialect) for line in lines]

    async def _list(self, request: web.Request) -> web.Response:
        wanted, start = request.query.get("nameContains", ""), int(request.query.get("nextToken", "0"))
        size = int(request.query.get("maxResults", "10"))
        jobs = [job for job in self.house.listed() if wanted in job.tag]
        page: dict[str, Any] = {"invocationJobSummaries": [_shown(job) for job in jobs[start : start + size]]}
        return web.json_response(page | ({"nextToken": str(start + size)} if start + size < len(jobs) else {}))

    async def _look(self, request: web.Request) -> web.Response:
        job = self._found(request)
        if job is None:
            return _refused(NotFoundError("the job is not there", status=404))
        if not job.over and job.look() in ("ended", "expired", "cancelled"):
            self._write(job)
        return web.json_response(_shown(job))

    async def _stop(self, request: web.Request) -> web.Response:
        job = self._found(request)
        if job is None:
            return _refused(NotFoundError("the job is not there", status=404))
        if job.over or job.cancelling:
            return _refused(_conflict("the job cannot be stopped in the state in which it is"))
        job.cancel()
        return web.json_response({})

    def _found(self, request: web.Request) -> Batch | None:
        name = request.match_info["id"].rpartition("/")[2]
        return self.house.batches.get(_ARN.rpartition("/")[0] + f"/{name}")

    def _write(self, job: Batch) -> None:
        """Write the results, if it came to any row, and what they sum up to."""
        if not any(not outcome.expired for outcome in job.outcomes):
            return
        told: _Create = job.extra["told"]
        folder = told.output_data_config.s3_output_data_config.s3_uri.removeprefix("s3://").rstrip("/")
        name = told.input_data_config.s3_input_data_config.s3_uri.rpartition("/")[2]
        place, given = f"{folder}/{job.id.rpartition('/')[2]}", {row.key: row.body for row in job.rows}
        with self._path(f"{place}/{name}.out").open("wb") as file:
            for outcome in job.outcomes:
                if not outcome.expired:
                    file.write(msgspec.json.encode(_record(outcome, given[outcome.key])) + b"\n")
        self._path(f"{place}/manifest.json.out").write_bytes(msgspec.json.encode(_counts(job)))

    # --- files --------------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Any:
        self.house.files[name] = self.house.folder / quote(name, safe="")
        return self.house.files[name]

    async def _put(self, request: web.Request) -> web.Response:
        with self._path(_name(request)).open("wb") as file:
            async for piece in request.content.iter_any():
                file.write(piece)
        return web.Response(headers={"etag": '"0"'})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        path = self.house.files.get(_name(request))
        if path is None:
            body = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
            return web.Response(status=404, text=body, content_type="application/xml")
        return web.FileResponse(path)

    async def _delete(self, request: web.Request) -> web.Response:
        self.house.drop(_name(request))
        return web.Response(status=204)


def _name(request: web.Request) -> str:
    return f"{request.match_info['bucket']}/{request.match_info['key']}"


def _read(body: bytes) -> _Create:
    try:
        told = msgspec.json.decode(body, type=_Create)
    except msgspec.DecodeError as error:
        raise BadRequestError(str(error), status=400) from error
    values = {
        "jobName": told.job_name,
        "clientRequestToken": told.client_request_token or "x",
        "roleArn": told.role_arn,
    }
    places = (told.input_data_config.s3_input_data_config.s3_uri, told.output_data_config.s3_output_data_config.s3_uri)
    for name, value in (*values.items(), *(("s3Uri", place) for place in places)):
        if not re.fullmatch(_PATTERNS[name], value) or (name == "jobName" and len(value) > 63):
            raise BadRequestError(f"{name} {value!r} does not satisfy {_PATTERNS[name]}", status=400)
    if told.model_invocation_type not in _TYPES:
        raise BadRequestError(f"modelInvocationType is {told.model_invocation_type}", status=400)
    if told.timeout_duration_in_hours is not None and not 24 <= told.timeout_duration_in_hours <= 168:
        raise BadRequestError("timeoutDurationInHours is not between 24 and 168", status=400)
    return told


def _conflict(words: str) -> DragomanError:
    return ConfigError(words, code="ConflictException", status=400)


def _refused(error: DragomanError) -> web.Response:
    status, headers, body = encode_error(error)
    if error.code is not None:
        headers["x-amzn-errortype"] = error.code
    return web.Response(status=status, headers=headers, body=body)


def _record(outcome: Outcome, given: bytes) -> dict[str, Any]:
    told = {"recordId": outcome.key, "modelInput": msgspec.Raw(given)}
    if outcome.good:
        return {**told, "modelOutput": outcome.json}
    return {**told, "error": {"errorCode": outcome.status, "errorMessage": outcome.json["message"]}}


def _counts(job: Batch) -> dict[str, int]:
    good, bad = job.count(good=True), job.count(good=False)
    return {
        "totalRecordCount": len(job.rows),
        "processedRecordCount": good + bad,
        "successRecordCount": good,
        "errorRecordCount": bad,
    }


def _shown(job: Batch) -> dict[str, Any]:
    told: _Create = job.extra["told"]
    reached = any(not outcome.expired for outcome in job.outcomes)
    states = {**_STATES, "expired": "PartiallyCompleted" if reached else "Expired", "failed": "Failed"}
    shown = {
        **{name: value for name, value in msgspec.to_builtins(told).items() if value is not None and name != "tags"},
        "jobArn": job.id,
        "status": "Stopping" if job.cancelling else states[job.state],
        "submitTime": datetime.fromtimestamp(job.created, UTC).isoformat().replace("+00:00", "Z"),
        **_counts(job),
    }
    return shown | ({"message": job.course.error[1]} if job.state == "failed" else {})
