"""
Ctrl-C while an answer comes.

Rule: it takes effect while the network is read, and never in the midst of drawing, so that what stands on the terminal
is what has come.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class Interrupts:
    """Whether the user wants an answer to stop."""

    def __init__(self) -> None:
        self._reading = False
        self._asked = False

    def reading(self, read: Callable[[], T]) -> T:
        """
        Call what may be interrupted.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed, now or while something was drawn.
        """
        self._reading = True
        try:
            if self._asked:
                raise KeyboardInterrupt
            return read()
        finally:
            self._reading = False

    def _pressed(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if self._reading:
            self._reading = False
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Generator[Interrupts]:
    """Catch Ctrl-C; outside the main thread, where none arrives, do nothing."""
    caught = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = signal.signal(signal.SIGINT, caught._pressed)  # pyright: ignore[reportPrivateUsage]  # its own handler
    try:
        yield caught
    finally:
        signal.signal(signal.SIGINT, before)
