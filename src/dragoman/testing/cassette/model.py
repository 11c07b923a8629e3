"""
What a cassette holds, as values; `storage` puts them into a file and back.

    Tape -> Exchange -> Asked
                     -> Answered -> Piece...
                     -> Failure

Rule: these values are already scrubbed.  What is not yet lies in a `Take` and is not written.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

VERSION = 1

End = Literal["whole", "enough", "left", "failed"]
"""
How an exchange ended: the body's end was read; the reader had what it needed and read no further; the reader left in
the middle; it failed.
"""


class Shown(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """
    What is not shown as text.

    Attributes:
        base64: Bytes that are no text.
        event: Name of a server-sent event, if it has one.
        data: Its data, if they are a JSON object.
        raw: Its data, if they are anything else.
        line: A JSON object that stands in a line of its own.
        spaced: Whether that JSON has a space after each comma and colon.
        crlf: Whether its lines end with carriage return and line feed.
    """

    base64: str | msgspec.UnsetType = msgspec.UNSET
    event: str | msgspec.UnsetType = msgspec.UNSET
    data: Any = msgspec.UNSET
    raw: str | msgspec.UnsetType = msgspec.UNSET
    line: Any = msgspec.UNSET
    spaced: bool = False
    crlf: bool = False


Part = str | int | Shown | tuple[Shown, ...]
"""A piece of a body: text; how many bytes of a body that is written as JSON; or what is shown otherwise, in order."""


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """
    One piece of a body.

    Attributes:
        after: Seconds that the reader waited for it.
        part: What it was.
    """

    after: float
    part: Part


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """
    A request.  Of `json`, `text` and `base64` at most one is there; none is an empty body.

    Attributes:
        method: `POST`, `GET`...
        url: Absolute.
        headers: Names in lower case; what differs in every run is left out.
        json: Body that is JSON, as a value.
        text: Any other body in UTF-8.
        base64: A body that is no text.
    """

    method: str
    url: str
    headers: dict[str, str] = {}
    json: Any = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    base64: str | msgspec.UnsetType = msgspec.UNSET


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """
    An answer.

    Attributes:
        after: Seconds from the request to the headers.
        status: HTTP status.
        headers: Names in lower case; without those of framing and compression.
        json: Body that is JSON, where it can be written back byte for byte; `pieces` then counts bytes.
        form: How that JSON was written.
        tail: White space behind it.
        pieces: The body as it came.
    """

    after: float = 0.0
    status: int
    headers: dict[str, str] = {}
    json: Any = msgspec.UNSET
    form: str = "compact"
    tail: str = ""
    pieces: tuple[Piece, ...] = ()


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """
    What the network raised instead of an answer, or in the middle of one.

    Attributes:
        kind: A clock ran out; the connection broke; an error of `dragoman.errors`.
        after: Seconds until then, from the request or the last piece.
        message: What was said.
        sent: Of a timeout, whether any byte of the request may have left.
        answered: Of a broken connection, whether a status line had come.
        reused: Of a broken connection, whether it was kept from an earlier request.
        error: Name of the error's class.
        facts: Its attributes.
    """

    kind: Literal["timeout", "disconnected", "error"]
    after: float = 0.0
    message: str = ""
    sent: bool = False
    answered: bool = False
    reused: bool = False
    error: str = ""
    facts: dict[str, Any] = {}


class Exchange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """
    One request and what came of it.

    Attributes:
        request: What was asked.
        response: What was answered; None if no headers came.
        failure: How it failed, if it did.
        end: How it ended.
    """

    request: Asked
    response: Answered | None = None
    failure: Failure | None = None
    end: End = "whole"


class Recorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    version: int = msgspec.field(name="dragoman-cassette")
    exchanges: list[Exchange] = []
