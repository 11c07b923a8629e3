"""Bedrock's model invocation jobs: the server half by AWS's SDK, and the service against the server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import boto3  # type: ignore[import-untyped]
import botocore.config
import botocore.exceptions
import botocore.session
import msgspec
import pytest
from aiohttp import web

from dragoman import AsyncClient
from dragoman.batch.service.bedrock import BedrockBatches
from dragoman.errors import (
    BadRequestError,
    ConfigError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    StreamInterrupted,
)
from dragoman.testing.batches import BatchServer, Course
from dragoman.testing.batches.bedrock import Bedrock
from dragoman.testing.batches.server import Seen
from tests.batch.service.answering import fates
from tests.batch.service.handing import Hand, key_of, weigh

MODEL = "amazon.nova-lite-v1:0"
ROLE = "arn:aws:iam::123456789012:role/batches"
KEY = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
Act = Callable[[Hand], Awaitable[None]]


class Small(Bedrock):
    """Takes jobs of one record."""

    min_records: ClassVar[int] = 1


class Full(Small):
    """Has no room for another job."""

    async def _create(self, request: web.Request) -> web.Response:
        told = {"message": "too many jobs are under way"}
        return web.json_response(told, status=400, headers={"x-amzn-errortype": "ServiceQuotaExceededException"})


FATES = fates("Too many requests")


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(Small, default=Course(answer=FATES, looks=2)) as running:
        yield running


def row(server: BatchServer, **options: Any) -> dict[str, Any]:
    always = {"role_arn": ROLE, "s3_uri": "s3://bucket/a/folder", "min_rows": 1}
    places = {"endpoint_url": server.url, "s3_endpoint_url": server.url}
    return {
        "base_url": server.url,
        "api_key": KEY,
        "address": {"region": "us-east-1"},
        "batch_options": {**always, **places, **options},
    }


def run(server: BatchServer, folder: Path, act: Act, *, provider: str = "bedrock", **options: Any) -> None:
    async def main() -> None:
        async with AsyncClient(providers={provider: row(server, **options)}) as client:
            await act(Hand(BedrockBatches, client, provider, folder))

    asyncio.run(main())


# --- the server half --------------------------------------------------------------------------------------------------


def aws(server: BatchServer, service: Literal["bedrock", "s3"]) -> Any:
    config = botocore.config.Config(
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )
    access, secret = KEY.split(":")
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=config,
    )


def job(name: str = "mine", token: str | None = None) -> dict[str, Any]:
    told = {
        "jobName": name,
        "roleArn": ROLE,
        "modelId": MODEL,
        "modelInvocationType": "Converse",
        "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://bucket/in/rows.jsonl"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket/out/"}},
    }
    return {**told, "clientRequestToken": token} if token else told


def test_boto3_sees_a_job_through(server: BatchServer) -> None:
    """Records put, a job created, polled and listed, and its results read, by AWS's own client."""
    s3, bedrock = aws(server, "s3"), aws(server, "bedrock")
    records = [
        {"recordId": f"row{number}", "modelInput": {"messages": [{"role": "user", "content": [{"text": text}]}]}}
        for number, text in enumerate(["one", "bad", "two"])
    ]
    s3.put_object(Bucket="bucket", Key="in/rows.jsonl", Body="".join(json.dumps(line) + "\n" for line in records))

    arn = bedrock.create_model_invocation_job(**job())["jobArn"]
    while (seen := bedrock.get_model_invocation_job(jobIdentifier=arn))["status"] != "Completed":
        assert seen["status"] in ("Scheduled", "InProgress")
    assert (3, 2, 1) == (seen["totalRecordCount"], seen["successRecordCount"], seen["errorRecordCount"])
    assert [arn] == [found["jobArn"] for found in bedrock.list_model_invocation_jobs()["invocationJobSummaries"]]
    place = f"out/{arn.rpartition('/')[2]}"
    body = s3.get_object(Bucket="bucket", Key=f"{place}/rows.jsonl.out")["Body"].read()
    got = {line["recordId"]: line for line in map(json.loads, body.splitlines())}
    assert "one" == got["row0"]["modelOutput"]["output"]["message"]["content"][0]["text"]
    assert {"errorCode": 400, "errorMessage": "too many"} == got["row1"]["error"]
    assert records[2]["modelInput"] == got["row2"]["modelInput"]
    assert (
        2
        == json.loads(s3.get_object(Bucket="bucket", Key=f"{place}/manifest.json.out")["Body"].read())[
            "successRecordCount"
        ]
    )
    s3.delete_object(Bucket="bucket", Key=f"{place}/rows.jsonl.out")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="bucket", Key=f"{place}/rows.jsonl.out")


def test_boto3_is_refused_as_by_aws(server: BatchServer) -> None:
    """A token is good once; a name is; jobs that are not there, have ended, or have no file are refused by type."""
    s3, bedrock = aws(server, "s3"), aws(server, "bedrock")
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.create_model_invocation_job(**job())
    line = {"recordId": "a", "modelInput": {"messages": [{"role": "user", "content": [{"text": "late"}]}]}}
    s3.put_object(Bucket="bucket", Key="in/rows.jsonl", Body=json.dumps(line))
    arn = bedrock.create_model_invocation_job(**job(token="t1"))["jobArn"]
    assert arn == bedrock.create_model_invocation_job(**job(token="t1"))["jobArn"]
    for again in (job(token="t2"), job("other", token="t1")):
        with pytest.raises(bedrock.exceptions.ConflictException):
            bedrock.create_model_invocation_job(**again)
    bedrock.stop_model_invocation_job(jobIdentifier=arn)
    assert "Stopping" == bedrock.get_model_invocation_job(jobIdentifier=arn)["status"]
    assert "Stopped" == bedrock.get_model_invocation_job(jobIdentifier=arn)["status"]
    with pytest.raises(bedrock.exceptions.ConflictException):
        bedrock.stop_model_invocation_job(jobIdentifier=arn)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_model_invocation_job(jobIdentifier=arn[:-4] + "9999")


# --- the service ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "model"), [("bedrock", MODEL), ("bedrock-anthropic", "anthropic.claude-haiku-5-5-v1:0")]
)
def test_every_row_comes_back_as_what_became_of_it(provider: str, model: str, tmp_path: Path) -> None:
    """In either type of job: answers as of a live call, errors with `retryable` set right; the rest is missing."""

    async def act(hand: Hand) -> None:
        sending = hand.sending(["one", "bad", "busy", "many", "late", "tw\u00f6\n"], model=model, hours=1)
        sent = await hand.service.submit(sending)
        assert sent == await hand.service.submit(sending)
        assert "waiting" == (await hand.service.look(sent)).state
        status = await hand.ended(sent)
        assert ("expired", 2, 3) == (status.state, status.done, status.failed)
        got = await hand.results(sent, status)
        assert {key_of(number) for number in (0, 1, 2, 3, 5)} == set(got)
        texts = [result.response.text if result.response else None for _, result in sorted(got.items())]
        assert ["one", None, None, None, "tw\u00f6\n"] == texts
        first = got[key_of(0)].response
        assert first is not None
        assert ("stop", 10, 5) == (
            first.finish_reason,
            first.usage.input_tokens,
            first.usage.output_tokens,
        )
        kinds = {number: got[key_of(number)].error for number in (1, 2, 3)}
        assert {1: BadRequestError, 2: OverloadedError, 3: RateLimitError} == {n: type(e) for n, e in kinds.items()}
        assert {1: False, 2: True, 3: True} == {n: e.retryable for n, e in kinds.items() if e is not None}
        await hand.service.forget(sent, status)
        await hand.service.forget(sent, status)

    with BatchServer(Small, default=Course(answer=FATES, looks=2, end="expired")) as server:
        run(server, tmp_path, act, provider=provider)
        assert {} == server.house.files
        [made] = server.batches
        assert 24 == made.extra["told"].timeout_duration_in_hours


def test_what_is_sent_satisfies_the_service_model(server: BatchServer, tmp_path: Path) -> None:
    """The request has every field that AWS's own model requires, and each has the form that it asks."""
    sent: list[dict[str, Any]] = []

    async def act(hand: Hand) -> None:
        await hand.service.submit(hand.sending(["one"], model=MODEL, tag="dragoman-1-a", hours=500))
        sent.append(json.loads(json.dumps(told(server))))

    run(server, tmp_path, act)
    loader = botocore.session.get_session().get_service_model("bedrock")
    check(loader.shape_for("CreateModelInvocationJobRequest"), sent[0])
    assert ("dragoman-1-a", 168) == (sent[0]["jobName"], sent[0]["timeoutDurationInHours"])


def told(server: BatchServer) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(server.batches[0].extra["told"])
    return without_none(fields)


def without_none(fields: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in fields.items() if value is not None}
    return {name: without_none(value) if isinstance(value, dict) else value for name, value in said.items()}


def check(shape: Any, value: Any) -> None:
    """Hold a value to a shape of a service model: names, required fields, lengths, numbers, enums, patterns."""
    about = shape.metadata
    if shape.type_name == "structure":
        assert set(value) <= set(shape.members)
        assert set(shape.required_members) <= set(value)
        for name, inner in value.items():
            check(shape.members[name], inner)
    elif shape.type_name == "string":
        assert about.get("min", 0) <= len(value) <= about.get("max", len(value))
        assert not about.get("enum") or value in about["enum"]
        assert "pattern" not in about or re.fullmatch(about["pattern"], value)
    elif shape.type_name == "integer":
        assert about["min"] <= value <= about["max"]


def test_a_job_whose_answer_was_lost_is_found_and_never_made_twice(tmp_path: Path) -> None:
    """The connection breaks after the job was created: the request is sent again, and gives the same job."""
    cuts: list[int] = []

    def hook(moment: Literal["before", "after"], seen: Seen) -> Literal["cut"] | None:
        if moment == "after" and (seen.method, seen.path) == ("POST", "/model-invocation-job"):
            cuts.append(seen.number)
            return "cut"
        return None

    async def act(hand: Hand) -> None:
        with pytest.raises(StreamInterrupted):
            await hand.service.submit(hand.sending(["mine"], model=MODEL, tag="dragoman-cut"))
        sent = await hand.service.find("dragoman-cut")
        assert sent is not None
        assert (MODEL, "bedrock-converse") == (sent.model, sent.wire)
        got = await hand.results(sent, await hand.ended(sent))
        response = got[key_of(0)].response
        assert response is not None
        assert "mine" == response.text
        assert await hand.service.find("dragoman-cu") is None

    with BatchServer(Small, hook=hook) as server:
        run(server, tmp_path, act)
        assert 1 == len(server.batches)
    assert cuts


def test_a_job_is_found_among_many(server: BatchServer, tmp_path: Path) -> None:
    """The list has pages, and names that hold the tag are not it."""

    async def act(hand: Hand) -> None:
        for number in range(130):
            await hand.service.submit(hand.sending(["x"], model=MODEL, tag=f"dragoman-1{number:03d}"))
        sent = await hand.service.find("dragoman-1000")
        assert sent is not None
        assert server.batches[0].id == sent.id
        assert await hand.service.find("dragoman-1") is None

    run(server, tmp_path, act)


@pytest.mark.parametrize(
    ("course", "state"),
    [
        pytest.param(Course(end="expired", answer=lambda asked: None), "expired", id="never-began"),
        pytest.param(Course(end="failed", error=("x", "no access to the bucket")), "failed", id="failed"),
    ],
)
def test_a_job_that_ends_badly_says_how(course: Course, state: str, tmp_path: Path) -> None:
    """Expired before it began and failed are told apart; neither has results."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one"], model=MODEL))
        status = await hand.ended(sent)
        assert state == status.state
        assert ("no access to the bucket" if state == "failed" else None) == status.error
        assert {} == await hand.results(sent, status)
        await hand.service.cancel(sent)

    with BatchServer(Small, course) as server:
        run(server, tmp_path, act)


def test_results_that_should_be_there_and_are_not_are_an_error(server: BatchServer, tmp_path: Path) -> None:
    """A job that completed has results: where somebody deleted them, that is said."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one"], model=MODEL))
        status = await hand.ended(sent)
        await hand.service.forget(sent, status)
        with pytest.raises(NotFoundError, match="S3: The specified key does not exist"):
            await hand.results(sent, status)

    run(server, tmp_path, act)


def test_a_stopped_job_keeps_what_was_done(tmp_path: Path) -> None:
    """After a stop the answers are there; stopping again does nothing."""

    async def act(hand: Hand) -> None:
        sent = await hand.service.submit(hand.sending(["one", "late"], model=MODEL))
        await hand.service.cancel(sent)
        status = await hand.ended(sent)
        assert "cancelled" == status.state
        assert {key_of(0)} == set(await hand.results(sent, status))
        await hand.service.cancel(sent)

    with BatchServer(Small, Course(looks=50, answer=FATES)) as server:
        run(server, tmp_path, act)


def test_fewer_records_than_the_least_are_not_handed_in_unknowingly(tmp_path: Path) -> None:
    """The least number of records is the quota of most models, unless told; Bedrock fails a job of fewer."""

    async def act(hand: Hand) -> None:
        assert (100, 50_000) == (hand.service.limits.min_rows, hand.service.limits.rows)
        sent = await hand.service.submit(hand.sending(["one"], model=MODEL))
        assert "the least is 100" in ((await hand.ended(sent)).error or "")

    with BatchServer(Bedrock) as server:
        run(server, tmp_path, act, min_rows=100)


def test_too_many_jobs_at_a_time_is_a_limit_that_passes(tmp_path: Path) -> None:
    """Bedrock says of its limit on jobs that a quota is exceeded, as of one that does not pass by waiting."""

    async def act(hand: Hand) -> None:
        with pytest.raises(RateLimitError, match="too many jobs") as caught:
            await hand.service.submit(hand.sending(["one"], model=MODEL))
        assert ("ServiceQuotaExceededException", True) == (caught.value.code, caught.value.retryable)

    with BatchServer(Full) as server:
        run(server, tmp_path, act)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        pytest.param({"role_arn": ""}, "role_arn", id="no-role"),
        pytest.param({"role_arn": "batches"}, "role_arn", id="no-arn"),
        pytest.param({"s3_uri": ""}, "s3_uri", id="no-place"),
        pytest.param({"s3_uri": "https://bucket/x"}, "s3_uri", id="no-bucket"),
        pytest.param({"endpoint_url": ""}, "endpoint_url", id="no-endpoint"),
    ],
)
def test_what_is_missing_is_named_with_the_fix(
    server: BatchServer, options: dict[str, Any], field: str, tmp_path: Path
) -> None:
    """Role, bucket and address are the caller's to give: without them nothing is sent."""

    async def act(hand: Hand) -> None:
        raise AssertionError

    with pytest.raises(ConfigError) as caught:
        run(server, tmp_path, act, **options)
    assert f"batch_options.{field}" == caught.value.field
    assert [] == server.seen


@pytest.mark.parametrize(
    ("bucket", "region", "expected"),
    [
        ("b-1", "eu-west-1", "https://b-1.s3.eu-west-1.amazonaws.com/f/k"),
        ("b.1", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/b.1/f/k"),
        ("b-1", "cn-north-1", "https://b-1.s3.cn-north-1.amazonaws.com.cn/f/k"),
    ],
)
def test_addresses_are_those_of_aws(bucket: str, region: str, expected: str) -> None:
    """Buckets have hosts of their own, save those with dots; jobs are made at `bedrock`, calls at `bedrock-runtime`."""

    async def main() -> None:
        told = {"role_arn": ROLE, "s3_uri": f"s3://{bucket}/f"}
        row = {"api_key": KEY, "address": {"region": region}, "batch_options": told}
        async with AsyncClient(providers={"bedrock": row}) as client:
            service = BedrockBatches(Hand(BedrockBatches, client, "bedrock", Path()).calls)
            assert expected == service._bucket._url("k")
            assert f"https://bedrock.{region}.amazonaws.com" == service._base

    asyncio.run(main())


def test_memory_does_not_grow_with_rows(server: BatchServer, tmp_path: Path) -> None:
    """Handing in 20 MB and reading as much takes a few MB: files are read as they leave, and as they come."""
    count, most = weigh(BedrockBatches, "bedrock", tmp_path, {**row(server), "default_model": MODEL})

    assert 2500 == count
    assert most < 12_000_000
