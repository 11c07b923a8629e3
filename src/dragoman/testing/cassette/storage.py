"""
Cassettes in files: read whole, checked, and written whole.

Rule: a file is replaced by another in one step, so that a full disk or a dead process leaves the old one as it was.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from dragoman.testing.cassette.bodies import answer_pieces, request_body
from dragoman.testing.cassette.errors import CassetteError
from dragoman.testing.cassette.failures import raised
from dragoman.testing.cassette.layout import laid_out
from dragoman.testing.cassette.model import VERSION, Exchange, Recorded


def read_cassette(path: Path) -> list[Exchange]:
    """
    Return what a file holds, all of it checked.

    Raises:
        CassetteError: It cannot be read, is no cassette, or one of another version; the message names the place.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise CassetteError(f"the cassette {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CassetteError(f"the cassette {path} is no UTF-8 ({error.reason}, byte {error.start})") from error
    try:
        recorded = msgspec.convert(json.loads(text), Recorded)
    except (ValueError, RecursionError) as error:  # what msgspec and json raise are ValueErrors
        raise CassetteError(
            f"the cassette {path} cannot be understood: {error or 'it is too deep'}; "
            "mend it, or delete it and record again"
        ) from error
    if recorded.version != VERSION:
        raise CassetteError(
            f"the cassette {path} has version {recorded.version}, and this is Dragoman for version {VERSION}: "
            "record it again, or use the Dragoman that wrote it"
        )
    for number, exchange in enumerate(recorded.exchanges, 1):
        _check(path, number, exchange)
    return recorded.exchanges


def write_cassette(path: Path, exchanges: Sequence[Exchange]) -> None:
    """
    Write a file, in the place of one that may be there; missing folders are made.

    Raises:
        CassetteError: It cannot be written; one that was there is as it was.
    """
    text = laid_out(msgspec.to_builtins(Recorded(version=VERSION, exchanges=list(exchanges))))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text.encode())
    except OSError as error:
        raise CassetteError(f"the cassette {path} cannot be written: {error.strerror}") from error


def _replace(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # it is meant for a repository
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _check(path: Path, number: int, exchange: Exchange) -> None:
    """Whatever could go wrong when it is played goes wrong now."""
    try:
        request_body(exchange.request)
        if exchange.response is not None:
            answer_pieces(exchange.response)
        if exchange.failure is not None:
            raised(exchange.failure)
        _check_end(exchange)
    except ValueError as error:
        raise CassetteError(f"the cassette {path}, exchange {number}: {error}") from error


def _check_end(exchange: Exchange) -> None:
    if (exchange.end == "failed") != (exchange.failure is not None):
        raise ValueError(f"end is {exchange.end!r}: it is 'failed' if there is a failure, and only then")
    if exchange.response is None and exchange.end in ("whole", "enough"):
        raise ValueError(f"end is {exchange.end!r}, and there is no response")
