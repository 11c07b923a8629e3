"""What is emptied of secrets after the fact: frames of tracebacks, loggers of libraries."""

from __future__ import annotations

import logging
import traceback

import pytest

from dragoman.redact import forget_locals, hush_logger, register

TEXT = "canary-d00d-in-a-variable"


def test_the_frames_of_an_error_forget_their_variables() -> None:
    """Of the error, of what caused it and of those of a group; lines and functions stay."""

    def inner() -> None:
        held = TEXT
        raise ValueError(len(held))

    def outer() -> None:
        held = TEXT
        try:
            inner()
        except ValueError as error:
            raise ExceptionGroup("several", [RuntimeError(len(held)), error]) from error

    with pytest.raises(ExceptionGroup) as caught:
        outer()
    assert TEXT in _printed(caught.value)

    forget_locals(caught.value)

    after = _printed(caught.value)
    assert TEXT not in after
    assert "in inner" in after
    assert "in outer" in after


def _printed(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_a_logger_is_hushed_once(caplog: pytest.LogCaptureFixture) -> None:
    """What it says is redacted, arguments included, however often it was hushed."""
    register(TEXT)
    hush_logger("some.library")
    hush_logger("some.library")

    with caplog.at_level(logging.DEBUG, "some.library"):
        logging.getLogger("some.library").debug("sending %s to %d", TEXT, 7)

    assert ["sending [redacted] to 7"] == [record.getMessage() for record in caplog.records]
    assert 1 == len(logging.getLogger("some.library").filters)
