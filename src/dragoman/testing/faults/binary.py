"""
Faults of AWS's event streams: damage that two checksums and three lengths must tell from an answer.

Rule: a message whose checksum is wrong is not read, and nothing after it; types that nobody knows are skipped.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Final

from dragoman.testing.faults.actions import Action
from dragoman.testing.faults.fault import AWS, CUT_SOME, NONSENSE, NONSENSE_SOME, WHOLE, Expects, Fault, Make
from dragoman.testing.faults.ordinary import Ordinary
from dragoman.wire import awsstream

_SPEC: Final = "Smithy specification, event stream encoding: prelude, headers, checksums"
_GROWS: Final = "service model of bedrock-runtime: events are added"

_PRELUDE: Final = 12  # bytes: two lengths and their checksum


def _frames(change: Callable[[list[bytes], int], list[bytes]]) -> Make:
    """The whole stream with something done to its messages; the number says how many hold half of the text."""
    return lambda good: [*good.chunked(change(good.frames(), len(good.half())))]


def _last_of_half(change: Callable[[bytes], bytes]) -> Make:
    return _frames(lambda pieces, half: [*pieces[: half - 1], change(pieces[half - 1]), *pieces[half:]])


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 0x20,)) + data[at + 1 :]


def _sized(total: int, headers: int) -> bytes:
    """The beginning of a message of that length, with the right checksum over its lengths."""
    sizes = struct.pack(">II", total, headers)
    return sizes + struct.pack(">I", zlib.crc32(sizes))


def _bad_headers(message: bytes) -> bytes:
    """Both checksums are right, and the headers are none: the first name is longer than they are."""
    start = _PRELUDE
    changed = message[:start] + b"\xff" + message[start + 1 : -4]
    return changed + struct.pack(">I", zlib.crc32(changed))


def _unknown(kind: str) -> bytes:
    return awsstream.encode(b'{"x":1}', {":event-type": kind, ":message-type": "event"})


def _between(extra: bytes) -> Make:
    return _frames(lambda pieces, half: [part for piece in pieces for part in (extra, piece)])


def _byte_by_byte(good: Ordinary) -> list[Action]:
    return [*good.chunked([bytes((byte,)) for byte in b"".join(good.frames())])]


def _fault(name: str, meaning: str, source: str, make: Make, stream: Expects) -> Fault:
    return Fault(name, meaning, source, make, None, stream, AWS)


# A table is read by rows.
# fmt: off
BINARY: Final = (
    _fault("message_damaged", "A byte of a message in the middle of the text is damaged.", _SPEC,
           _last_of_half(lambda data: _flip(data, len(data) // 2)), NONSENSE_SOME),
    _fault("message_checksum_wrong", "The checksum of a message in the middle of the text is wrong.", _SPEC,
           _last_of_half(lambda data: _flip(data, len(data) - 1)), NONSENSE_SOME),
    _fault("lengths_damaged", "The lengths of a message in the middle of the text are damaged.", _SPEC,
           _last_of_half(lambda data: _flip(data, 3)), NONSENSE_SOME),
    _fault("lengths_huge", "A message is said to have a gigabyte, and the checksum of that is right.", _SPEC,
           _last_of_half(lambda data: _sized(1 << 30, 16) + bytes(64)), NONSENSE_SOME),
    _fault("lengths_impossible", "A message is said to be shorter than its headers.", _SPEC,
           _last_of_half(lambda data: _sized(20, 90) + bytes(64)), NONSENSE_SOME),
    _fault("message_headers_damaged", "The headers of a message cannot be read, and its checksums are right.", _SPEC,
           _last_of_half(_bad_headers), NONSENSE_SOME),
    _fault("first_message_damaged", "The first message is damaged.", _SPEC,
           _frames(lambda pieces, half: [_flip(pieces[0], len(pieces[0]) - 1), *pieces[1:]]), NONSENSE),
    _fault("cut_in_lengths", "The stream ends cleanly in the lengths of a message.", _SPEC,
           _frames(lambda pieces, half: [*pieces[:half], pieces[half][:7]]), CUT_SOME),
    _fault("unknown_messages", "Messages of an unknown type stand between those of a right answer.", _GROWS,
           _between(_unknown("somethingNew")), WHOLE),
    _fault("initial_response", "The stream begins with a message that says nothing, and is right.", _SPEC,
           _frames(lambda pieces, half: [_unknown("initial-response"), *pieces]), WHOLE),
    _fault("messages_in_bytes", "Every byte of a right answer comes in a chunk of its own.", _SPEC, _byte_by_byte,
           WHOLE),
)
# fmt: on
