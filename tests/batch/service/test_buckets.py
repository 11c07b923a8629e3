"""Files in S3, as moto plays it, which checks every signature."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]
import pytest

from dragoman import AsyncClient
from dragoman.batch.service.buckets import Bucket
from dragoman.batch.service.calls import Calls
from dragoman.errors import MissingKeyError, NotFoundError, PermissionDeniedError
from dragoman.secrets import aws
from tests.moto import running

REGION = "eu-west-1"


class Cloud(NamedTuple):
    """Where it is, and a key that may use S3."""

    url: str
    access: str
    secret: str


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """S3 and IAM, with a bucket and a user; from then on every request must be signed."""
    with running(INITIAL_NO_AUTH_ACTION_COUNT="4") as url:
        facts: dict[str, Any] = {
            "endpoint_url": url,
            "region_name": REGION,
            "aws_access_key_id": "x",
            "aws_secret_access_key": "y",
        }
        iam = boto3.client("iam", **facts)
        rule = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.create_user(UserName="u")
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(rule))
        key = iam.create_access_key(UserName="u")["AccessKey"]
        location: Any = {"LocationConstraint": REGION}
        boto3.client("s3", **facts).create_bucket(Bucket="my-bucket", CreateBucketConfiguration=location)
        yield Cloud(url, key["AccessKeyId"], key["SecretAccessKey"])


def run(cloud: Cloud, key: str | None, act: Callable[[Bucket], Awaitable[None]]) -> None:
    async def main() -> None:
        row: dict[str, Any] = {"base_url": cloud.url, "address": {"region": REGION}}
        async with AsyncClient(providers={"bedrock": row | ({"api_key": key} if key else {})}) as client:
            await act(Bucket(Calls(client._plain, "bedrock"), "s3://my-bucket/a/(folder)!", cloud.url))

    asyncio.run(main())


async def read(bucket: Bucket, key: str) -> list[bytes]:
    async with aclosing(bucket.lines(key)) as lines:
        return [line async for line in lines]


def test_files_are_put_read_and_deleted(cloud: Cloud, tmp_path: Path) -> None:
    """S3 finds every signature right: of a large body, of an empty one, and of a path with signs in it."""
    path = tmp_path / "rows"
    path.write_bytes(b"".join(b"%06d\n" % number for number in range(300_000)))
    empty = tmp_path / "empty"
    empty.touch()

    async def act(bucket: Bucket) -> None:
        await bucket.put("tag/rows.jsonl", path)
        assert path.read_bytes().splitlines() == await read(bucket, "tag/rows.jsonl")
        await bucket.put("tag/rows.jsonl", empty)
        assert [] == await read(bucket, "tag/rows.jsonl")
        await bucket.delete("tag/rows.jsonl")
        await bucket.delete("tag/rows.jsonl")
        with pytest.raises(NotFoundError, match="S3: The specified key does not exist") as caught:
            await read(bucket, "tag/rows.jsonl")
        assert ("NoSuchKey", 404) == (caught.value.code, caught.value.status)
        assert "s3://my-bucket/a/(folder)!/k" == bucket.uri("k")

    run(cloud, f"{cloud.access}:{cloud.secret}", act)


def test_a_wrong_secret_is_refused(cloud: Cloud, tmp_path: Path) -> None:
    """What S3 says is wrong comes as a typed error with its words, and without the secret."""
    path = tmp_path / "rows"
    path.write_bytes(b"x")

    async def act(bucket: Bucket) -> None:
        with pytest.raises(PermissionDeniedError) as caught:
            await bucket.put("k", path)
        assert "SignatureDoesNotMatch" == caught.value.code
        assert "not-the-secret-not-the-secret" not in f"{caught.value!r} {caught.value.body}"

    run(cloud, f"{cloud.access}:not-the-secret-not-the-secret", act)


def test_a_bearer_token_of_bedrock_does_not_open_a_bucket(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bedrock's own keys are no good at S3: credentials are looked for as AWS's tools do."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    path = tmp_path / "rows"
    path.write_bytes(b"x")

    async def refused(bucket: Bucket) -> None:
        with pytest.raises(MissingKeyError):
            await bucket.put("k", path)

    async def taken(bucket: Bucket) -> None:
        await bucket.put("k", path)
        assert [b"x"] == await read(bucket, "k")

    aws._chain.cache_clear()
    run(cloud, "bedrock-api-key-token", refused)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloud.access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", cloud.secret)
    aws._chain.cache_clear()
    run(cloud, "bedrock-api-key-token", taken)
    aws._chain.cache_clear()
