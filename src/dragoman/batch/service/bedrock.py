"""
Bedrock's batch inference: model invocation jobs.

Rows lie as a file in a bucket of the caller's, a job reads them under a role of the caller's, and its results are a
file in the same bucket:

    s3://bucket/prefix/TAG/rows.jsonl                    what goes in
    s3://bucket/prefix/TAG/out/JOB/rows.jsonl.out        what comes out

A row's body is that of the dialect: jobs are of the type `Converse`, or `InvokeModel` for Anthropic's own dialect.
Creating is idempotent by `clientRequestToken`: the same tag never makes a second job.

Rule: nothing but these two folders is read, written or deleted.

Sources: service model of `bedrock` in botocore 1.44 (`CreateModelInvocationJob` and the shapes around it); Bedrock user
guide, batch inference (format of the files, results, states); AWS's quotas (100 to 50,000 records of 1 GB in a file for
most models: they differ, and may be raised).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import quote

import msgspec

from dragoman.batch.service.base import Limits, Part, Result, Sending, Sent, State, Status, decoded, read_line
from dragoman.batch.service.buckets import Bucket
from dragoman.batch.service.calls import Calls
from dragoman.batch.service.given import Options, given
from dragoman.errors import (
    BadRequestError,
    ConfigError,
    NotFoundError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from dragoman.types.http import HttpRequest, RawResponse
from dragoman.types.providers import Provider
from dragoman.wire.base import decode_json, encode_json

_MIN_ROWS: Final = 100
_MAX_ROWS: Final = 50_000
_FILE: Final = 1_000_000_000
_HOURS: Final = (24, 168)
_PAGE: Final = "100"

_KINDS: Final = {"bedrock-converse": "Converse", "bedrock-anthropic": "InvokeModel"}

_STATES: Final[dict[str, State]] = {
    "Submitted": "waiting",
    "Validating": "waiting",
    "Scheduled": "waiting",
    "InProgress": "running",
    "Stopping": "running",
    "Completed": "ended",
    "PartiallyCompleted": "expired",
    "Expired": "expired",
    "Stopped": "cancelled",
    "Failed": "failed",
}
_RUNTIME: Final = re.compile(r"(://)bedrock-runtime(?=[.-])")
_ROLE: Final = re.compile(r"arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+")


class _Options(Options, kw_only=True):
    role_arn: str | None = None
    s3_uri: str | None = None
    endpoint_url: str | None = None
    s3_endpoint_url: str | None = None
    min_rows: int = _MIN_ROWS


class _Created(msgspec.Struct, rename="camel"):
    job_arn: str


class _Place(msgspec.Struct, rename="camel"):
    s3_uri: str = ""


class _Output(msgspec.Struct, rename="camel"):
    s3_output_data_config: _Place


class _Job(msgspec.Struct, rename="camel"):
    job_arn: str
    output_data_config: _Output
    job_name: str = ""
    model_id: str = ""
    status: str = ""
    message: str | None = None
    model_invocation_type: str = ""
    success_record_count: int | None = None
    error_record_count: int | None = None


class _Page(msgspec.Struct, rename="camel"):
    invocation_job_summaries: list[_Job] = []
    next_token: str | None = None


class _Error(msgspec.Struct, rename="camel"):
    error_code: int | str = 500
    error_message: str = ""


class _Line(msgspec.Struct, rename="camel"):
    record_id: str
    model_output: msgspec.Raw = msgspec.Raw(b"")
    error: _Error | None = None


class BedrockBatches:
    """The service; `base.Service` says what each method does."""

    discount = 0.5

    def __init__(self, calls: Calls) -> None:
        provider, options = calls.provider, given(calls.provider, _Options)
        self._calls = calls
        self._role = _role(options.role_arn, provider)
        self._bucket = Bucket(calls, _needed(options.s3_uri, "s3_uri", provider), options.s3_endpoint_url)
        self._base = _endpoint(options.endpoint_url, provider)
        self.limits = Limits(rows=options.max_rows or _MAX_ROWS, bytes=_FILE, one_model=True, min_rows=options.min_rows)

    def line(self, part: Part) -> bytes:
        """Write a row: its id, and the body of the plain call."""
        if part.wire not in _KINDS:
            raise ConfigError(f"batches of {self._calls.provider.name} speak no {part.wire}", field="model")
        return b'{"recordId":"%b","modelInput":%b}' % (part.key.encode(), part.body)

    async def submit(self, sending: Sending) -> Sent:
        """Put the lines file into the bucket, and create a job for it; both may be done twice."""
        source = f"{sending.tag}/rows.jsonl"
        await self._bucket.put(source, sending.path)
        body: dict[str, Any] = {
            "jobName": sending.tag,
            "clientRequestToken": blake2b(sending.tag.encode(), digest_size=20).hexdigest(),
            "roleArn": self._role,
            "modelId": sending.model,
            "modelInvocationType": _KINDS[sending.wire],
            "inputDataConfig": {"s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": self._bucket.uri(source)}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": self._bucket.uri(f"{sending.tag}/out/")}},
        }
        if sending.hours is not None:
            least, most = _HOURS
            body["timeoutDurationInHours"] = min(most, max(least, sending.hours))
        try:
            raw = await self._ask("POST", "model-invocation-job", body)
        except QuotaError as error:  # so many jobs may wait or run at a time, which passes
            raise RateLimitError(
                error.message,
                status=error.status,
                code=error.code,
                provider=error.provider,
                request_id=error.request_id,
            ) from error
        made: _Created = decode_json(raw.body, _Created, "the job")
        return Sent(id=made.job_arn, files=(source,), wire=sending.wire, model=sending.model)

    async def find(self, tag: str) -> Sent | None:
        """The job whose name is the tag."""
        token = ""
        while True:
            query = f"nameContains={tag}&maxResults={_PAGE}" + (f"&nextToken={quote(token, safe='')}" if token else "")
            raw = await self._ask("GET", f"model-invocation-jobs?{query}")
            page: _Page = decode_json(raw.body, _Page, "the list of jobs")
            for job in page.invocation_job_summaries:
                if job.job_name == tag:
                    kinds = {kind: dialect for dialect, kind in _KINDS.items()}
                    dialect = kinds.get(job.model_invocation_type, "")
                    return Sent(id=job.job_arn, files=(f"{tag}/rows.jsonl",), wire=dialect, model=job.model_id)
            token = page.next_token or ""
            if not token:
                return None

    async def look(self, sent: Sent) -> Status:
        """How it stands."""
        try:
            raw = await self._ask("GET", f"model-invocation-job/{quote(sent.id, safe='')}")
        except NotFoundError as error:
            return Status(state="failed", gone=True, error=error.message)
        job: _Job = decode_json(raw.body, _Job, "the job")
        state = _STATES.get(job.status, "running")
        return Status(
            state=state,
            done=job.success_record_count,
            failed=job.error_record_count,
            results=(_results(sent),) if state in ("ended", "expired", "cancelled") else (),
            error=(job.message or "it failed") if state == "failed" else None,
        )

    async def results(self, sent: Sent, status: Status) -> AsyncGenerator[Result, None]:
        """Read the results, line by line; a job that never began has none."""
        for place in status.results:
            try:
                async with aclosing(self._bucket.lines(place)) as lines:
                    async for line in lines:
                        yield self._result(sent, line)
            except NotFoundError:
                if status.state == "ended":
                    raise

    async def cancel(self, sent: Sent) -> None:
        """End it, and keep what was done."""
        try:
            await self._ask("POST", f"model-invocation-job/{quote(sent.id, safe='')}/stop")
        except (BadRequestError, ServerError):  # a conflict: it has ended, or is ending already
            if (await self.look(sent)).state in ("waiting", "running"):
                raise

    async def forget(self, sent: Sent, status: Status) -> None:
        """Delete its files from the bucket, where the credentials may; jobs themselves cannot be deleted."""
        manifests = tuple(f"{place.rpartition('/')[0]}/manifest.json.out" for place in status.results)
        for place in (*sent.files, *status.results, *manifests):
            try:
                await self._bucket.delete(place)
            except (NotFoundError, PermissionDeniedError):
                continue

    # --- what it stands on --------------------------------------------------------------------------------------------

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> RawResponse:
        always = {"accept": "application/json"} | ({"content-type": "application/json"} if body is not None else {})
        request = HttpRequest(
            method=method,
            url=f"{self._base}/{path}",
            headers=always,
            body=b"" if body is None else encode_json(body),
        )
        return await self._calls.ask(request)

    def _result(self, sent: Sent, line: bytes) -> Result:
        row: _Line = read_line(line, _Line)
        if row.error is None:
            return decoded(self._calls, sent, row.record_id, 200, bytes(row.model_output))
        code = int(row.error.error_code) if str(row.error.error_code).isdecimal() else 500
        told = msgspec.json.encode({"message": row.error.error_message or "it failed"})
        return decoded(self._calls, sent, row.record_id, code if code >= 400 else 500, told)


def _results(sent: Sent) -> str:
    """Where the results of a job lie: in a folder that has its id for a name."""
    source = sent.files[0]
    folder, _, name = source.rpartition("/")
    return f"{folder}/out/{sent.id.rpartition('/')[2]}/{name}.out"


def _needed(value: str | None, name: str, provider: Provider) -> str:
    if value:
        return value
    example = {"role_arn": "arn:aws:iam::123456789012:role/batches", "s3_uri": "s3://bucket/folder"}[name]
    raise ConfigError(
        f"batches of {provider.name} need {name}: pass Client(providers={{{provider.name!r}: "
        f"{{'batch_options': {{{name!r}: {example!r}, ...}}}}}})",
        provider=provider.name,
        field=f"batch_options.{name}",
    )


def _role(value: str | None, provider: Provider) -> str:
    role = _needed(value, "role_arn", provider)
    if not _ROLE.fullmatch(role):
        raise ConfigError(
            f"role_arn is {role!r}: give the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME",
            provider=provider.name,
            field="batch_options.role_arn",
        )
    return role


def _endpoint(told: str | None, provider: Provider) -> str:
    """Jobs are made at another host than calls."""
    if told:
        return told.rstrip("/")
    base, changed = _RUNTIME.subn(r"\1bedrock", provider.base_url.rstrip("/"))
    if not changed:
        raise ConfigError(
            f"base_url of {provider.name} is not AWS's own, so the address for jobs is not known: "
            "pass batch_options={'endpoint_url': ...} beside it",
            provider=provider.name,
            field="batch_options.endpoint_url",
        )
    return base


SERVICE: Final = BedrockBatches
