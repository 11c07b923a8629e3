"""
What travels between a driver and its worker processes, and how.

MessagePack where a value comes back as what it was, which is a third of the work; otherwise a pickle, between two
processes of one user with the same code.  Each row travels by itself, so that one that cannot is the failure of that
row alone.

Rule: who reads it cannot tell that it has travelled.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final, cast

import msgspec

from dragoman.batch.afar.carrying import Outcome, untyped
from dragoman.errors import ConfigError, DragomanError
from dragoman.secrets.variables import unveiled
from dragoman.transport.base import Clockout, Disconnected
from dragoman.types.http import HttpRequest, Notice
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

# Arguments of the client that say how one request is made; what is decided about it is decided in the driver.
_CARRIED: Final = ("models", "timeouts", "proxy", "tls", "strict")
# What cannot travel as MessagePack: a foreign type, a number or a text that it does not have.
_FOREIGN: Final = (TypeError, OverflowError, UnicodeEncodeError)
_UNPICKLED: Final = (TypeError, AttributeError, pickle.PicklingError)
# Numbers that a whole one is no other for, but is written otherwise.
_numbers: Final = attrgetter("temperature", "top_p", "frequency_penalty", "presence_penalty")


class Question(msgspec.Struct, frozen=True, array_like=True):
    """
    One request to a model.

    Attributes:
        request: What is asked.
        key: Idempotency key, the same whoever asks.
        credential: To be sent with it; None where the provider's own way of signing finds one.
        headers: Sent with it.
        waited: Seconds before it, and the part of them in the line of a limit.
        paced: Likewise.
        total: The call's clock, in seconds, and when it runs out, on the clock that all processes have.
        until: Likewise.
    """

    request: ChatRequest
    key: str
    credential: str | None = None
    headers: dict[str, str] = {}
    waited: float = 0.0
    paced: float = 0.0
    total: float | None = None
    until: float | None = None


class Exchange(msgspec.Struct, frozen=True, array_like=True):
    """One request that is written already, with its credential, and by when it must be answered."""

    request: HttpRequest
    connect_until: float | None
    until: float | None


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """An answer of a model, the headers that it came with, and what was adapted."""

    response: ChatResponse
    headers: dict[str, str]
    notices: tuple[Notice, ...]


class Failure(msgspec.Struct, frozen=True):
    """What went wrong instead; a network's own exceptions are told by their fields."""

    error: DragomanError | None = None
    headers: dict[str, str] = {}
    notices: tuple[Notice, ...] = ()
    clockout: bool | None = None
    disconnected: tuple[str, bool, bool] | None = None

    def thrown(self) -> BaseException:
        """The exception that it was."""
        if self.clockout is not None:
            return Clockout(self.clockout)
        if self.disconnected is not None:
            reason, answered, reused = self.disconnected
            return Disconnected(reason, answered=answered, reused=reused)
        assert self.error is not None  # it is one of the three
        return self.error


class Body(msgspec.Struct, frozen=True, array_like=True):
    """The whole answer to an exchange."""

    status: int
    headers: dict[str, str]
    body: bytes


_encode: Final = msgspec.msgpack.Encoder().encode
_QUESTION: Final = msgspec.msgpack.Decoder(Question)
_REPLY: Final = msgspec.msgpack.Decoder(Reply)
_BODY: Final = msgspec.msgpack.Decoder(Body)
_ROWS: Final = msgspec.msgpack.Decoder(list[tuple[int, bytes]])
_NUMBERS: Final = msgspec.msgpack.Decoder(list[int])
_TOLD: Final = msgspec.msgpack.Decoder(list[Outcome])

_PICKLE: Final = b"p"


def pack_question(question: Question) -> bytes:
    """
    Pack a request.

    Raises:
        ConfigError: It cannot travel.
    """
    request = question.request
    if request.output is not None and request.output.type is not None:
        question = msgspec.structs.replace(question, request=untyped(request))
    try:
        if not any(type(number) is int for number in _numbers(request)):
            return b"q" + _encode(question)
    except _FOREIGN:
        pass  # as a pickle, then
    return _PICKLE + _pickled(question)


def pack_exchange(request: HttpRequest, connect_until: float | None, until: float | None) -> bytes:
    """
    Pack a request that is written already.

    Raises:
        ConfigError: It cannot travel.
    """
    return _PICKLE + _pickled(Exchange(request, connect_until, until))


def unpack_errand(data: bytes) -> Question | Exchange:
    """What was packed."""
    if data[:1] == _PICKLE:
        return cast("Question | Exchange", pickle.loads(memoryview(data)[1:]))
    return _QUESTION.decode(memoryview(data)[1:])


def pack_reply(response: ChatResponse, headers: dict[str, str], notices: tuple[Notice, ...]) -> bytes:
    """Pack an answer."""
    reply = Reply(response, headers, notices)
    try:
        if not response.extras:  # they may be anything
            return b"r" + _encode(reply)
    except _FOREIGN:
        pass
    return _PICKLE + pickle.dumps(reply, pickle.HIGHEST_PROTOCOL)


def pack_body(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """Pack the answer to an exchange."""
    return b"b" + _encode(Body(status, headers, body))


def pack_failure(failure: Failure) -> bytes:
    """Pack what went wrong."""
    return _PICKLE + pickle.dumps(failure, pickle.HIGHEST_PROTOCOL)


def unpack_told(data: bytes) -> Reply | Body | Failure:
    """What a worker has told of an errand."""
    kind = data[:1]
    if kind == b"r":
        return _REPLY.decode(memoryview(data)[1:])
    if kind == b"b":
        return _BODY.decode(memoryview(data)[1:])
    return cast("Reply | Failure", pickle.loads(memoryview(data)[1:]))


# --- frames -----------------------------------------------------------------------------------------------------------


def pack_rows(rows: list[tuple[int, bytes]]) -> bytes:
    """Rows with their numbers."""
    return _encode(rows)


def unpack_rows(data: bytes) -> list[tuple[int, bytes]]:
    """Likewise."""
    return _ROWS.decode(data)


def pack_numbers(numbers: list[int]) -> bytes:
    """Numbers of rows."""
    return _encode(numbers)


def unpack_numbers(data: bytes) -> list[int]:
    """Likewise."""
    return _NUMBERS.decode(data)


def pack_outcomes(told: list[Outcome]) -> bytes:
    """Outcomes of rows."""
    return _encode(told)


def unpack_outcomes(data: bytes) -> list[Outcome]:
    """Likewise."""
    return _TOLD.decode(data)


def pack_arguments(arguments: Mapping[str, Any]) -> bytes:
    """
    Pack what a worker's client is made of: how one request is made.  Keys stay; each request brings its own.

    Raises:
        ConfigError: One of them cannot travel; `.field` names it.
    """
    told = {name: arguments[name] for name in _CARRIED}
    rows = cast("Mapping[str, object]", arguments["providers"] or {})
    told["providers"] = {name: _keyless(fields) for name, fields in rows.items()}
    for name, value in told.items():
        try:
            pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        except _UNPICKLED as error:
            raise ConfigError(f"{name} cannot travel to a worker process: {error}", field=name) from error
    return pickle.dumps(told, pickle.HIGHEST_PROTOCOL)


def _keyless(fields: Any) -> Any:
    if not isinstance(fields, Mapping) or "api_key" not in fields:
        return cast("object", fields)
    given = cast("Mapping[str, object]", fields)
    row = {name: value for name, value in given.items() if name != "api_key"}
    # No key at all is something else than one to be looked for.
    return row if unveiled(given["api_key"]) is not None else {**row, "api_key": None}


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except _UNPICKLED as error:
        raise ConfigError(f"the row cannot travel to a worker process: {error}", field="request") from error
