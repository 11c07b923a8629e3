"""
What a Redis kept of a limit, and when: each decision of all who share it, by the server's own clock.

A machine that is busy delivers requests in heaps, so when they arrived says little about when they were let go.
"""

from __future__ import annotations

import ast
import re
import socket
import threading
from types import TracebackType
from typing import NamedTuple, Self

from dragoman.limits.stores import TAG
from dragoman.policy.limit import codec
from dragoman.policy.limit.state import State

_WORD = re.compile(rb'"(?:[^"\\]|\\.)*"')


class Entry(NamedTuple):
    """
    A state that was kept.

    Attributes:
        at: When, in seconds of the server's clock.
        state: What.
    """

    at: float
    state: State


class Ledger:
    """
    Watches a Redis, for a `with` block.

    Args:
        port: On 127.0.0.1.

    Attributes:
        entries: What was kept since, of all scopes.
    """

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._read)
        self._heard = threading.Event()
        self.entries: list[Entry] = []

    def __enter__(self) -> Self:
        self._line.sendall(b"MONITOR\r\n")
        self._thread.start()
        assert self._heard.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._line.sendall(b"QUIT\r\n")  # the server tells what is under way, and closes
        self._thread.join(10)
        self._line.close()

    def sum(self, unit: str) -> float:
        """How much of a unit was granted, what was given back taken off."""
        return self.entries[-1].state.granted.get(unit, 0.0) if self.entries else 0.0

    def worst(self, unit: str, rate: float) -> float:
        """The most that a bucket that loses `rate` a second would have held of all grants, by the state's own time."""
        level = found = last = had = 0.0
        for _, state in self.entries:
            at, has = _time(state, unit), state.granted.get(unit, 0.0)
            level = max(0.0, level - (at - last) * rate) + has - had
            last, had, found = at, has, max(found, level)
        return found

    @property
    def ahead(self) -> float:
        """By how many seconds the time of the state was ahead of the server's, at most."""
        return max(_time(state, "") - at for at, state in self.entries)

    def _read(self) -> None:
        with self._line.makefile("rb") as lines:
            for line in lines:
                self._heard.set()
                self._take(line)

    def _take(self, line: bytes) -> None:
        # +1700000000.123456 [0 lua] "SET" "dragoman:limit:{..}" "\x01..." "EX" "172800"
        words = _WORD.findall(line)
        if len(words) < 3 or words[0] != b'"SET"' or not words[1].startswith(b'"dragoman:limit:'):
            return
        data = ast.literal_eval("b" + words[2].decode("ascii"))
        at = float(line[1:].split()[0])
        state = codec.decode(data[TAG:], "", at + 60)
        assert state is not None
        self.entries.append(Entry(at, state))


def _time(state: State, unit: str) -> float:
    """To when time has passed for the state."""
    return max(bucket.at for bucket in state.buckets.values() if bucket.unit.startswith(unit))
