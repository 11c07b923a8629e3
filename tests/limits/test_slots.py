"""Bytes that processes of one host share: whatever happens to a writer, a reader finds what was written whole."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.limits.slots import SIZE, SLOT, SlotFile


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the file is."""
    return str(tmp_path / "limit")


@pytest.fixture
def file(path: str) -> Iterator[SlotFile]:
    """A file that is open and locked."""
    opened = SlotFile(path)
    assert opened.lock(1.0)
    yield opened
    opened.close()


def test_what_was_written_is_read(file: SlotFile, path: str) -> None:
    """The newest write is found, by this opening and by another; before the first there is nothing."""
    assert (0, b"") == file.read()
    for number in range(1, 6):
        file.write(b"state %d" % number, number)
        assert (number, b"state %d" % number) == file.read()
        assert number == file.sequence
    other = SlotFile(path)
    assert (5, b"state 5") == other.read()
    other.close()


def test_the_file_is_this_users_alone(file: SlotFile, path: str) -> None:
    """Nobody else may read it, and it has its full size on the disk, so that a full disk is noticed at once."""
    found = os.stat(path)
    assert (0o600, SIZE) == (stat.S_IMODE(found.st_mode), found.st_size)
    assert found.st_blocks * 512 >= SIZE


@pytest.mark.parametrize("at", [0, 7, 8, 12, 16, 20])
def test_a_torn_record_is_not_read(file: SlotFile, path: str, at: int) -> None:
    """Whatever byte of the newest write is wrong, the one before it is found, and the next is written over the torn."""
    file.write(b"old state", 1)
    file.write(b"new state", 2)
    data = bytearray(Path(path).read_bytes())
    data[at] ^= 0xFF  # the even numbers are in the first slot
    Path(path).write_bytes(data)

    assert (1, b"old state") == file.read()
    file.write(b"newer state", 2)
    assert (2, b"newer state") == file.read()


def test_a_length_beyond_the_slot_is_not_read(file: SlotFile, path: str) -> None:
    """A head that would have us read elsewhere is no head."""
    data = bytearray(Path(path).read_bytes())
    data[8:12] = (SLOT * 3).to_bytes(4, "little")
    data[0:8] = (9).to_bytes(8, "little")
    Path(path).write_bytes(data)
    assert (0, b"") == file.read()


def test_a_writer_killed_at_any_moment_leaves_a_whole_state(path: str) -> None:
    """Thirty writers are killed while they write as fast as they can; what is found is always whole, and goes on."""
    script = (
        "import sys; from dragoman.limits.slots import SlotFile\n"
        "file = SlotFile(sys.argv[1])\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    assert file.lock(5.0)\n"
        "    number, _ = file.read()\n"
        "    file.write(bytes([(number + 1) % 256]) * 9000, number + 1)\n"
        "    file.unlock()\n"
    )
    last, file = 0, SlotFile(path)
    for _ in range(10):
        writers = [
            subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert b"go" in writer.stdout.readline()
        for writer in writers:
            time.sleep(0.003)
            writer.kill()
            writer.communicate()
        assert file.lock(1.0)  # the kernel drops what a dead process held
        number, data = file.read()
        file.unlock()
        assert bytes([number % 256]) * 9000 == data
        assert number > last
        last = number
    file.close()


def test_a_lock_that_is_not_to_be_had_is_not_waited_for(file: SlotFile, path: str) -> None:
    """A process that is stopped while it has the lock keeps it; the others are told so in time."""
    other = SlotFile(path)
    since = time.monotonic()
    assert not other.lock(0.05)
    assert 0.05 <= time.monotonic() - since < 1.0
    file.unlock()
    assert other.lock(1.0)
    other.close()


def test_a_killed_process_keeps_no_lock(path: str) -> None:
    """Not even if it was stopped before."""
    script = (
        "import sys, os, signal; from dragoman.limits.slots import SlotFile\n"
        "assert SlotFile(sys.argv[1]).lock(5.0)\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, path])
    _, status = os.waitpid(holder.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    file = SlotFile(path)
    assert not file.lock(0.01)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert file.lock(1.0)
    file.close()


def test_a_child_does_not_drop_its_parents_lock(file: SlotFile, path: str) -> None:
    """After a fork both have the same description: what the child closes, the parent still holds."""
    child = os.fork()
    if not child:
        file.close()
        again = SlotFile(path)
        os._exit(0 if not again.lock(0.05) else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    other = SlotFile(path)
    assert not other.lock(0.0)
    other.close()


def test_a_file_that_was_removed_is_made_again(path: str) -> None:
    """Who had it open finds the new one, so that all share the same again."""
    one = SlotFile(path)
    assert one.lock(1.0)
    one.write(b"state", 1)
    one.unlock()
    os.unlink(path)
    two = SlotFile(path)
    assert one.lock(1.0)
    assert (2, (0, b"")) == (one.opened, one.read())
    one.write(b"new", 1)
    one.unlock()
    assert (1, b"new") == two.read()
    one.close()
    two.close()


def test_a_file_that_was_cut_is_whole_again(path: str) -> None:
    """A cut file is filled up before it is mapped: what lies beyond its end would end the process."""
    one = SlotFile(path)
    assert one.lock(1.0)
    one.write(b"state", 1)
    one.unlock()
    os.truncate(path, 100)
    assert one.lock(1.0)
    assert SIZE == os.stat(path).st_size
    assert (0, b"") == one.read()
    one.close()


def test_an_empty_file_is_nothing(path: str) -> None:
    """What another has made and not yet filled is filled."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    file = SlotFile(path)
    assert (0, b"") == file.read()
    file.close()


def test_a_file_that_others_may_read_is_refused(path: str) -> None:
    """It is not known who has written it; the error says which, and what to do."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    os.chmod(path, 0o644)
    with pytest.raises(ConfigError, match="mode 0600") as caught:
        SlotFile(path)
    assert path in caught.value.message


def test_a_link_is_not_followed(path: str, tmp_path: Path) -> None:
    """Somebody may have laid it there."""
    os.symlink(tmp_path / "elsewhere", path)
    with pytest.raises(ConfigError, match="cannot open"):
        SlotFile(path)


def test_a_directory_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    """The text of the system is in it."""
    with pytest.raises(ConfigError, match="No such file"):
        SlotFile(str(tmp_path / "gone" / "limit"))
