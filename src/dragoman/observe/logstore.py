"""
The local log store: what was asked and answered, in an SQLite file of the user's, for those who switch it on.

Written in groups, in the background: a call hands itself over and goes on.  When the disk is full or the file cannot be
used, there is one warning, and calls go on.

Rule: credentials are masked before anything is written, and a forked child writes nothing of its parent's.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman import background
from dragoman.errors import ConfigError, DragomanError, StoreError
from dragoman.observe.base import Call, End
from dragoman.observe.content import messages_json, output_json
from dragoman.observe.logfile import LogFile, Row
from dragoman.observe.place import DAYS, MEGABYTES, default_path
from dragoman.observe.ulid import ulid
from dragoman.redact import redact
from dragoman.types.requests import SETTING_NAMES, ChatRequest

_log: Final = logging.getLogger("dragoman.logs")

# Calls that may wait to be written.
_MOST: Final = 5_000
_GROUP: Final = 500
_BETWEEN: Final = 3600.0  # seconds between two looks for what is too old
# Characters of one text that are kept; of what is longer, the beginning.
_LONGEST: Final = 1_000_000


class LogStore:
    """
    An observer that keeps calls in a file.

    Args:
        path: Of the file; by default `dragoman/logs.db` in the user's data directory (`$XDG_DATA_HOME`).
        content: Whether texts are kept; if not, only numbers and names.
        days: Calls that are older are removed; None keeps all.
        megabytes: When the file is larger, the oldest calls are removed; None for no limit.
        key: Gives an id of who asks, or of the key that is used, which is kept with the call; never a secret.

    Raises:
        ConfigError: An argument is wrong.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        content: bool = True,
        days: float | None = DAYS,
        megabytes: float | None = MEGABYTES,
        key: Callable[[Call], str] | None = None,
    ) -> None:
        for name, value in (("days", days), ("megabytes", megabytes)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value <= 0):
                raise ConfigError(f"{name} is {value!r}: give a number above 0, or None", field=name)
        self.file = LogFile(Path(path) if path is not None else default_path(os.environ))
        self._content = content
        self._key = key
        self._days = days
        self._megabytes = megabytes
        self._waiting: deque[Call] = deque()
        self._lock = threading.RLock()
        self._due = False
        self._warned = False
        self._pruned = 0.0
        _all.add(self)

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.file.path

    def begin(self, call: Call) -> End:
        """Keep it when it is over."""
        return self._end

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all calls that are over are written, for at most `timeout` seconds: whether they are."""
        # Twice: the end of a stream that was left is itself told in the background, and is then written there.
        return background.flush(timeout) and background.flush(timeout)

    def close(self) -> None:
        """Write what is left and close the file; a later call opens it again."""
        self.flush()
        self.file.close()

    def _end(self, call: Call) -> None:
        with self._lock:
            if len(self._waiting) >= _MOST:
                self._warn("calls end faster than they can be written; some are not kept")
                return
            self._waiting.append(call)
            if self._due:
                return
            self._due = True
        if not background.submit(self._write):
            self._due = False

    def _write(self) -> None:
        """Write what waits; in the background."""
        try:
            while calls := self._taken():
                self._keep(calls)
        except BaseException:
            self._due = False  # the next call begins anew
            raise

    def _keep(self, calls: list[Call]) -> None:
        try:
            self.file.add([row_of(call, content=self._content, key=self._key) for call in calls])
            self._prune()
            self._warned = False
        except StoreError as error:
            self._warn(f"{len(calls)} calls are not kept: {error}")

    def _taken(self) -> list[Call]:
        with self._lock:
            calls = [self._waiting.popleft() for _ in range(min(_GROUP, len(self._waiting)))]
            self._due = bool(calls)
        return calls

    def _prune(self) -> None:
        now = time.time()
        if now - self._pruned < _BETWEEN:
            return
        self._pruned = now
        self.file.prune(
            before=None if self._days is None else now - self._days * 86400,
            most_bytes=None if self._megabytes is None else int(self._megabytes * 1e6),
        )

    def _warn(self, text: str) -> None:
        """Say it once, until writing works again."""
        if not self._warned:
            self._warned = True
            _log.warning("%s: %s", self.path, text)

    def _forget(self) -> None:
        """In a forked child: what waits is the parent's."""
        self._lock = threading.RLock()
        self._waiting.clear()
        self._due = False


_all: weakref.WeakSet[LogStore] = weakref.WeakSet()


def _after_fork() -> None:
    for store in list(_all):
        store._forget()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


# --- a call as a row --------------------------------------------------------------------------------------------------


def row_of(call: Call, *, content: bool, key: Callable[[Call], str] | None = None) -> Row:
    """A call that is over, credentials masked."""
    usage, response = call.usage, call.response
    about: dict[str, Any] = {
        "id": ulid(call.at),
        "at": call.at,
        "operation": call.operation,
        "asked": redact(call.asked),
        "status": call.status,
        "seconds": call.seconds,
        "provider": redact(call.provider),
        "model": redact(call.model),
        "stream": call.stream,
        "finish_reason": call.finish_reason,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost": None if call.cost is None else float(call.cost),
        "first": call.first,
        "paced": call.paced,
        "cached": call.cached,
        "call": call.id,
        "attempts": redact(msgspec.json.encode(call.attempts).decode()) if call.attempts else None,
    }
    if key is not None:
        about["key"] = redact(key(call)) or None
    if response is not None:
        about["response_id"] = _masked(response.id)
        about["request_id"] = _masked(response.request_id)
    if call.error is not None:
        about |= _failure(call.error, content=content)
    if content and call.request is not None:
        about |= _texts(call.request)
        if response is not None:
            about["answer"] = _kept(response.text)
            about["output"] = _kept(output_json(response))
    return Row(**about)


def _failure(error: BaseException, *, content: bool) -> dict[str, Any]:
    about: dict[str, Any] = {"error": type(error).__name__}
    if isinstance(error, DragomanError):
        about |= {"http_status": error.status, "request_id": error.request_id}
    if content:
        about["error_text"] = redact(str(error))
    return about


def _texts(request: ChatRequest) -> dict[str, Any]:
    settings = {name: value for name in SETTING_NAMES if (value := getattr(request, name)) is not None}
    last = request.messages[-1]
    turn = next((message for message in reversed(request.messages) if message.role == "user"), last)
    return {
        "prompt": _kept(turn.text),
        "messages": _kept(messages_json(request.messages)),
        "settings": _kept(redact(msgspec.json.encode(settings, enc_hook=str).decode())) if settings else None,
    }


def _kept(text: str) -> str:
    """A text without credentials; of one that is too long, the beginning."""
    return redact(text)[:_LONGEST]


def _masked(text: str | None) -> str | None:
    return None if text is None else redact(text)
