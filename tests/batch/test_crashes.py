"""What a batch keeps when its process dies, its disk is full, or its journal is cut."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dragoman import Client, ManifestError
from dragoman.batch.journal import Journal, Kind, journal_of, read_records
from dragoman.testing import Server, echo
from tests.batch.rows import expected, line, texts, write
from tests.house.modules import ROOT

ROWS, KILLS, WINDOW = 3000, 10, 32


def _work(server: Server, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.batch.work", server.base_url(), "in.jsonl", "out.jsonl", *more]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environ = {**os.environ, "PYTHONPATH": paths}
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def test_kill_9_costs_at_most_what_was_under_way(tmp_path: Path) -> None:
    """3,000 rows, killed at ten random instants: one answer for each, in order, and few are paid twice."""
    rng = random.Random(8)
    write(tmp_path / "in.jsonl", (line(number) for number in range(ROWS)))
    with Server(default=echo()) as server:
        for kill in range(KILLS):
            process, goal = _work(server, tmp_path), int(ROWS * (kill + rng.random()) / (KILLS + 1))
            while server.calls < goal and process.poll() is None:
                time.sleep(0.002)
            process.kill()
            _finish(process)
        code, output = _finish(_work(server, tmp_path))
        paid = server.calls

    assert 0 == code, output
    assert expected(ROWS) == texts(tmp_path / "out.jsonl")
    assert ROWS <= paid <= ROWS + WINDOW * KILLS
    keys = [record.key for record in read_records(tmp_path / "out.jsonl.job") if record.kind == Kind.DONE]
    assert ROWS == len(keys) == len(set(keys))


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    """Rows under way end, nothing is paid twice, and the same command goes on."""
    write(tmp_path / "in.jsonl", (line(number) for number in range(ROWS)))
    with Server(default=echo(latency=0.01)) as server:
        process = _work(server, tmp_path)
        while server.calls < 200 and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        code, output = _finish(process)
        assert 130 == code
        assert "stopped cleanly" in output
        assert "run it again to go on" in output
        code, output = _finish(_work(server, tmp_path))

    assert 0 == code
    assert expected(ROWS) == texts(tmp_path / "out.jsonl")
    assert ROWS == server.calls


def test_a_full_disk_stops_the_batch_and_loses_nothing(tmp_path: Path) -> None:
    """When the journal cannot grow, the run ends with an error that says so; with room it goes on."""
    write(tmp_path / "in.jsonl", (line(number) for number in range(500)))
    with Server(default=echo()) as server:
        code, output = _finish(_work(server, tmp_path, "100000"))
        assert 3 == code
        assert "no room left" in output
        kept = [record for record in read_records(tmp_path / "out.jsonl.job") if record.kind == Kind.DONE]
        assert (tmp_path / "out.jsonl.job").stat().st_size <= 100_000
        before = server.calls
        code, output = _finish(_work(server, tmp_path))

    assert 0 == code, output
    assert 500 - len(kept) == server.calls - before
    assert before - len(kept) <= WINDOW
    assert expected(500) == texts(tmp_path / "out.jsonl")


def test_no_room_for_the_output_is_an_error_and_nothing_is_lost(tmp_path: Path) -> None:
    """The journal is whole when the output cannot be written; making it again costs nothing."""
    write(tmp_path / "in.jsonl", [line(0), line(1)])
    (tmp_path / "out.jsonl.part").mkdir()
    with Server(default=echo()) as server:
        code, output = _finish(_work(server, tmp_path))
        assert (3, 2) == (code, server.calls)
        (tmp_path / "out.jsonl.part").rmdir()
        code, output = _finish(_work(server, tmp_path))
        assert (0, 2) == (code, server.calls), output


def test_a_journal_may_be_cut_anywhere_in_its_last_record(tmp_path: Path) -> None:
    """Whatever is left of the last record is recognised and cut off; all before it counts."""
    path = tmp_path / "journal"
    journal = Journal(path)
    assert [] == list(journal.records())
    journal.append(Kind.DONE, 0, b"a" * 16, b"first\n")
    whole = journal.end
    journal.append(Kind.DONE, 1, b"b" * 16, b"second, longer\n")
    journal.close()
    data = path.read_bytes()

    for cut in range(whole, len(data)):
        path.write_bytes(data[:cut])
        assert [b"first\n"] == [record.payload for record in read_records(path)]
        journal = Journal(path)
        assert [b"first\n"] == [record.payload for record in journal.records()]
        assert whole == journal.end == path.stat().st_size
        at = journal.append(Kind.DONE, 2, b"c" * 16, b"third\n")
        assert b"third\n" == journal.read(at).payload
        journal.close()
        assert [b"first\n", b"third\n"] == [record.payload for record in read_records(path)]


def test_a_tail_without_its_bytes_is_cut_off(tmp_path: Path) -> None:
    """A power cut may leave zeros where the last records were."""
    path = tmp_path / "journal"
    journal = Journal(path)
    list(journal.records())
    journal.append(Kind.DONE, 0, b"a" * 16, b"first\n")
    journal.close()
    path.write_bytes(path.read_bytes() + bytes(5000))

    journal = Journal(path)
    assert [b"first\n"] == [record.payload for record in journal.records()]
    journal.close()


def test_damage_before_the_end_is_an_error(tmp_path: Path) -> None:
    """Any byte that is changed in the middle is noticed, and what follows it is not thrown away."""
    path = tmp_path / "journal"
    journal = Journal(path)
    list(journal.records())
    start = journal.end
    for number in range(3):
        journal.append(Kind.DONE, number, bytes([number]) * 16, b"payload of a row\n")
    journal.close()
    data = path.read_bytes()

    for at in range(start, len(data) - (len(data) - start) // 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        with pytest.raises(ManifestError, match="damaged"):
            list(read_records(path))


@pytest.mark.parametrize("content", [b"something else\n", b'{"custom_id": "a"}\n'])
def test_another_file_is_no_journal(tmp_path: Path, client: Client, content: bytes) -> None:
    """A file that is there under the journal's name is left alone."""
    journal_of(tmp_path / "out.jsonl").write_bytes(content)

    with pytest.raises(ManifestError, match="no journal"):
        client.batch(["a"], tmp_path / "out.jsonl", model="fake/m")
    assert content == journal_of(tmp_path / "out.jsonl").read_bytes()


def test_a_folder_that_is_not_there(client: Client, tmp_path: Path) -> None:
    """The output's folder must be there; nothing is sent."""
    from dragoman import BatchError

    with pytest.raises(BatchError, match="cannot write"):
        client.batch(["a"], tmp_path / "none" / "out.jsonl", model="fake/m")
