"""A cache in a file under kill -9, without room, and damaged."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.house.modules import ROOT
from tests.policy.cache.writing import answer, guarded, read, write

from dragoman import ChatResponse, StoreError

COMMAND = [sys.executable, "-m", "tests.policy.cache.writing"]


def test_killed_while_writing(tmp_path: Path) -> None:
    """Three processes write and are killed in the middle, three times: what is found is whole, and writing goes on."""
    path, rng = str(tmp_path / "a.db"), random.Random(3)
    for turn in range(3):
        writers = [
            subprocess.Popen([*COMMAND, "fill", path, str(start)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            for start in (turn * 1000, 100_000 + turn * 1000, 200_000 + turn * 1000)
        ]
        for writer in writers:
            assert writer.stdout is not None
            for _ in range(rng.randint(1, 2)):
                assert writer.stdout.readline()
        for writer in writers:
            writer.kill()
        for writer in writers:
            writer.communicate()

    store = guarded(path)
    found = {number: read(store, number) for start in (0, 100_000, 200_000) for number in range(start, start + 5000)}
    kept = {number: value for number, value in found.items() if value is not None}
    assert [] == [number for number, value in kept.items() if value != answer(number)]
    assert len(kept) > 100
    assert write(store, 7)
    with closing(sqlite3.connect(path)) as db:
        assert (
            db.execute("SELECT count(*), total(size) FROM answer").fetchone()
            == db.execute("SELECT entries, size FROM tally").fetchone()
        )
    store.store.close()


def test_a_full_disk(tmp_path: Path) -> None:
    """When nothing fits any more, answers are not kept, which is said once; those that are there stay whole."""
    done = subprocess.run(
        [*COMMAND, "full", str(tmp_path / "a.db"), "300000"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    *said, last = done.stdout.splitlines()
    _, written, _, whole = last.split()
    assert 1 == len(said)
    assert said[0].startswith("WARNING the cache in ")
    assert 0 < int(written) < 200
    assert written == whole


def test_a_file_without_its_tables(tmp_path: Path) -> None:
    """Whoever dropped them: the store fails as a store, which its callers pass over."""
    path = tmp_path / "a.db"
    store = guarded(str(path))
    write(store, 1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE answer")
        db.commit()

    assert not write(store, 2)
    with pytest.raises(StoreError, match="not one of a cache"):
        read(store, 1)
    store.store.close()


def test_a_damaged_file(tmp_path: Path) -> None:
    """A file whose pages are overwritten gives no wrong answer."""
    path = tmp_path / "a.db"
    store = guarded(str(path))
    for number in range(60):
        write(store, number)
    store.store.close()
    data, rng = bytearray(path.read_bytes()), random.Random(1)
    for _ in range(300):
        data[rng.randrange(4096, len(data))] ^= rng.randrange(1, 256)
    path.write_bytes(data)

    store = guarded(str(path))
    wrong = []
    for number in range(60):
        with suppress(StoreError):  # the page is not one any more, which SQLite sees
            found = read(store, number)
            wrong += [number] if isinstance(found, ChatResponse) and found != answer(number) else []
    store.store.close()
    assert [] == wrong
