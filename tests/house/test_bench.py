"""The benchmarks measure what they say, and the README shows what they found."""

from __future__ import annotations

import runpy
import subprocess
import sys

import pytest

from dragoman import TextDelta, wire
from tests.house.modules import ROOT

SERVERS = runpy.run_path(str(ROOT / "bench" / "servers.py"))


def body(answer: bytes) -> bytes:
    """The body of a canned answer, out of its chunks."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        return rest
    pieces: list[bytes] = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        pieces.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return b"".join(pieces)


@pytest.mark.parametrize(("name", "dialect"), [("openai", "openai-chat"), ("anthropic", "anthropic-messages")])
def test_the_canned_answers_are_whole(name, dialect):
    """What every peer is measured with is a complete answer of its dialect, with the words it should have."""
    plain = wire.get(dialect).decode_response(200, {}, body(SERVERS[f"{name}_plain"]()))
    decoder = wire.get(dialect).decoder()
    events = decoder.feed(body(SERVERS[f"{name}_stream"]())) + decoder.close()

    assert "".join(SERVERS["WORDS"][:100]) == plain.text
    assert SERVERS["WORDS"] == [event.text for event in events if isinstance(event, TextDelta)]


def test_the_readme_shows_the_newest_results():
    """The table between the markers is the one that the results give."""
    command = [sys.executable, str(ROOT / "bench" / "table.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr), done.stderr
