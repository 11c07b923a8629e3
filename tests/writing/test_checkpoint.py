"""A run that was killed goes on with the same call, and what is in its file can be trusted."""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import AsyncClient, Client, ConfigError, DragomanError, Message, StoreError, TruncatedError
from dragoman.testing import Server, calls, says
from dragoman.types.fold import fold
from dragoman.writing.asking import Turn
from dragoman.writing.draft import Draft, RoundRecord, TextRecord
from tests.house.modules import ROOT
from tests.writing.test_write import row
from tests.writing.texts import MARKDOWN, Author, tokens

POINTS = 20


def worker(server: Server, checkpoint: Path, face: str = "blocking", outline: str = "") -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.writing.worker", server.base_url(), "openai-chat", str(checkpoint), face]
    return subprocess.Popen([*command, outline], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def killed(process: subprocess.Popen[bytes], server: Server, after: int) -> None:
    """Kill a worker some time after its first request; `after` counts milliseconds."""
    until = time.monotonic() + 30
    while not server.calls and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    time.sleep(after / 1000)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize("face", ["blocking", "async"])
def test_a_killed_run_goes_on(tmp_path: Path, face: str) -> None:
    """Killed at ten points each, in the middle of words and between rounds: the text is the same in the end."""
    author = Author(MARKDOWN, per=45, pace=0.004)
    chance = random.Random(face)
    checkpoint = tmp_path / "text.jsonl"
    for _ in range(POINTS // 2):
        with Server(default=author.step) as server:
            killed(worker(server, checkpoint, face), server, chance.randrange(150))
    with Server(default=author.step) as server:
        text, errors = worker(server, checkpoint, face).communicate(timeout=60)

    assert (MARKDOWN, b"") == (text.decode(), errors)


@pytest.mark.parametrize("at", range(0, 260, 13))
def test_a_text_goes_on_from_wherever_it_was_left(tmp_path: Path, at: int) -> None:
    """Left after so many characters of the stream: the rest is asked for, and the text is the same."""
    checkpoint = tmp_path / "text.jsonl"
    with Server(default=Author(MARKDOWN, per=45).step) as server, Client(providers=row(server)) as client:
        with client.write_stream("x/m", "Write it.", checkpoint=checkpoint) as stream:
            read = ""
            for piece in stream.text:
                read += piece
                if len(read) >= at:
                    break
        with client.write_stream("x/m", "Write it.", checkpoint=checkpoint) as stream:
            again = "".join(stream.text)

    assert (MARKDOWN, MARKDOWN) == (again, stream.response.text)


@pytest.mark.parametrize("per", [20, 45])
@pytest.mark.parametrize("step", [40, 60, 100, 130, 160, 200, 333])
def test_a_text_goes_on_however_often_it_was_left(tmp_path: Path, step: int, per: int) -> None:
    """Left again and again, in the middle of rounds and with rounds between: the model is shown all of its words."""
    checkpoint = tmp_path / "text.jsonl"
    read = ""
    with Server(default=Author(MARKDOWN, per=per).step) as server, Client(providers=row(server)) as client:
        for goal in range(step, len(MARKDOWN) + step + 1, step):
            read = ""
            with client.write_stream("x/m", "Write it.", checkpoint=checkpoint) as stream:
                for piece in stream.text:
                    read += piece
                    if len(read) >= goal:
                        break

    assert (MARKDOWN, MARKDOWN) == (read, stream.response.text)


@given(st.lists(st.tuples(st.booleans(), st.text("ab \n", min_size=1, max_size=5)), max_size=12))
def test_all_that_was_written_is_sent_back(pieces: list[tuple[bool, str]]) -> None:
    """However rounds that ended and rounds that were cut follow one another, their words are the text."""
    written, records, at = "", list[TextRecord | RoundRecord](), 0
    for ended, text in pieces:
        at, written = len(written), written + text
        records.append(TextRecord(text))
        if ended:
            turn = Turn(Message.assistant(text))
            records.append(RoundRecord(fold(()), turn, len(written), start=at))
    draft = Draft()
    draft.resume(records)

    assert written == draft.text == "".join(turn.message.text for turn in draft.turns)
    assert draft.cut == any(not ended for ended, _ in pieces)


def test_what_was_finished_is_not_asked_again(tmp_path: Path) -> None:
    """The same call gives the same answer, from the file."""
    checkpoint = tmp_path / "text.jsonl"
    with Server(default=Author(MARKDOWN, per=90).step) as server, Client(providers=row(server)) as client:
        first = client.write("x/m", "Write it.", checkpoint=checkpoint)
        asked = server.calls
        second = client.write("x/m", "Write it.", checkpoint=checkpoint)

    assert asked == server.calls
    assert (first.text, first.usage, first.attempts) == (second.text, second.usage, second.attempts)


def test_a_limit_may_be_raised(tmp_path: Path) -> None:
    """How far to go is no part of the question: the same call with more rounds goes on."""
    checkpoint = tmp_path / "text.jsonl"
    with Server(default=Author(MARKDOWN, per=90).step) as server, Client(providers=row(server)) as client:
        with pytest.raises(TruncatedError):
            client.write("x/m", "Write it.", checkpoint=checkpoint, max_rounds=1)
        answer = client.write("x/m", "Write it.", checkpoint=checkpoint, max_rounds=9, timeout=60)

    assert MARKDOWN == answer.text
    assert -(-len(tokens(MARKDOWN)) // 90) == server.calls == len(answer.attempts)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"messages": "Write another."}, "messages"),
        ({"model": "x/other"}, "model"),
        ({"temperature": 0.5}, "temperature"),
        ({"format": "code"}, "format"),
    ],
)
def test_another_question_does_not_go_on_with_it(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    """The error names what is different, and neither file nor provider is touched."""
    checkpoint = tmp_path / "text.jsonl"
    with Server(default=Author(MARKDOWN, per=90).step) as server, Client(providers=row(server)) as client:
        with pytest.raises(TruncatedError):
            client.write("x/m", "Write it.", checkpoint=checkpoint, max_rounds=1)
        before = checkpoint.read_bytes()
        with pytest.raises(ConfigError, match=named) as caught:
            client.write(**({"model": "x/m", "messages": "Write it.", "checkpoint": checkpoint} | change))

    assert ("checkpoint", before, 1) == (caught.value.field, checkpoint.read_bytes(), server.calls)


def _written(tmp_path: Path) -> tuple[Path, bytes]:
    checkpoint = tmp_path / "text.jsonl"
    with (
        Server(default=Author(MARKDOWN, per=45).step) as server,
        Client(providers=row(server)) as client,
        pytest.raises(TruncatedError),
    ):
        client.write("x/m", "Write it.", checkpoint=checkpoint, max_rounds=3)
    return checkpoint, checkpoint.read_bytes()


def test_a_torn_line_is_taken_away(tmp_path: Path) -> None:
    """Cut at any byte of its last lines, the file is gone on with from the last whole one."""
    checkpoint, data = _written(tmp_path)
    with Server(default=Author(MARKDOWN, per=45).step) as server, Client(providers=row(server)) as client:
        for cut in range(1, len(data), max(1, len(data) // 23)):
            checkpoint.write_bytes(data[:cut])
            assert MARKDOWN == client.write("x/m", "Write it.", checkpoint=checkpoint).text


@pytest.mark.parametrize("data", [b"Dear diary,\nnothing.\n", b"{}\n{}\n", b"\x00" * 40, b'{"kind":"start"}\n{}\n'])
def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path: Path, data: bytes) -> None:
    """It is told, and stays as it is."""
    checkpoint = tmp_path / "diary.txt"
    checkpoint.write_bytes(data)
    with Server() as server, Client(providers=row(server)) as client, pytest.raises(ConfigError) as caught:
        client.write("x/m", "Write it.", checkpoint=checkpoint)

    assert ("checkpoint", data) == (caught.value.field, checkpoint.read_bytes())


def test_a_damaged_line_in_the_middle_is_told(tmp_path: Path) -> None:
    """What cannot be read is not skipped."""
    checkpoint, data = _written(tmp_path)
    lines = data.splitlines(keepends=True)
    checkpoint.write_bytes(b"".join([lines[0], lines[1][:-9] + b"\n", *lines[2:]]))
    with Server() as server, Client(providers=row(server)) as client, pytest.raises(ConfigError, match="line 2"):
        client.write("x/m", "Write it.", checkpoint=checkpoint)


def test_an_empty_file_is_a_new_one(tmp_path: Path) -> None:
    """A file that was made beforehand is taken."""
    checkpoint = tmp_path / "empty"
    checkpoint.touch()
    with Server(default=says("Done.")) as server, Client(providers=row(server)) as client:
        assert "Done." == client.write("x/m", "Write it.", checkpoint=checkpoint).text


def test_only_its_owner_reads_it_and_no_key_is_in_it(tmp_path: Path) -> None:
    """Mode 0600; neither the question nor the key stands there, and every line is JSON."""
    checkpoint = tmp_path / "text.jsonl"
    key = "sk-canary-0123456789abcdef"
    with Server(default=Author(MARKDOWN, per=90).step) as server:
        named = {"x": {"base_url": server.base_url(), "wire": "openai-chat", "api_key": key}}
        with Client(providers=named) as client:
            client.write("x/m", "Write of Rumpelstiltskin.", checkpoint=checkpoint)

    data = checkpoint.read_text("utf-8")
    assert 0o600 == stat.S_IMODE(checkpoint.stat().st_mode)
    assert key not in data
    assert "Rumpelstiltskin" not in data
    kinds = [json.loads(line)["kind"] for line in data.splitlines()]
    assert ("start", "done") == (kinds[0], kinds[-1])
    assert {"text", "round"} == {*kinds[1:-1]}


def test_two_runs_do_not_share_a_file(tmp_path: Path) -> None:
    """The second one is told; the first goes on."""
    checkpoint = tmp_path / "text.jsonl"
    with (
        Server(default=Author(MARKDOWN, per=90).step) as server,
        Client(providers=row(server)) as client,
        client.write_stream("x/m", "Write it.", checkpoint=checkpoint) as stream,
    ):
        next(stream.text)
        with pytest.raises(ConfigError, match="in use"):
            client.write("x/m", "Write it.", checkpoint=checkpoint)
        assert MARKDOWN == stream.drain().text


def test_a_full_disk_stops_it_with_what_was_written(tmp_path: Path) -> None:
    """When a write fails the text stops; the error has its words, and the file what was written before."""
    checkpoint = tmp_path / "text.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Server(default=Author(MARKDOWN, per=45).step) as server, Client(providers=row(server)) as client:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2500, hard))
        try:
            with pytest.raises(StoreError) as caught:
                client.write("x/m", "Write it.", checkpoint=checkpoint)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        kept = [json.loads(line) for line in checkpoint.read_bytes().splitlines()]
        answer = client.write("x/m", "Write it.", checkpoint=checkpoint)

    assert caught.value.partial is not None
    assert "checkpoint" == caught.value.field
    assert MARKDOWN.startswith("".join(line["text"] for line in kept if line["kind"] == "text"))
    assert caught.value.partial.text.startswith("# Guide")
    assert MARKDOWN == answer.text


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null", "/"])
def test_what_is_no_file_is_told(path: str) -> None:
    """A device or a folder cannot keep anything."""
    with Server() as server, Client(providers=row(server)) as client, pytest.raises(ConfigError) as caught:
        client.write("x/m", "Write it.", checkpoint=path)
    assert ("checkpoint", 0) == (caught.value.field, server.calls)


async def _left(client: AsyncClient, checkpoint: Path) -> None:
    async with client.write_stream("x/m", "Write it.", checkpoint=checkpoint) as stream:
        async for _ in stream.text:
            return


def test_files_are_closed(tmp_path: Path) -> None:
    """However a text ends, no file stays open."""

    async def several() -> None:
        async with AsyncClient(providers=row(server)) as client:
            for number in range(5):
                await _left(client, tmp_path / f"{number}.jsonl")
                with pytest.raises(DragomanError):
                    await client.write("x/m", "Write it.", checkpoint=tmp_path / f"{number}.jsonl", max_rounds=1)

    with Server(default=calls(Author(MARKDOWN, per=45).answer)) as server:
        asyncio.run(several())
        held = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_link(name)]
    assert [] == [name for name in held if str(tmp_path) in name]


def _is_link(name: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{name}")
