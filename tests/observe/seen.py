"""An observer that keeps what it is told."""

from __future__ import annotations

import time
from collections.abc import Mapping

from dragoman import background
from dragoman.observe import Call, End


class Seen:
    """
    Attributes:
        begun: Calls that have begun.
        over: Calls that are over, in the order of their ends.
        signals: (name, value, labels).
    """

    def __init__(self) -> None:
        self.begun: list[Call] = []
        self.over: list[Call] = []
        self.signals: list[tuple[str, float, dict[str, str]]] = []

    def begin(self, call: Call) -> End:
        self.begun.append(call)
        return self.over.append

    def signal(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        self.signals.append((name, value, dict(labels)))

    def one(self) -> Call:
        """The only call, once it is over; the end of a stream that was left is told in the background."""
        until = time.monotonic() + 5
        while not self.over and time.monotonic() < until:
            background.flush(1)
        (call,) = self.over
        return call
