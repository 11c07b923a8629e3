"""Every recorded answer of the sample is decoded to what it means, and the checks themselves see what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dragoman import wire as wires
from tests.corpus.dialects import DIALECTS, Dialect
from tests.corpus.exceptions import REPLIES, REQUESTS, drop, idle
from tests.corpus.recording import SAMPLE, Recording
from tests.corpus.replies import check_reply, read_plain
from tests.corpus.sample_cases import KNOWN, cases


@pytest.mark.parametrize(("dialect", "recording"), cases())
def test_a_recorded_answer_means_what_the_provider_said(dialect: Dialect, recording: Recording) -> None:
    """Text, reasoning, calls, finish reason, usage, ids and errors are the recorded ones, however the bytes come."""
    lines = check_reply(recording, dialect, wires.get(dialect.wire))

    assert [] == drop(recording.name, lines, REPLIES)
    assert not idle(recording.name, lines, REPLIES), "the row in exceptions.py excuses nothing"


def test_every_folder_of_a_wire_is_in_the_sample() -> None:
    """At least one recording of each provider that speaks a wire is held to it."""
    assert [] == [
        folder for dialect in KNOWN for folder in dialect.folders if not list((SAMPLE / folder).glob("*.json"))
    ]


def test_the_sample_is_small() -> None:
    """All recordings together stay below 3 MB."""
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*.json")) < 3_000_000


def test_exceptions_name_files_that_exist() -> None:
    """No row of the tables of exceptions is left over from a file that is gone; rows of the whole corpus say so."""
    assert [] == [name for name in (*REPLIES, *REQUESTS) if name.split("/")[0] not in _folders()]


def _folders() -> set[str]:
    return {folder for dialect in DIALECTS.values() for folder in dialect.folders}


# --- the checks check -------------------------------------------------------------------------------------------------

_TAMPER: dict[str, Any] = {
    "text": "never said",
    "reasoning": "never thought",
    "finish_reason": "other",
    "id": "other",
    "model": "other",
    "tool_calls": [{"id": "x", "name": "f", "arguments": "{}"}],
    "usage_norm": {"input": -1},
}


@pytest.mark.parametrize("field", _TAMPER)
@pytest.mark.parametrize("dialect", KNOWN, ids=lambda dialect: dialect.wire)
def test_the_check_notices_a_wrong_answer(dialect: Dialect, field: str, tmp_path: Path) -> None:
    """An expectation that is altered in one field is reported as a mismatch of that field."""
    recording = next(one.values[1] for one in cases() if one.values[0] is dialect and not one.values[1].failed)
    altered = Recording(_altered(recording, {field: _TAMPER[field]}, tmp_path))

    lines = check_reply(altered, dialect, wires.get(dialect.wire))

    assert lines
    assert all(line.startswith(field.removesuffix("_norm")) for line in lines)


def _refused(recording: Recording) -> bool:
    return recording.failed and recording.expected.get("status") == 401


@pytest.mark.parametrize(("dialect", "recording"), cases(_refused))
def test_the_check_notices_a_wrong_error(dialect: Dialect, recording: Recording, tmp_path: Path) -> None:
    """An error of another status, code and message than expected is reported in all three."""
    altered = Recording(_altered(recording, {"status": 429, "code": "insufficient_quota", "message": "pay"}, tmp_path))

    lines = check_reply(altered, dialect, wires.get(dialect.wire))

    assert ["error class", "code", "status", "message"] == [line.split(":")[0] for line in lines]


def _altered(recording: Recording, changes: dict[str, Any], folder: Path) -> Path:
    data = {**recording.data, "expected": {**recording.expected, **changes}}
    path = folder / recording.folder / recording.path.name
    path.parent.mkdir()
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


# --- what every wire owes ---------------------------------------------------------------------------------------------

_NO_ANSWER = (
    pytest.param(200, b"", id="nothing"),
    pytest.param(200, b"<html><body>502 Bad Gateway</body></html>", id="HTML"),
    pytest.param(200, b"null", id="null"),
    pytest.param(200, b"[]", id="a list"),
    pytest.param(200, b"{}", id="an empty object"),
    pytest.param(200, b'{"id": "x"', id="cut JSON"),
    pytest.param(200, b'"\xff"', id="no UTF-8"),
    pytest.param(200, b"[" * 100_000, id="nested without end"),
    pytest.param(500, b"", id="500 with nothing"),
    pytest.param(502, b"<html>Bad Gateway</html>", id="502 with HTML"),
    pytest.param(400, b'{"error": "a text"}', id="an error that is a text"),
    pytest.param(400, b'{"error": {"message": null, "code": 7}}', id="an error without message"),
    pytest.param(429, b'{"detail": [{"loc": ["body"], "msg": "x"}]}', id="an error of a framework"),
    pytest.param(404, b"[1, 2", id="an error that is cut"),
)


@pytest.mark.parametrize(("status", "body"), _NO_ANSWER)
@pytest.mark.parametrize("dialect", KNOWN, ids=lambda dialect: dialect.wire)
def test_a_body_that_is_no_answer_is_an_error(dialect: Dialect, status: int, body: bytes, tmp_path: Path) -> None:
    """Nothing, HTML, cut JSON or an error page is a typed error with the status, never an answer."""
    path = tmp_path / "made.json"
    response = {"status": status, "headers": {}, "body_b64": __import__("base64").b64encode(body).decode()}
    path.write_text(json.dumps({"response": response, "expected": {"kind": "error"}, "request": {}}), encoding="utf-8")

    outcome = read_plain(wires.get(dialect.wire), Recording(path))

    assert outcome.error is not None
    assert status == 200 or status == outcome.error.status
