"""Recorded vectors, counts and lists of models are decoded to what they mean, and the check sees what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.beside import COUNTS, LISTS, VECTORS, check_beside, recordings
from tests.corpus.recording import SAMPLE, Recording

ALL = list(recordings(SAMPLE))


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_a_recorded_answer_means_what_the_provider_said(recording: Recording) -> None:
    """Vectors, usage, counts, names and errors are the recorded ones."""
    assert [] == check_beside(recording)


def test_every_kind_is_in_the_sample() -> None:
    """Good answers of each kind, and errors, are held to it."""
    shown = {recording.folder for recording in ALL if not recording.failed}

    assert all(shown & set(folders) for folders in (VECTORS, COUNTS, LISTS))
    assert any(recording.failed for recording in ALL)


def _first(folders: dict[str, str]) -> Recording:
    return next(recording for recording in ALL if recording.folder in folders and not recording.failed)


@pytest.mark.parametrize(
    ("folders", "tamper"),
    [
        pytest.param(COUNTS, {"value": -1}, id="a count"),
        pytest.param(VECTORS, {"kind": "error", "status": 500}, id="vectors"),
        pytest.param(VECTORS, {"count": 99, "dims": []}, id="the number of vectors"),
    ],
)
def test_the_check_sees_what_is_wrong(folders: dict[str, str], tamper: dict[str, Any], tmp_path: Path) -> None:
    """A recording whose expected result is changed does not pass."""
    right = _first(folders)
    data = json.loads(right.path.read_text("utf-8"))
    data["expected"] |= tamper
    path = tmp_path / right.folder / "changed.json"
    path.parent.mkdir()
    path.write_text(json.dumps(data), encoding="utf-8")

    assert [] != check_beside(Recording(path))
