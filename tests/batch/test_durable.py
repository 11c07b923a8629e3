"""What counts as durable, and when."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from dragoman.batch.index import Index
from dragoman.batch.journal import NO_KEY, Journal, Kind
from dragoman.batch.outcomes import Outcomes


def test_a_sync_that_ends_late_takes_nothing_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is slow with an earlier sync does not undo what a later one has made durable."""
    journal = Journal(tmp_path / "out.job")
    assert [] == list(journal.records())
    real, begun, go = os.fdatasync, threading.Event(), threading.Event()

    def slow(file: int) -> None:
        begun.set()
        assert go.wait(10)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    journal.append(Kind.MARK, 0, NO_KEY, b"{}")
    earlier = threading.Thread(target=journal.sync)
    earlier.start()
    assert begun.wait(10)
    monkeypatch.setattr(os, "fdatasync", real)
    journal.append(Kind.MARK, 1, NO_KEY, b"{}")
    journal.sync()
    go.set()
    earlier.join()

    assert journal.end == journal.synced
    journal.close()


def test_an_outcome_that_never_became_durable_is_passed_over(tmp_path: Path) -> None:
    """After a run that has ended, nobody waits for it."""
    journal, index = Journal(tmp_path / "out.job"), Index()
    assert [] == list(journal.records())
    outcomes = Outcomes(index, lambda: journal, None)
    index.put(0, journal.append(Kind.DONE, 0, bytes(16), b"{}"))
    assert (None, None) == (outcomes.line(0), outcomes.following(0))
    index.put(3, journal.append(Kind.DONE, 3, bytes(16), b"{}"))
    journal.sync()
    index.put(4, journal.append(Kind.DONE, 4, bytes(16), b"{}"))

    assert [0, 3, None] == [outcomes.following(place) for place in (0, 1, 4)]
    journal.close()
    index.close()
