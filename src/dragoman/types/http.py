"""Requests as values, between wire and transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.errors import WireError
from dragoman.redact import redact

if TYPE_CHECKING:
    from pathlib import Path


class Notice(msgspec.Struct, frozen=True):
    """
    Something that was adapted, could not be carried, or should be known.

    Attributes:
        field: Which part of the request (`"temperature"`, `"messages[2].parts[0]"`).
        text: What was done and why.
        adapted: Whether what was sent differs from what was asked; `strict=True` refuses such a request.
    """

    field: str
    text: str
    adapted: bool = True

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """
    A body that is read from a file while it is sent.

    Attributes:
        path: The file; it must not change until the answer is there.
        head: Bytes before it (the start of a form).
        tail: Bytes after it.
        start: Where in the file it begins.
        length: How many bytes of the file; its rest for None.
    """

    path: Path
    head: bytes = b""
    tail: bytes = b""
    start: int = 0
    length: int | None = None


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """
    One HTTP request, without credentials: those are added on the way out.

    Attributes:
        method: `POST`, `GET`...
        url: Absolute.
        headers: Lower-case names.
        body: The bytes to send.
        notices: What the encoder adapted.
        upload: What is sent instead of `body`.
        large: Whether the answer may be of any length, because whoever reads it does so in pieces.
    """

    method: str = "POST"
    url: str
    headers: dict[str, str]
    body: bytes = b""
    notices: tuple[Notice, ...] = ()
    upload: Upload | None = None
    large: bool = False

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method} {redact(self.url)}, {len(self.body)} bytes>"


class RawResponse(msgspec.Struct, frozen=True, kw_only=True):
    """
    An answer as it came.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; repeated ones joined by `, `.
        body: The whole body, decompressed.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"<RawResponse {self.status}, {len(self.body)} bytes of {self.headers.get('content-type', 'no type')}>"

    @property
    def text(self) -> str:
        """The body as UTF-8 text; bytes that are none become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """
        Return the body as parsed JSON.

        Raises:
            WireError: It is none.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WireError(
                f"the body is not JSON ({error}); it begins {self.text[:200]!r}", status=self.status
            ) from error
