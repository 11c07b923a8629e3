"""SQLite when the disk, the file or the process is at its end: typed errors, and nothing acknowledged is lost."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from dragoman.drivers.sqlite import Sqlite
from dragoman.drivers.sqlite_schema import Schema
from dragoman.errors import ConfigError, StoreError
from dragoman.runtime import BlockingRuntime, drive
from tests.drivers.subjects import Face
from tests.house.modules import ROOT

BLOCKING = BlockingRuntime()
THINGS = Schema("things", [lambda db: db.execute("CREATE TABLE things (n INTEGER, data BLOB)")])

# What the programs below begin with: `put(n, size)` adds a row, `numbers()` are the rows there are.
PRELUDE = """
import os, resource, signal, sys, time
from dragoman.drivers.sqlite import Sqlite
from dragoman.drivers.sqlite_schema import Schema
from dragoman.errors import StoreError
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive
from tests.drivers.test_sqlite_faults import THINGS, numbers_in, putting

database = Sqlite(sys.argv[1], schema=THINGS)
def put(n, size=10):
    drive(database.run(BlockingRuntime(), putting(n, size)))
def numbers():
    return drive(database.run(BlockingRuntime(), numbers_in, write=False))
"""


def putting(n: int, size: int = 10) -> Any:
    """Work that adds a row with so many bytes."""
    return lambda db: db.execute("INSERT INTO things VALUES (?, randomblob(?))", (n, size)).rowcount


def numbers_in(db: sqlite3.Connection) -> list[int]:
    """Work that reads the rows whole and returns their numbers."""
    return [n for n, _ in db.execute("SELECT n, data FROM things ORDER BY n")]


def numbers(path: Path) -> list[int]:
    """What is in a file."""
    database = Sqlite(path, schema=THINGS)
    try:
        return drive(database.run(BLOCKING, numbers_in, write=False))
    finally:
        database.close()


def program(script: str, path: Path, *before: str) -> list[str]:
    """Run a program on a file and return the lines it prints."""
    command = [*before, sys.executable, "-W", "error", "-c", PRELUDE + script, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout.splitlines()


FILL = """
put(1)
try:
    for n in range(2, 500):
        put(n, 10_000)
        last = n
except StoreError as error:
    print(error.code, error.outcome_unknown, error.message)
print(numbers() == list(range(1, last + 1)))
"""


def small_disk(folder: Path) -> list[str]:
    """What runs a program with a small disk of its own on `folder`; empty if this machine lets nobody mount."""
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "dragoman", str(folder)]
    if subprocess.run(probe, check=False, stderr=subprocess.DEVNULL).returncode:
        return []
    mount = 'mount -t tmpfs -o size=1m,mode=700 dragoman "$0" && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", mount, str(folder)]


def test_a_full_disk(tmp_path: Path) -> None:
    """What does not fit is undone and said; what was acknowledged can be read."""
    disk = small_disk(tmp_path)
    limit = "" if disk else "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"

    said, whole = program(limit + FILL, tmp_path / "x.db", *disk)

    assert said.startswith("SQLITE_FULL False" if disk else "SQLITE_IOERR")
    assert f"the database '{tmp_path}/x.db' " in said
    assert "True" == whole


def test_a_limit_of_the_process(tmp_path: Path) -> None:
    """A file that may not grow is an error that names the limit, and nothing that was acknowledged is lost."""
    said, whole = program("resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n" + FILL, tmp_path / "x.db")

    assert "look at its disk, and at the limits of this process" in said
    assert "True" == whole


def test_a_file_that_may_not_be_written() -> None:
    """Writing says what to change, and trying again does not help."""
    script = """
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
database = Sqlite(sys.argv[1])
try:
    put(2)
except StoreError as error:
    print(error.code, error.retryable, error.message)
"""
    with tempfile.TemporaryDirectory(prefix="dragoman-drivers-") as folder:
        path = Path(folder, "x.db")
        database = Sqlite(path, schema=THINGS)
        drive(database.run(BLOCKING, putting(1)))
        database.close()
        path.chmod(0o444)
        path.parent.chmod(0o555)
        (said,) = program(script, path)
        path.parent.chmod(0o700)

    assert " False the database" in said.removeprefix("SQLITE_READONLY")
    assert "make the file and its folder writable for this user" in said


def broken(path: Path, kind: str) -> None:
    """Make a file that is damaged in some way."""
    database = Sqlite(path, schema=THINGS)
    for n in range(50):
        drive(database.run(BLOCKING, putting(n, 3000)))
    database.close()
    whole = path.read_bytes()
    damaged = {
        "text": b"this is a letter, not a database\n" * 100,
        "header": b"\xff" * 100 + whole[100:],
        "cut": whole[: len(whole) // 2],
        "pages": whole[:4096] + b"\xa5" * (len(whole) - 4096),
    }
    path.write_bytes(damaged[kind])


@pytest.mark.parametrize(
    ("kind", "code", "advice"),
    [
        pytest.param("text", "SQLITE_NOTADB", "choose another path", id="text"),
        pytest.param("header", "SQLITE_NOTADB", "choose another path", id="header"),
        pytest.param("cut", "SQLITE_CORRUPT", "put a backup in its place", id="cut"),
        pytest.param("pages", "SQLITE_CORRUPT", "put a backup in its place", id="pages"),
    ],
)
def test_a_damaged_file(tmp_path: Path, face: Face, kind: str, code: str, advice: str) -> None:
    """It is named, with what to do; when a backup is put in its place, the same object uses it."""
    path = tmp_path / "x.db"
    broken(path, kind)
    database = Sqlite(path, schema=THINGS)
    with pytest.raises(StoreError, match=advice) as caught:
        face.do(lambda runtime: database.run(runtime, numbers_in, write=False))

    assert (code, False) == (caught.value.code, caught.value.retryable)
    assert str(path) in caught.value.message
    path.unlink()
    assert [] == face.do(lambda runtime: database.run(runtime, numbers_in, write=False))
    database.close()


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    """As one that `mktemp` has made."""
    path = tmp_path / "x.db"
    path.touch()

    assert [] == numbers(path)


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_is_no_path(path: str) -> None:
    """It fails where it is written."""
    with pytest.raises(ConfigError, match="is no path"):
        Sqlite(path)


@pytest.mark.parametrize("where", ["folder", "below-a-file"])
def test_a_path_that_can_be_no_file(tmp_path: Path, face: Face, where: str) -> None:
    """The message names the path and says to choose another."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    path = {"folder": tmp_path / "folder", "below-a-file": tmp_path / "file" / "x.db"}[where]
    with pytest.raises(StoreError, match="choose another path"):
        face.do(lambda runtime: Sqlite(path).run(runtime, numbers_in))


def test_a_process_that_is_killed_inside_a_transaction(tmp_path: Path) -> None:
    """What it had not committed is undone by the next who comes, who need not wait."""
    path = tmp_path / "x.db"
    script = """
put(1)
def work(db):
    putting(2, 2_000_000)(db)
    print("inside", flush=True)
    time.sleep(60)
drive(database.run(BlockingRuntime(), work))
"""
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, path], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "inside\n" == process.stdout.readline()
        process.kill()
    database = Sqlite(path, schema=THINGS)
    drive(database.run(BLOCKING, putting(3), BLOCKING.now() + 5))
    database.close()

    assert [1, 3] == numbers(path)


def test_processes_that_are_killed_at_any_moment(tmp_path: Path) -> None:
    """What a process said to have written is there, in order and whole, whenever it was killed."""
    path = tmp_path / "x.db"
    script = """
n = max(numbers(), default=0)
while True:
    n += 1
    put(n, 5000)
    print(n, flush=True)
"""
    acknowledged = 0
    for pause in (0.0, 0.01, 0.02, 0.03):
        with subprocess.Popen(
            [sys.executable, "-c", PRELUDE + script, path], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(pause)
            process.kill()
            lines = process.stdout.read().splitlines(keepends=True)
            acknowledged = max([acknowledged + 1, *(int(line) for line in lines if line.endswith("\n"))])
        found = numbers(path)
        assert list(range(1, len(found) + 1)) == found
        assert acknowledged <= len(found)
        acknowledged = len(found)


def test_ctrl_c_while_waiting_for_a_lock(tmp_path: Path) -> None:
    """It is heard at once, and the database can be used by whoever handles it."""
    path = tmp_path / "x.db"
    assert [] == numbers(path)
    script = """
print("waiting", flush=True)
try:
    put(1)
except KeyboardInterrupt:
    print("heard", flush=True)
    sys.stdin.readline()
    put(2)
    print(numbers())
"""
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert "waiting\n" == process.stdout.readline()
        time.sleep(0.3)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert "heard\n" == process.stdout.readline()
        assert 2 > time.monotonic() - start
        holder.execute("COMMIT")
        holder.close()
        process.stdin.write("\n")
        process.stdin.flush()
        assert "[2]\n" == process.stdout.readline()


def test_ctrl_c_in_a_long_statement(tmp_path: Path) -> None:
    """A statement with a deadline is interrupted, and comes out as Ctrl-C and not as an error of SQLite."""
    script = """
import threading
endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
threading.Timer(.3, os.kill, [os.getpid(), signal.SIGINT]).start()
until = time.monotonic() + 30
try:
    drive(database.run(BlockingRuntime(), lambda db: (putting(1)(db), db.execute(endless).fetchone()), until))
except KeyboardInterrupt:
    print("heard", time.monotonic() < until - 20, numbers())
"""
    assert ["heard True []"] == program(script, tmp_path / "x.db")


FORK = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
def fork(db):
    putting(1)(db)
    child = os.fork()
    if not child:
        return "child"
    os.waitpid(child, 0)
    return "parent"
try:
    who = drive(database.run(BlockingRuntime(), fork))
except StoreError as error:
    os.write(1, f"{error}\\n".encode())
    os._exit(0)
put(2)
print(numbers())
if not os.fork():
    try:
        put(3)
    finally:
        sys.stdout.flush()
        os._exit(0)
os.wait()
print(numbers())
"""


def test_a_child_that_is_forked_inside_a_transaction(tmp_path: Path) -> None:
    """The transaction is its parent's: the child commits nothing, and a later child works."""
    said, *rows = program(FORK, tmp_path / "x.db")

    assert "its transaction belongs to the parent" in said
    assert ["[1, 2]", "[1, 2, 3]"] == rows


def test_a_child_that_is_forked_inside_a_transaction_is_told(tmp_path: Path) -> None:
    """Its own use of the database is an error that says how to fork."""
    script = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
def fork(db):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        put(1)
    except Exception as error:
        os.write(1, f"{type(error).__name__}: {error}\\n".encode())
    os._exit(0)
drive(database.run(BlockingRuntime(), fork))
print(numbers())
"""
    said, rows = program(script, tmp_path / "x.db")

    assert "StoreError: " in said
    assert "was in use while this process was forked" in said
    assert "[]" == rows
