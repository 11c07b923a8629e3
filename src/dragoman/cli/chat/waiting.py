"""
A sign of life on standard error while one waits.

Rule: it is one short line, and it is gone before anything else is written.  Where nobody looks it is not there.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from types import TracebackType
from typing import Final, Self

from dragoman.cli.columns import cut

_SIGNS: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_SIGNS: Final = "|/-\\"
_FIRST: Final = 0.3  # seconds before it appears
_NEXT: Final = 0.1
_CLEAR: Final = "\r\x1b[K"
_LONGEST: Final = 60


class Waiting:
    """
    Turns while one waits.

    Attributes:
        text: What is waited for; may be changed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._ended = threading.Event()
        seen = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._thread = threading.Thread(target=self._turn, daemon=True) if seen else None
        if self._thread is not None:
            self._thread.start()

    def stop(self) -> None:
        """Make it vanish; returns when it has.  Idempotent."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _turn(self) -> None:
        signs = _SIGNS if (sys.stderr.encoding or "").lower().startswith("utf") else _PLAIN_SIGNS
        shown, number = False, 0
        while not self._ended.wait(_NEXT if shown else _FIRST):
            columns = min(_LONGEST, shutil.get_terminal_size().columns // 2)  # half of it is left to a narrower window
            sys.stderr.write(f"{_CLEAR}{signs[number % len(signs)]} {cut(self.text, max(8, columns - 3))}")
            sys.stderr.flush()
            shown, number = True, number + 1
        if shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
