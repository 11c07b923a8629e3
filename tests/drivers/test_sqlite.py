"""SQLite: transactions, schemas, the journal, where a file may be and who may read it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from dragoman.drivers.mounts import filesystem, network_filesystem
from dragoman.drivers.sqlite import Sqlite
from dragoman.drivers.sqlite_file import connect, set_journal, wal_is_safe
from dragoman.drivers.sqlite_schema import Schema
from dragoman.errors import StoreError
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive
from tests.drivers.subjects import Face

BLOCKING = BlockingRuntime()
THINGS = Schema("things", [lambda db: db.execute("CREATE TABLE things (n INTEGER PRIMARY KEY)")])


def add(number: int) -> Any:
    """Work that adds a row."""
    return lambda db: db.execute("INSERT INTO things VALUES (?)", (number,)).rowcount


def read(db: sqlite3.Connection) -> list[int]:
    """Work that reads all rows."""
    return [row[0] for row in db.execute("SELECT n FROM things ORDER BY n")]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Sqlite]:
    """A file with an empty table `things`."""
    made = Sqlite(tmp_path / "new" / "folder" / "things.db", schema=THINGS)
    yield made
    made.close()


def test_work_is_committed_when_it_returns(database: Sqlite, face: Face) -> None:
    """What it returns comes out; others see what it did."""
    assert 1 == face.do(lambda runtime: database.run(runtime, add(1)))

    with sqlite3.connect(database.path) as other:
        assert [1] == read(other)
    other.close()


def test_work_that_raises_has_done_nothing(database: Sqlite, face: Face) -> None:
    """Its error comes out as it was raised; SQLite's complaints of the statement, too."""

    def fails(db: sqlite3.Connection) -> None:
        add(1)(db)
        add(1)(db)

    async def steps(runtime: Any) -> None:
        with pytest.raises(sqlite3.IntegrityError):
            await database.run(runtime, fails)
        assert [] == await database.run(runtime, read, write=False)

    face.do(steps)


def test_work_that_only_reads_cannot_write(database: Sqlite, face: Face) -> None:
    """It is told so; afterwards writing works."""

    async def steps(runtime: Any) -> None:
        with pytest.raises(RuntimeError, match="write=True"):
            await database.run(runtime, add(1), write=False)
        await database.run(runtime, add(2))

    face.do(steps)

    assert [2] == drive(database.run(BLOCKING, read, write=False))


def test_work_must_not_end_its_transaction(database: Sqlite, face: Face) -> None:
    """A commit in the middle would make half of the work final."""
    with pytest.raises(RuntimeError, match="ended its transaction"):
        face.do(lambda runtime: database.run(runtime, lambda db: db.executescript("SELECT 1")))


def test_work_must_not_use_its_database_again(database: Sqlite) -> None:
    """It would wait for itself for ever."""
    with pytest.raises(RuntimeError, match="has the connection"):
        drive(database.run(BLOCKING, lambda db: drive(database.run(BLOCKING, read))))
    with pytest.raises(RuntimeError, match="must not close"):
        drive(database.run(BLOCKING, lambda db: database.close()))


def test_only_its_user_may_read_it(database: Sqlite) -> None:
    """The file has mode 0600, a folder that is made for it 0700, and so what SQLite puts beside it."""
    seen: list[str] = []

    def look(db: sqlite3.Connection) -> None:
        add(1)(db)
        seen.extend(oct(entry.stat().st_mode & 0o777) for entry in Path(database.path).parent.iterdir())

    drive(database.run(BLOCKING, look))

    assert {"0o600"} == set(seen)
    assert len(seen) > 1
    assert 0o700 == os.stat(os.path.dirname(database.path)).st_mode & 0o777


def test_a_database_in_memory(face: Face) -> None:
    """It is this object's only, and shared by its threads."""
    database = Sqlite(":memory:", schema=THINGS)

    async def steps(runtime: Any) -> list[int]:
        await database.run(runtime, add(1))
        await asyncio.to_thread(drive, database.run(BLOCKING, add(2))) if runtime.suspends else None
        return await database.run(runtime, read, write=False)

    assert 1 in face.do(steps)
    assert 1 in drive(database.run(BLOCKING, read, write=False))
    database.close()


# --- journal ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        pytest.param((3, 40, 1), False, id="debian-12"),
        pytest.param((3, 44, 5), False, id="before-the-first-backport"),
        pytest.param((3, 44, 6), True, id="first-backport"),
        pytest.param((3, 45, 0), False, id="next-line"),
        pytest.param((3, 50, 6), False, id="before-the-second-backport"),
        pytest.param((3, 50, 7), True, id="second-backport"),
        pytest.param((3, 51, 2), False, id="last-with-the-bug"),
        pytest.param((3, 51, 3), True, id="fixed"),
        pytest.param((3, 53, 0), True, id="later"),
    ],
)
def test_which_sqlite_may_use_wal(version: tuple[int, int, int], safe: bool) -> None:
    """Only versions with the fix of the WAL-reset bug."""
    assert safe is wal_is_safe(version)


OLD, NEW = (3, 40, 1), (3, 51, 3)


@pytest.mark.parametrize(
    ("openings", "expected"),
    [
        pytest.param([(True, NEW)], "wal", id="new"),
        pytest.param([(True, OLD)], "persist", id="old"),
        pytest.param([(True, NEW), (False, NEW)], "wal", id="kept"),
        pytest.param([(True, NEW), (False, OLD)], "persist", id="turned-back"),
        pytest.param([(True, NEW), (False, OLD), (False, NEW)], "persist", id="never-on-again"),
    ],
)
def test_the_journal_of_a_file(tmp_path: Path, openings: list[tuple[bool, Any]], expected: str) -> None:
    """WAL is chosen when the file is made, by an SQLite that is safe; one that is not turns it back for good."""
    mode = ""
    for empty, version in openings:
        connection = connect(str(tmp_path / "x.db"))
        set_journal(connection, empty=empty, durable=True, version=version)
        connection.execute("CREATE TABLE IF NOT EXISTS t (n)")
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        connection.close()

    assert expected == mode.replace("delete", "persist")  # what a safe one leaves as it is


@pytest.mark.parametrize(("durable", "level"), [pytest.param(True, 2, id="full"), pytest.param(False, 1, id="normal")])
def test_what_is_synced(tmp_path: Path, durable: bool, level: int) -> None:
    """Durable commits outlive a power cut."""
    database = Sqlite(tmp_path / "x.db", durable=durable)

    assert level == drive(database.run(BLOCKING, lambda db: db.execute("PRAGMA synchronous").fetchone()[0]))
    database.close()


# --- schema -----------------------------------------------------------------------------------------------------------


def second(db: sqlite3.Connection) -> None:
    """A later version of `things`."""
    db.execute("ALTER TABLE things ADD COLUMN name TEXT DEFAULT 'none'")


def test_an_older_file_becomes_a_newer_one(database: Sqlite, face: Face) -> None:
    """Only the migrations that it has not had are done, and its rows are kept."""
    drive(database.run(BLOCKING, add(1)))
    newer = Sqlite(database.path, schema=Schema("things", [lambda db: db.execute("no such SQL"), second]))

    rows = face.do(lambda runtime: newer.run(runtime, lambda db: db.execute("SELECT n, name FROM things").fetchall()))

    assert [(1, "none")] == rows
    newer.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(database: Sqlite) -> None:
    """All migrations are one transaction."""
    drive(database.run(BLOCKING, add(1)))
    broken = Sqlite(database.path, schema=Schema("things", [second, second, lambda db: db.execute("no such SQL")]))
    with pytest.raises(sqlite3.OperationalError):
        drive(broken.run(BLOCKING, read))

    assert [1] == drive(database.run(BLOCKING, lambda db: [row[0] for row in db.execute("SELECT * FROM things")]))


def test_a_newer_file_is_refused(database: Sqlite, face: Face) -> None:
    """The message says what to upgrade; nothing is changed."""
    newer = Sqlite(database.path, schema=Schema("things", [lambda db: None, lambda db: None]))
    drive(database.run(BLOCKING, add(1)))
    drive(newer.run(BLOCKING, lambda db: None))
    newer.close()
    database.close()
    before = Path(database.path).read_bytes()

    with pytest.raises(StoreError, match=r"newer Dragoman .*version 2, this knows 1.*upgrade dragoman"):
        face.do(lambda runtime: database.run(runtime, read))

    assert before == Path(database.path).read_bytes()


@pytest.mark.parametrize("statement", ["CREATE TABLE t (n)", "PRAGMA application_id = 7", "PRAGMA user_version = 7"])
def test_another_programs_file_is_refused(tmp_path: Path, statement: str) -> None:
    """Nothing is written to it."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute(statement)
    theirs.close()
    before = path.read_bytes()
    database = Sqlite(path, schema=THINGS)

    with pytest.raises(StoreError, match="does not hold things: choose another path"):
        drive(database.run(BLOCKING, read))

    database.close()
    assert before == path.read_bytes()


# --- others -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def other(database: Sqlite) -> Iterator[sqlite3.Connection]:
    """Another's connection to the same file, which holds one row."""
    drive(database.run(BLOCKING, add(1)))
    made = sqlite3.connect(database.path, isolation_level=None, check_same_thread=False)
    yield made
    made.close()


def test_a_locked_file_is_waited_for(database: Sqlite, other: sqlite3.Connection, face: Face) -> None:
    """When the other is done in time, nobody notices anything."""
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.2, other.execute, ["COMMIT"])
    timer.start()

    assert 1 == face.do(lambda runtime: database.run(runtime, add(2)))
    timer.join()


def test_a_file_that_stays_locked_is_an_error_in_time(database: Sqlite, other: sqlite3.Connection, face: Face) -> None:
    """It is typed, may be tried again, and nothing was changed; `database is locked` is not the message."""
    other.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    with pytest.raises(StoreError, match="is in use by others and was not free in time; nothing was changed") as caught:
        face.do(lambda runtime: database.run(runtime, add(2), runtime.now() + 0.2))

    assert 1.5 > time.monotonic() - start
    assert ("SQLITE_BUSY", True, False) == (caught.value.code, caught.value.retryable, caught.value.outcome_unknown)
    other.execute("COMMIT")
    assert 1 == face.do(lambda runtime: database.run(runtime, add(3)))


def test_a_reader_that_does_not_end(database: Sqlite, other: sqlite3.Connection, face: Face) -> None:
    """Without WAL it holds back the commit: that is undone in time.  With WAL it does not."""
    other.execute("BEGIN")
    reading = other.execute("SELECT * FROM things")
    reading.fetchone()
    mode = drive(database.run(BLOCKING, lambda db: db.execute("PRAGMA journal_mode").fetchone()[0], write=False))

    async def steps(runtime: Any) -> list[int]:
        with nullcontext() if mode == "wal" else pytest.raises(StoreError, match="nothing was changed"):
            await database.run(runtime, add(2), runtime.now() + 0.2)
        return await database.run(runtime, read, write=False)

    assert ([1, 2] if mode == "wal" else [1]) == face.do(steps)
    reading.close()
    other.execute("COMMIT")
    assert 1 == face.do(lambda runtime: database.run(runtime, add(3)))


def test_work_of_ones_own_is_waited_for_in_time(database: Sqlite, face: Face) -> None:
    """Behind another thread's long work, the deadline holds; what was not begun is not done later."""
    begun = threading.Event()

    def long(db: sqlite3.Connection) -> None:
        begun.set()
        time.sleep(0.6)

    thread = threading.Thread(target=lambda: drive(database.run(BLOCKING, long)))
    thread.start()
    begun.wait(10)
    with pytest.raises(StoreError, match="nothing was changed"):
        face.do(lambda runtime: database.run(runtime, add(2), runtime.now() + 0.1))
    thread.join()

    assert [] == drive(database.run(BLOCKING, read, write=False))


def test_a_statement_that_takes_too_long_is_interrupted(database: Sqlite, face: Face) -> None:
    """The transaction is undone, and the connection is used again."""
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"

    def work(db: sqlite3.Connection) -> None:
        add(1)(db)
        db.execute(endless).fetchone()

    start = time.monotonic()
    with pytest.raises(StoreError, match="not done with this in time; nothing was changed") as caught:
        face.do(lambda runtime: database.run(runtime, work, runtime.now() + 0.2))

    assert 1.5 > time.monotonic() - start
    assert not caught.value.outcome_unknown
    assert [] == face.do(lambda runtime: database.run(runtime, read, write=False))


def test_work_that_hangs_does_not_keep_the_loop(database: Sqlite) -> None:
    """On the asyncio face the call is over soon after its deadline, and says that the outcome is not known."""
    go_on = threading.Event()

    def hangs(db: sqlite3.Connection) -> None:
        add(1)(db)
        go_on.wait(30)

    async def main() -> None:
        runtime = AsyncRuntime()
        with pytest.raises(StoreError, match="whether it was done is not known") as caught:
            await database.run(runtime, hangs, runtime.now() + 0.1)
        assert caught.value.outcome_unknown
        go_on.set()
        assert [1] == await database.run(runtime, read, write=False)

    asyncio.run(main())


def test_a_cancelled_task_lets_its_work_end(database: Sqlite) -> None:
    """It leaves at once; what had begun is committed whole, what had not is never done."""
    begun = threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        add(1)(db)
        begun.set()
        time.sleep(0.3)
        add(2)(db)

    async def main() -> None:
        runtime = AsyncRuntime()
        first = asyncio.create_task(database.run(runtime, slow))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(database.run(runtime, add(3)))
        await asyncio.sleep(0)
        start = time.monotonic()
        first.cancel()
        second.cancel()
        await asyncio.wait([first, second])
        assert 0.25 > time.monotonic() - start
        assert [True, True] == [first.cancelled(), second.cancelled()]
        assert [1, 2] == await database.run(runtime, read, write=False)

    asyncio.run(main())


def test_a_file_that_is_removed_while_in_use(database: Sqlite, face: Face) -> None:
    """SQLite would go on writing to nowhere: one error says so, then a new file is used."""
    drive(database.run(BLOCKING, add(1)))
    os.unlink(database.path)

    async def steps(runtime: Any) -> list[int]:
        with pytest.raises(StoreError, match="removed or replaced"):
            await database.run(runtime, add(2))
        await database.run(runtime, add(3))
        return await database.run(runtime, read, write=False)

    assert [3] == face.do(steps)


# --- where a file may be ----------------------------------------------------------------------------------------------

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:25 / /data rw,relatime shared:9 - nfs4 server:/export rw,vers=4.2
31 30 0:26 / /data/local rw - xfs /dev/vdb rw
32 22 0:27 / /my\\040share rw - cifs //server/share rw
33 22 0:28 / /over rw - nfs server:/old rw
34 22 0:29 / /over rw - tmpfs tmpfs rw
short line
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        pytest.param("/", "ext4", id="root"),
        pytest.param("/database", "ext4", id="not-a-prefix-of-a-name"),
        pytest.param("/data", "nfs4", id="point"),
        pytest.param("/data/a/b", "nfs4", id="below"),
        pytest.param("/data/local/a", "xfs", id="nested"),
        pytest.param("/my share/x", "cifs", id="escaped"),
        pytest.param("/over/x", "tmpfs", id="mounted-twice"),
    ],
)
def test_the_file_system_of_a_folder(folder: str, expected: str) -> None:
    """That of the innermost mount, and of the last on one point."""
    assert expected == filesystem(Path(folder), MOUNTS)


def test_this_machine_says_its_file_systems(tmp_path: Path) -> None:
    """The folder of the tests is known to be none of the network's."""
    listed = Path("/proc/self/mountinfo").read_text()

    assert filesystem(tmp_path.resolve(), listed)
    assert network_filesystem(tmp_path) is None
