"""
Bodies between bytes and the form in which a cassette shows them.

An answer is given back byte for byte, cut where it was cut.  What can be read is written readably: JSON as JSON if one
of the usual ways of writing it gives the same bytes again, text as text, the rest as base64.  A character that two
pieces share goes with the second.

A request is only compared, so of its JSON the value is kept, and of a picture in it the hash.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import json
import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

import msgspec

from dragoman.testing.cassette.frames import shown, written
from dragoman.testing.cassette.model import Answered, Asked, Part, Piece, Shown
from dragoman.testing.cassette.scrub import Scrubber

Timed = tuple[float, bytes]
"""Seconds waited, and what came."""

_FORMS: Final[dict[str, dict[str, Any]]] = {
    name + suffix: {**options, "ensure_ascii": ascii_only}
    for name, options in (
        ("compact", {"separators": (",", ":")}),
        ("spaced", {}),
        ("indented", {"indent": 2}),
    )
    for suffix, ascii_only in (("", False), ("-ascii", True))
}

_LONG_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{1024,}={0,2}")

# An AWS event stream: lengths of message and headers, checksum of these, ..., checksum of all.
_PRELUDE: Final = 12
_CHECKSUM: Final = struct.Struct(">I")


# --- requests ---------------------------------------------------------------------------------------------------------


def request_fields(body: bytes, scrubber: Scrubber) -> dict[str, Any]:
    """Return that field of `Asked` in which a body stands, scrubbed."""
    if not body:
        return {}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(scrubber.binary([body])[0]).decode()}
    text = scrubber.text(text)
    try:
        return {"json": shortened(json.loads(text))}
    except (ValueError, RecursionError):
        return {"text": text}


def request_body(asked: Asked) -> Any:
    """Return a request's body to compare it: a JSON value, a text or bytes."""
    if asked.json is not msgspec.UNSET:
        return asked.json
    if isinstance(asked.base64, str):
        return base64.b64decode(asked.base64, validate=True)
    return "" if asked.text is msgspec.UNSET else asked.text


def shortened(value: Any) -> Any:
    """Return a JSON value with the hash of each long base64 text in its place."""
    if isinstance(value, str):
        return _LONG_BASE64.sub(_digest, value)
    if isinstance(value, dict):
        return {name: shortened(one) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [shortened(one) for one in cast("list[Any]", value)]
    return value


def _digest(found: re.Match[str]) -> str:
    return f"[{len(found[0])} characters, sha256 {hashlib.sha256(found[0].encode()).hexdigest()}]"


# --- answers ----------------------------------------------------------------------------------------------------------


def answer_fields(pieces: Sequence[Timed], scrubber: Scrubber) -> dict[str, Any]:
    """Return those fields of `Answered` in which a body stands, scrubbed."""
    read = _as_text(pieces)
    if read is None:
        return {"pieces": _binary(pieces, scrubber)}
    timed, cut = read
    clean = scrubber.pieces([text for _, text in timed])
    timed, waited = _without_empty((after, text) for (after, _), text in zip(timed, clean, strict=True))
    rest = [Piece(waited, _encoded(cut))] if cut else []
    value = None if rest else _as_json("".join(text for _, text in timed))
    if value is None:
        return {"pieces": (*(Piece(after, shown(text)) for after, text in timed), *rest)}
    return {**value, "pieces": tuple(Piece(after, len(text.encode())) for after, text in timed)}


def answer_pieces(answered: Answered) -> list[Timed]:
    """
    Return a body as it came.

    Raises:
        ValueError: What should be base64 is none, or the form of its JSON is not known.
    """
    if answered.json is msgspec.UNSET:
        return [(piece.after, data) for piece in answered.pieces if (data := _bytes(piece.part))]
    if answered.form not in _FORMS:
        raise ValueError(f"form is {answered.form!r}: there are {', '.join(_FORMS)}")
    data = (json.dumps(answered.json, **_FORMS[answered.form]) + answered.tail).encode()
    return _cut(data, answered.pieces)


def _as_text(pieces: Sequence[Timed]) -> tuple[list[tuple[float, str]], bytes] | None:
    """
    Pieces as text, and the bytes of a character that was cut at the end; None if they are no text.

    Frames of small lengths may happen to be UTF-8.  They hold zeros, which no text does.
    """
    if any(b"\0" in data for _, data in pieces):
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        timed = [(after, decoder.decode(data)) for after, data in pieces]
    except UnicodeDecodeError:
        return None
    return timed, decoder.getstate()[0]


def _without_empty(timed: Iterable[tuple[float, str]]) -> tuple[list[tuple[float, str]], float]:
    """
    Pieces that hold something, and the wait after the last of them.

    The wait for what is empty goes to the next piece: to a reader, an empty piece is the end.
    """
    kept: list[tuple[float, str]] = []
    waited = 0.0
    for after, text in timed:
        waited += after
        if text:
            kept.append((waited, text))
            waited = 0.0
    return kept, waited


def _as_json(text: str) -> dict[str, Any] | None:
    """A body as a JSON value and how it is written, or None if that does not give the same text again."""
    body = text.rstrip()
    if body[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    form = next((name for name, options in _FORMS.items() if json.dumps(value, **options) == body), None)
    return None if form is None else {"json": value, "form": form, "tail": text[len(body) :]}


def _cut(data: bytes, pieces: Sequence[Piece]) -> list[Timed]:
    """Cut where the counts say; who edits a cassette need not count, so what is left over goes with the last."""
    timed: list[Timed] = []
    at = 0
    for number, piece in enumerate(pieces, 1):
        size = piece.part if isinstance(piece.part, int) else len(data)
        end = len(data) if number == len(pieces) else at + size
        if data[at:end]:
            timed.append((piece.after, data[at:end]))
        at = end
    return timed if pieces else [(0.0, data)]


def _bytes(part: Part) -> bytes:
    if isinstance(part, str):
        return part.encode("utf-8", "surrogatepass")
    if isinstance(part, tuple):
        return b"".join(map(_bytes, part))
    if isinstance(part, int):
        raise ValueError(f"a piece is the number {part}, which counts bytes of `json`, and there is no `json`")
    if isinstance(part.base64, str):
        return base64.b64decode(part.base64, validate=True)
    return written(part).encode("utf-8", "surrogatepass")


def _encoded(data: bytes) -> Shown:
    return Shown(base64=base64.b64encode(data).decode())


# --- what is no text --------------------------------------------------------------------------------------------------


def _binary(pieces: Sequence[Timed], scrubber: Scrubber) -> tuple[Piece, ...]:
    before = [data for _, data in pieces]
    after = scrubber.binary(before)
    if after != before:
        after = _sealed(b"".join(before), b"".join(after), [len(data) for data in after])
    return tuple(Piece(waited, _encoded(data)) for (waited, _), data in zip(pieces, after, strict=True))


def _sealed(before: bytes, after: bytes, sizes: Iterable[int]) -> list[bytes]:
    """Renew the checksums of those messages of an AWS event stream that were right and have been changed."""
    data, at = bytearray(after), 0
    while at + _PRELUDE < len(data):
        end = at + _CHECKSUM.unpack_from(before, at)[0]
        if end > len(data) or end < at + _PRELUDE + _CHECKSUM.size:
            break
        place = end - _CHECKSUM.size
        if zlib.crc32(before[at:place]) == _CHECKSUM.unpack_from(before, place)[0]:
            _CHECKSUM.pack_into(data, place, zlib.crc32(data[at:place]))
        at = end
    sealed: list[bytes] = []
    at = 0
    for size in sizes:
        sealed.append(bytes(data[at : at + size]))
        at += size
    return sealed
