"""The stored form: it comes back as it was, or not at all."""

from __future__ import annotations

import struct
import zlib
from hashlib import blake2b

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import responses

from dragoman import ChatResponse, Message, Text
from dragoman.policy.cache.entry import EntryError, decode_answer, decode_entry, encode_answer, seal

KEY = bytes(range(32))
MOST = 1 << 20


def entry_of(answer: ChatResponse, key: bytes = KEY) -> bytes:
    encoded = encode_answer(answer)
    assert encoded is not None
    return seal(encoded, key)


ANSWER = ChatResponse(message=Message("assistant", (Text("yes " * 2000),)), finish_reason="stop")


@given(responses)
def test_an_answer_comes_back_as_it_was(answer: ChatResponse) -> None:
    """For any answer; only the ledger and the typed value, which belong to one call, are left out."""
    expected = msgspec.structs.replace(answer, attempts=(), output=None)

    assert expected == decode_entry(entry_of(answer), KEY, MOST)


@given(responses, st.data())
def test_damage_is_seen(answer: ChatResponse, data: st.DataObject) -> None:
    """One changed byte, or a piece that is missing, anywhere: no answer comes of it."""
    entry = bytearray(entry_of(answer))
    at = data.draw(st.integers(0, len(entry) - 1))
    torn = bytes(entry[:at])
    entry[at] ^= data.draw(st.integers(1, 255))

    for broken in (torn, bytes(entry)):
        with pytest.raises(EntryError):
            decode_entry(broken, KEY, MOST)


def test_an_entry_holds_under_its_own_key_only() -> None:
    """Exchanging the rows of two tenants gives neither the other's answer."""
    with pytest.raises(EntryError, match="another key"):
        decode_entry(entry_of(ANSWER), bytes(32), MOST)


@pytest.mark.parametrize("foreign", [b"", b"x" * 500, b"\x80\x04K\x01.", "text", None, 5], ids=repr)
def test_what_is_no_entry_is_no_answer(foreign: object) -> None:
    """A store may hold anything under our name."""
    with pytest.raises(EntryError):
        decode_entry(foreign, KEY, MOST)


def test_another_version_is_not_read() -> None:
    """An entry of a newer Dragoman is a miss."""
    entry = bytearray(entry_of(ANSWER))
    entry[3] += 1

    with pytest.raises(EntryError, match="version"):
        decode_entry(bytes(entry), KEY, MOST)


def test_large_answers_are_compressed() -> None:
    """Eight thousand characters that repeat take few bytes."""
    assert len(entry_of(ANSWER)) < 300


def test_a_larger_one_than_allowed_is_not_unpacked() -> None:
    """The limit holds before anything is unpacked."""
    with pytest.raises(EntryError, match="more than 1000"):
        decode_entry(entry_of(ANSWER), KEY, 1000)


def test_a_bomb_is_not_unpacked() -> None:
    """An entry with a right seal that says it is small, and is not, gives no answer and takes no memory."""
    packed = zlib.compress(bytes(50_000_000))
    mark = blake2b(b"%d:%d:" % (1, 100), digest_size=16, key=KEY, person=b"dragoman-entry")
    mark.update(packed)
    bomb = struct.pack(">3sBBI16s", b"DGA", 1, 1, 100, mark.digest()) + packed

    with pytest.raises(EntryError, match="length"):
        decode_entry(bomb, KEY, MOST)


def test_what_has_no_stored_form_is_not_kept() -> None:
    """A number that 64 bits do not hold, in a field that the provider invented."""
    assert encode_answer(msgspec.structs.replace(ANSWER, extras=(2**70,))) is None


def test_two_readers_share_nothing() -> None:
    """What one caller does to his answer, no other sees."""
    encoded = encode_answer(msgspec.structs.replace(ANSWER, extras=({"a": 1},)))
    assert encoded is not None
    one, other = decode_answer(encoded), decode_answer(encoded)
    one.extras[0]["a"] = 2

    assert {"a": 1} == other.extras[0]
