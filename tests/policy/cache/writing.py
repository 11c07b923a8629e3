"""
Processes that write a cache until they are ended, or until nothing fits any more.

    python -m tests.policy.cache.writing fill PATH NUMBER     answers NUMBER, NUMBER + 1, ... until it is killed
    python -m tests.policy.cache.writing full PATH BYTES      the same 200 times, in files of at most that size
"""

from __future__ import annotations

import itertools
import logging
import resource
import signal
import sys

from dragoman import Cache, ChatResponse, Message, Text
from dragoman.policy.cache.entry import EntryError, decode_entry, encode_answer, seal
from dragoman.policy.cache.key import scope_id
from dragoman.policy.cache.store import Guarded
from dragoman.runtime import BlockingRuntime, drive

SCOPE = scope_id("tests")
SIZES = (10, 900, 40_000)
_RUNTIME = BlockingRuntime()


def key(number: int) -> bytes:
    """What answer `number` is known by."""
    return number.to_bytes(32, "big")


def answer(number: int) -> ChatResponse:
    """Small ones and large ones, which do not get smaller by compression alone."""
    text = "".join(chr(32 + (number * 7919 + place * place * 31) % 5000) for place in range(SIZES[number % len(SIZES)]))
    return ChatResponse(message=Message("assistant", (Text(text),)), finish_reason="stop", id=str(number))


def write(guarded: Guarded, number: int) -> bool:
    """Write one: whether the store took it."""
    encoded = encode_answer(answer(number))
    assert encoded is not None
    entry = seal(encoded, key(number))

    async def put(until: float) -> bool:
        await guarded.store.put(_RUNTIME, SCOPE, key(number), entry, None, until)
        return True

    return drive(guarded.attempt(_RUNTIME, None, put, False))


def read(guarded: Guarded, number: int) -> ChatResponse | EntryError | None:
    """The answer, None if it is not there, or why it cannot be read."""
    found = drive(guarded.store.get(_RUNTIME, SCOPE, key(number), None))
    try:
        return None if found is None else decode_entry(found.entry, key(number), 1 << 22)
    except EntryError as error:
        return error


def guarded(path: str) -> Guarded:
    """The store in a file."""
    return Cache(f"sqlite:///{path}", max_bytes=1 << 24).shared.guarded


def fill(path: str, start: str) -> None:
    store = guarded(path)
    for number in itertools.count(int(start)):
        if write(store, number) and number % 20 == 0:
            print(number, flush=True)


def full(path: str, size: str) -> None:
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stdout)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
    store = guarded(path)
    written = [number for number in range(200) if write(store, number)]
    whole = [number for number in written if read(store, number) == answer(number)]
    print("written", len(written), "whole", len(whole))


if __name__ == "__main__":
    {"fill": fill, "full": full}[sys.argv[1]](*sys.argv[2:])
