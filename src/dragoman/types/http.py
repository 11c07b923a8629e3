"""Requests as values, between wire and transport."""

from __future__ import annotations

import msgspec


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


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """
    One HTTP request, without credentials: those are added on the way out.

    Attributes:
        method: `POST`, `GET`...
        url: Absolute.
        headers: Lower-case names.
        body: The bytes to send.
        notices: What the encoder adapted.
    """

    method: str = "POST"
    url: str
    headers: dict[str, str]
    body: bytes = b""
    notices: tuple[Notice, ...] = ()
