"""
What the library says through `logging`, under `dragoman`: nothing is printed unless somebody asks.

    dragoman.call       DEBUG: one record when a call begins, for each request, and at its end
    dragoman.*          WARNING and above: what somebody should know and no error told them

`DRAGOMAN_LOG=debug` (or `info`, `warning`, `error`) writes them to standard error.  It is read at the first call,
not by the import.

Rule: ids and numbers, no content.  What a user or a provider wrote passes `redact` before any handler sees it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from dragoman.errors import ConfigError, DragomanError
from dragoman.observe.base import Call, End
from dragoman.redact import hush_logger, redact

VARIABLE: Final = "DRAGOMAN_LOG"
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_FORM: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_root: Final = logging.getLogger("dragoman")
_log: Final = logging.getLogger("dragoman.call")
_root.addHandler(logging.NullHandler())
hush_logger(_log.name)

_asked = False


def wanted() -> bool:
    """Whether anybody listens to what is said of each call."""
    if not _asked:
        from_environment(os.environ)
    return _log.isEnabledFor(logging.DEBUG)


def from_environment(environ: Mapping[str, str]) -> None:
    """
    Write to standard error if the variable says so; the first time, later calls do nothing.

    Raises:
        ConfigError: It names no level.
    """
    global _asked
    if _asked:
        return
    name = environ.get(VARIABLE, "").strip().lower()
    if name and name not in _LEVELS:
        raise ConfigError(f"{VARIABLE} is {name!r}: set it to {', '.join(_LEVELS)}, or unset it", field=VARIABLE)
    _asked = True
    if name:
        handler = _Stderr()
        handler.setFormatter(_Redacted(_FORM))
        _root.addHandler(handler)
        _root.setLevel(_LEVELS[name])


class _Stderr(logging.Handler):
    """Writes to what is standard error at that moment; if that is closed, nowhere."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stderr
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.write(self.format(record) + "\n")
                stream.flush()


class _Redacted(logging.Formatter):
    """Masks credentials in the whole text, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Calls:
    """The observer that says when a call begins and ends; `ledger` says the same of each request."""

    def begin(self, call: Call) -> End:
        _log.debug("call=%s begins operation=%s model=%s stream=%s", call.id, call.operation, call.asked, call.stream)
        return self._end

    def _end(self, call: Call) -> None:
        usage, error = call.usage, call.error
        known = {
            "provider": call.provider,
            "model": call.model,
            "finish": call.finish_reason,
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cost": call.cost,
            "cached": call.cached,
            "first": None if call.first is None else round(call.first, 6),
            "error": None if error is None else type(error).__name__,
            "conversation": call.conversation.encode("unicode_escape").decode(),  # no line breaks
        }
        if isinstance(error, DragomanError):
            known |= {"http": error.status, "code": error.code, "request_id": error.request_id}
        said = " ".join(f"{name}={value}" for name, value in known.items() if value not in (None, ""))
        _log.debug(
            "call=%s ends status=%s seconds=%.6f attempts=%d %s",
            call.id,
            call.status,
            call.seconds,
            len(call.attempts),
            said,
        )


CALLS: Final = _Calls()
