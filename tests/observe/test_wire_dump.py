"""`DRAGOMAN_WIRE`: what goes over the wire, written down, and no credential with it."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from dragoman import ConfigError, DragomanError
from dragoman.errors import StreamInterrupted
from dragoman.redact import register
from dragoman.runtime import drive
from dragoman.testing import Server, raw, says
from dragoman.testing.faults import fault
from dragoman.transport.dump import LONGEST, VARIABLE, Dump, dumped
from dragoman.types.http import HttpRequest

MODEL = "openai/gpt-5.6-luna"
KEY = "wiredump-canary-key-0001"


class Exchange:
    """An answer of given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.status = 200
        self.headers = {"content-type": "text/event-stream", "x-echo": f"key {KEY}"}
        self._pieces = list(pieces)

    async def read(self, until: float | None) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def release(self) -> None: ...

    def abort(self) -> None: ...


class Given:
    """A transport whose answer is given."""

    def __init__(self, *pieces: bytes) -> None:
        self._exchange = Exchange(*pieces)

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> Exchange:
        return self._exchange

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


def dump(*pieces: bytes, body: bytes = b"") -> tuple[bytes, list[str]]:
    """What is read through a dump, and the lines that it wrote."""
    register(KEY)
    lines: list[str] = []
    headers = {"authorization": f"Bearer {KEY}", "x-own": "seen"}
    request = HttpRequest(url=f"http://127.0.0.1/v1?key={KEY}", headers=headers, body=body)

    async def read() -> bytes:
        exchange = await Dump(Given(*pieces), lines.append).open(request, connect_until=None, until=None)
        got = b""
        while piece := await exchange.read(None):
            got += piece
        exchange.release()
        return got

    return drive(read()), lines


@pytest.fixture
def wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that DRAGOMAN_WIRE names."""
    path = tmp_path / "wire.log"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_a_call_is_written_down(make_face: Any, server: Server, wire: Path, streamed: bool) -> None:
    """Request line, headers with masks, body; status, headers and body of the answer."""
    server.script(says("one two three"))
    face = make_face()
    (face.events if streamed else face.chat)(MODEL, "Hi there")
    text = wire.read_text("utf-8")

    assert f"#1 > POST {server.base_url()}/chat/completions" in text.replace(_number(text), "#1")
    assert "> authorization: [redacted]" in text
    assert '"content":"Hi there"' in text
    assert "< 200" in text
    assert "< content-type: " in text
    assert ("< data: [DONE]" if streamed else '"content":"one two three"') in text
    assert "test-key-0001" not in text
    assert 0o600 == stat.S_IMODE(wire.stat().st_mode)


def _number(text: str) -> str:
    return next(word for word in text.split() if word.startswith("#"))


def test_what_fails_is_written_down(make_face: Any, server: Server, wire: Path) -> None:
    """How an answer ended is a line, too: by itself, by a broken connection, or because its reader left."""
    server.script(says("one"), fault("reset_in_text"), says(" ".join("word" for _ in range(50)), pace=0.01))
    face = make_face()
    face.events(MODEL, "Hi")
    with pytest.raises(StreamInterrupted):
        face.events(MODEL, "Hi")
    face.leave(MODEL, "Hi", after=1)
    ends = [line.split(" ! ")[1] for line in wire.read_text("utf-8").splitlines() if " ! " in line]

    assert 3 == len(ends)
    assert ends[0] in ("the end", "done with it")
    assert ends[1].startswith("Disconnected: ")
    assert "left" == ends[2]


def test_an_echoed_key_is_masked(make_face: Any, server: Server, wire: Path) -> None:
    """A server that repeats the key in header and body does not bring it into the file."""
    server.script(
        raw(b'{"error": {"message": "bad key test-key-0001"}}', status=401, headers={"x-echo": "test-key-0001"})
    )
    with pytest.raises(DragomanError):
        make_face().chat(MODEL, "Hi")

    assert "bad key [redacted]" in wire.read_text("utf-8")
    assert "test-key-0001" not in wire.read_text("utf-8")


@pytest.mark.parametrize("size", [1, 2, 7, 24, 100])
def test_a_key_is_masked_however_it_is_cut(size: int) -> None:
    """The bytes come through unchanged; the lines show no key, wherever the pieces end."""
    data = f'data: {{"text": "{KEY} and {KEY}"}}\r\n\r\ndata: [DONE]\r\n\r\n'.encode()
    got, lines = dump(*(data[at : at + size] for at in range(0, len(data), size)), body=f"ask {KEY}".encode())

    assert data == got
    assert KEY not in "".join(lines)
    assert any("data: [DONE]" in line for line in lines)
    assert any("x-own: seen" in line for line in lines)


@pytest.mark.parametrize("before", [LONGEST - 4200, LONGEST - 4096, LONGEST - 10, LONGEST, 2 * LONGEST])
def test_a_key_in_a_line_without_end_is_masked(before: int) -> None:
    """A line that is longer than what is kept is written in parts, and no key falls between two of them."""
    data = b"x" * before + KEY.encode() + b"y" * (LONGEST + 10)
    got, lines = dump(*(data[at : at + 1000] for at in range(0, len(data), 1000)))

    assert data == got
    assert KEY not in "".join(lines)
    written = "".join(line.partition(" < ")[2].rstrip("\n") for line in lines if " < x" in line or " < y" in line)
    assert not any(KEY[:at] in written and KEY[at:] in written for at in (8, 12, 16))


def test_a_body_is_shown_up_to_a_size() -> None:
    """Of three megabytes one is shown, and how much there is besides."""
    data = (b"z" * 999 + b"\n") * 3000
    got, lines = dump(*(data[at : at + 65536] for at in range(0, len(data), 65536)))

    assert data == got
    assert sum(map(len, lines)) < 1_300_000
    assert any(f"... {len(data) - 1024 * 1024} bytes more" in line for line in lines)


def test_letters_cut_in_two_are_whole_again() -> None:
    """A character whose bytes come apart is shown as one."""
    data = 'data: "世界"\n'.encode()
    _, lines = dump(*(data[at : at + 1] for at in range(len(data))))

    assert any('data: "世界"' in line for line in lines)


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_without_the_variable_nothing_is_between(value: str) -> None:
    """The transport is the very same."""
    given = Given()

    assert given is dumped(given, {VARIABLE: value})


def test_one_means_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """DRAGOMAN_WIRE=1 writes there."""
    transport = dumped(Given(b"data: hello\n"), {VARIABLE: "1"})
    request = HttpRequest(url="http://127.0.0.1/v1", headers={})

    async def read() -> None:
        exchange = await transport.open(request, connect_until=None, until=None)
        await exchange.read(None)

    drive(read())
    asyncio.run(transport.aclose())

    assert "< data: hello" in capfd.readouterr().err


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """It is said when the transport is made, with the variable's name."""
    with pytest.raises(ConfigError) as caught:
        dumped(Given(), {VARIABLE: str(tmp_path / "no" / "such" / "folder")})

    assert VARIABLE == caught.value.field


def test_a_full_disk_breaks_no_call(make_face: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written any more the call goes on."""
    assert os.path.exists("/dev/full")
    monkeypatch.setenv(VARIABLE, "/dev/full")
    server.script(says("hello"))

    assert "hello" == make_face().chat(MODEL, "Hi").text
