"""
The stored form of an answer.

    magic (3)  version (1)  flags (1)  length before compression (4)  seal (16)  answer

The seal is a hash of everything before and after it and of the key, so that a torn, damaged or exchanged entry, or one
that was put under another key, is seen.  The answer is data (msgpack), compressed if that helps; never code.

Rule: what is read is foreign.  Nothing larger than the limit is unpacked, and what cannot be read is no answer.
"""

from __future__ import annotations

import struct
import zlib
from hashlib import blake2b
from typing import Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.policy.cache.key import VERSION
from dragoman.types.responses import ChatResponse

_MAGIC: Final = b"DGA"
_HEAD: Final = struct.Struct(">3sBBI16s")
_PACKED: Final = 1
# Smaller ones gain less than they cost.
_WORTH_PACKING: Final = 4096

_decoder: Final = msgspec.msgpack.Decoder(ChatResponse)


class EntryError(Exception):
    """What was found is no entry of ours, or a damaged one.  The text says how."""


def encode_answer(answer: ChatResponse) -> bytes | None:
    """
    The bytes of an answer, without what belongs to one call; None if it holds what has no stored form.

    Ledger and typed value are left out: nothing is sent for a replay, and the value is made anew from the text.
    """
    try:
        return msgspec.msgpack.encode(msgspec.structs.replace(answer, attempts=(), output=None))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None


def decode_answer(answer: bytes) -> ChatResponse:
    """Give back what `encode_answer` made: a value that shares nothing with the first."""
    return _decoder.decode(answer)


def seal(answer: bytes, key: bytes) -> bytes:
    """Make the entry of an encoded answer."""
    flags, packed = 0, answer
    if len(answer) >= _WORTH_PACKING:
        smaller = zlib.compress(answer, 1)
        if len(smaller) < len(answer):
            flags, packed = _PACKED, smaller
    mark = _mark(key, flags, len(answer), packed)
    return _HEAD.pack(_MAGIC, VERSION, flags, len(answer), mark) + packed


def decode_entry(entry: object, key: bytes, most: int) -> ChatResponse:
    """
    Read an entry.

    Args:
        entry: What a store gave.
        key: Under which it was found.
        most: Bytes that an answer may have.

    Raises:
        EntryError: It is none, damaged, another's, of another version, or too large.
    """
    if not isinstance(entry, bytes) or len(entry) < _HEAD.size:
        raise EntryError("it is no entry")
    magic, version, flags, length, mark = _HEAD.unpack_from(entry)
    if (magic, version) != (_MAGIC, VERSION):
        raise EntryError("it is of another version, or no entry")
    packed = entry[_HEAD.size :]
    if mark != _mark(key, flags, length, packed):
        raise EntryError("it is damaged, or was put under another key")
    if length > most:
        raise EntryError(f"it has {length} bytes, more than {most}")
    try:
        return _decoder.decode(_unpacked(packed, length) if flags & _PACKED else packed)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError, DragomanError) as error:
        raise EntryError(f"it cannot be read: {error}") from error


def _unpacked(packed: bytes, length: int) -> bytes:
    unpacker = zlib.decompressobj()
    answer = unpacker.decompress(packed, length + 1)
    if len(answer) != length:
        raise EntryError("its length is not what it says")
    return answer


def _mark(key: bytes, flags: int, length: int, packed: bytes) -> bytes:
    mark = blake2b(b"%d:%d:" % (flags, length), digest_size=16, key=key, person=b"dragoman-entry")
    mark.update(packed)
    return mark.digest()
