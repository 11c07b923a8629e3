"""Who is killed in the middle of an `add` leaves whole documents, and the next run finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dragoman.knowledge import KnowledgeBase
from dragoman.testing import Server, embeds
from tests.services import wait_for

FILES = 60
ADD = """
import sys
from dragoman import Client
from dragoman.knowledge import KnowledgeBase
client = Client(providers={"fake": {"base_url": sys.argv[3], "api_key": "any", "quirks": {"embed_limit": 16}}})
with KnowledgeBase("sqlite:///" + sys.argv[1], client=client, embed=sys.argv[4], size=64) as base:
    base.add(sys.argv[2], root=sys.argv[2])
"""


def write(folder: Path) -> None:
    folder.mkdir()
    for number in range(FILES):
        sections = (f"## Part {part}\n\nFact {part} of file {number} is {part * number}." for part in range(12))
        (folder / f"f{number:03}.md").write_text("\n\n".join(sections), "utf-8")


@pytest.mark.parametrize("embed", ["local/hash", "fake/vectors"])
def test_killed_while_adding(tmp_path: Path, embed: str, server: Server):
    """Killed at several moments: every document that is there has all its pieces, words and vectors."""
    folder, path = tmp_path / "docs", tmp_path / "kb.db"
    write(folder)
    server.on("/v1/embeddings", embeds(8))
    command = [sys.executable, "-c", ADD, str(path), str(folder), server.base_url("openai-chat"), embed]
    for delay in (0.0, 0.05, 0.15):
        process = subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"})
        wait_for(lambda: path.exists() or process.poll() is not None, 20)  # noqa: B023 - it is waited for here
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        whole(path)

    subprocess.run(command, check=True)

    with KnowledgeBase(f"sqlite:///{path}") as base:
        assert (FILES, FILES * 12, embed) == (base.stats().documents, base.stats().chunks, base.stats().embed)
        assert "f059.md" == base.search("fact 7 of file 59 is 413", mode="words")[0].source
    whole(path)
    asked = server.calls
    subprocess.run(command, check=True)
    assert asked == server.calls


def whole(path: Path) -> None:
    """Each document of a base has twelve pieces, and every piece a vector."""
    with KnowledgeBase(f"sqlite:///{path}") as base:
        assert {12} >= {document.chunks for document in base.list()}
        for document in base.list():
            name = document.source[1:4].lstrip("0") or "0"
            assert f"file {name} is" in base.text(document.source)
        if base.stats().embed:
            assert len(base.search("fact", 1000, mode="words")) == min(1000, base.stats().chunks)
