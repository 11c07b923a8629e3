"""
What a broken server does with its connection.

A fault turns an ordinary answer into a sequence of actions; here they are played.  Bytes are an action of their own:
they are written as they are.

Rule: an action waits at most as long as the client stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from enum import Enum
from typing import Any, Final

import msgspec

from dragoman.testing.connection import Reply

_FOR_EVER: Final = 3600.0  # longer than any client that is being tested waits


class Pause(msgspec.Struct, frozen=True):
    """Send nothing for a time, in seconds."""

    seconds: float = _FOR_EVER


class Drip(msgspec.Struct, frozen=True):
    """Send bytes one by one, `pace` seconds apart."""

    data: bytes
    pace: float = 0.0


class Repeat(msgspec.Struct, frozen=True):
    """Send the same bytes again and again, `pace` seconds apart, until the client leaves."""

    data: bytes
    pace: float = 0.02


class End(Enum):
    """How the connection ends, where HTTP's framing is not the end."""

    CLOSE = "close"
    RESET = "reset"


Action = bytes | Pause | Drip | Repeat | End


async def play(actions: Iterable[Action], reply: Reply) -> None:
    """Do one after another; an answer after which the connection is left open is a finished one."""
    for action in actions:
        await _PLAY[type(action)](action, reply)
        if isinstance(action, End):
            return
    reply.request.finished()


async def _pause(action: Pause, reply: Reply) -> None:
    await reply.sleep(action.seconds)


async def _drip(action: Drip, reply: Reply) -> None:
    for byte in action.data:
        await reply.unframed(bytes((byte,)))
        await reply.sleep(action.pace)


async def _repeat(action: Repeat, reply: Reply) -> None:
    while True:
        await reply.unframed(action.data)
        await reply.sleep(action.pace or _BREATH)


async def _end(action: End, reply: Reply) -> None:
    if action is End.RESET:
        await reply.sleep(_BREATH)  # what was written has left
        reply.reset()
    else:
        reply.close()


# Lets the loop see that the client has left.
_BREATH: Final = 0.005

_PLAY: Final[dict[type[Any], Callable[[Any, Reply], Awaitable[None]]]] = {
    bytes: lambda data, reply: reply.unframed(data),
    Pause: _pause,
    Drip: _drip,
    Repeat: _repeat,
    End: _end,
}
