"""
A scope's state as bytes, for those who share it.

Rule: bytes of another version, another boot of the clock, a time that has not come yet, or no bytes that can be read
are no state; whoever finds them begins anew.  What is written is never larger than `MOST_BYTES`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.policy.limit.state import State

VERSION: Final = 1
"""Of the layout; part of every name under which a state is kept."""
MOST_BYTES: Final = 16_000
# Seconds by which a clock may be behind that of another host.
_SKEW: Final = 5.0


class _Record(msgspec.Struct, array_like=True):
    version: int
    epoch: str
    at: float
    state: State


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Record)


def encode(state: State, epoch: str, now: float) -> bytes:
    """
    Write a state.

    Args:
        state: What to keep.
        epoch: Of which clock `now` is: one that begins anew at each boot has a new name then.
        now: When.

    Raises:
        ConfigError: So many limits are configured that they cannot be shared.
    """
    record = _Record(VERSION, epoch, now, state)
    data = _encoder.encode(record)
    if len(data) <= MOST_BYTES:
        return data
    # Whoever waits stands up again, and whoever lives is seen again, at the next look.
    state.stands, state.holders = [], {}
    data = _encoder.encode(record)
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{len(state.buckets)} limits of one provider cannot be shared: give fewer", field="limits")
    return data


def decode(data: bytes, epoch: str, now: float) -> State | None:
    """Read a state; None if there is none that holds now."""
    try:
        record = _decoder.decode(data)
    except msgspec.MsgspecError:
        return None
    if record.version != VERSION or record.epoch != epoch or record.at > now + _SKEW:
        return None
    return record.state
