"""
Files in a bucket of S3, for batch APIs that read and write there.

A request is one of four: put, get, delete, signed by botocore like those to Bedrock, for the service `s3`.

Rule: keys are ours, below the folder that the caller named.

Sources: Amazon S3 API reference (`PutObject` up to 5 GB, `GetObject`, `DeleteObject`, error responses in XML); the
pattern of `S3Uri` in the service model of `bedrock`, botocore 1.44.
"""

from __future__ import annotations

import re
from asyncio import to_thread
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from dragoman.batch.service.calls import Calls
from dragoman.errors import ConfigError
from dragoman.routes import Route
from dragoman.secrets.aws import region_of
from dragoman.transfer import Transfer
from dragoman.types.http import HttpRequest, RawResponse, Upload
from dragoman.types.providers import Provider
from dragoman.wire.status import lowered, status_error

_URI: Final = re.compile(r"s3://([a-z0-9][-.a-z0-9]{1,61}[a-z0-9])((?:/[-!_*'().a-z0-9A-Z]+)*)/?")
_TOLD: Final = re.compile(r"<(Code|Message)>([^<]*)</\1>")
_CHINA: Final = "cn-"


class _Calls(Calls):
    """Requests to S3: the same client, another signature, another form of errors."""

    def __init__(self, calls: Calls, signer: Provider) -> None:
        super().__init__(calls.plain, calls.provider.name)
        self.provider = signer

    @property
    def route(self) -> Route:
        """The way to the bucket.  A bearer token of Bedrock's is of no use there: botocore looks for credentials."""
        found = super().route
        bearer = found.key is not None and ":" not in found.key.reveal()
        return msgspec.structs.replace(found, provider=self.provider, key=None if bearer else found.key)

    async def ask(self, request: HttpRequest, *, again: bool = True) -> RawResponse:
        """
        Send a request, and return its answer, whole.

        A file is sent once: signing reads it, and a signature holds for minutes.  Who hands in tries again.
        """
        if request.upload is None:
            return await self.plain.ask(self.route, request, self.plain.context(None), self._checked)
        ready = await to_thread(self.route.authorize, request)
        signed = msgspec.structs.replace(self.provider, auth="none")
        route = msgspec.structs.replace(self.route, provider=signed, key=None, source=None)
        return await self.plain.send(route, ready, self.plain.context(None), self._checked)

    async def _refused(self, transfer: Transfer) -> None:
        if transfer.status is not None and transfer.status >= 300:
            self._checked(RawResponse(status=transfer.status, headers=transfer.headers, body=await transfer.body()))

    def _checked(self, raw: RawResponse) -> RawResponse:
        """The answer if it is good; S3 says what is wrong in XML."""
        if raw.status < 400:
            return raw
        told = dict(_TOLD.findall(raw.text))
        raise status_error(
            raw.status,
            lowered(raw.headers),
            message=f"S3: {told.get('Message') or f'the answer has status {raw.status}'}",
            code=told.get("Code"),
            provider=self.provider.name,
            body=raw.text,
        )


class Bucket:
    """
    A folder of a bucket.

    Args:
        calls: Of the service, whose credentials and region hold for the bucket, too.
        uri: `s3://bucket/folder`.
        endpoint: Address of the server that has it, where that is not AWS's.

    Raises:
        ConfigError: The address is none, or the region is not known.
    """

    def __init__(self, calls: Calls, uri: str, endpoint: str | None) -> None:
        found, name = _URI.fullmatch(uri), calls.provider.name
        if found is None:
            raise ConfigError(
                f"s3_uri is {uri!r}: give s3://bucket/folder", provider=name, field="batch_options.s3_uri"
            )
        bucket, self._folder = found[1], found[2]
        self._root, region = f"s3://{bucket}", region_of(calls.provider)
        self._base = _base(bucket, region, endpoint)
        signer = msgspec.structs.replace(
            calls.provider, base_url=self._base, address={"region": region, "service": "s3"}
        )
        self._calls = _Calls(calls, signer)

    def uri(self, key: str) -> str:
        """The whole name of a file."""
        return f"{self._root}{self._folder}/{key}"

    async def put(self, key: str, path: Path) -> None:
        """Write a file, as it is on the disk; one that is there is replaced."""
        headers = {"content-type": "application/jsonl"}
        request = HttpRequest(method="PUT", url=self._url(key), headers=headers, upload=Upload(path=path))
        await self._calls.ask(request)

    async def delete(self, key: str) -> None:
        """Delete a file; one that is not there is no error."""
        await self._calls.ask(HttpRequest(method="DELETE", url=self._url(key), headers={}))

    def lines(self, key: str) -> AsyncGenerator[bytes, None]:
        """
        Read a file line by line.

        Raises:
            NotFoundError: There is none.
        """
        return self._calls.lines(HttpRequest(method="GET", url=self._url(key), headers={}))

    def _url(self, key: str) -> str:
        return f"{self._base}{quote(f'{self._folder}/{key}', safe='/~')}"


def _base(bucket: str, region: str, endpoint: str | None) -> str:
    if endpoint is not None:
        return f"{endpoint.rstrip('/')}/{bucket}"
    host = f"s3.{region}.amazonaws.com" + (".cn" if region.startswith(_CHINA) else "")
    # A certificate is for one name before the host's, so a bucket with dots in its own stands in the path.
    return f"https://{host}/{bucket}" if "." in bucket else f"https://{bucket}.{host}"
