"""Providers whose lists of batches are behind: nothing is handed in twice, all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from dragoman import Client
from dragoman.testing.batches import BatchServer
from dragoman.testing.batches.bedrock import Bedrock
from dragoman.testing.batches.gemini import Gemini
from dragoman.testing.batches.mistral import Mistral
from dragoman.testing.batches.openai import OpenAI
from dragoman.testing.batches.server import Seen
from tests.batch.rows import expected, line, texts, write
from tests.batch.service.work import providers


class Small(Bedrock):
    """It takes small jobs, too."""

    min_records = 1


APIS = [
    pytest.param(OpenAI, "openai", "/batches", id="openai"),
    pytest.param(Mistral, "mistral", "/batch/jobs", id="mistral"),
    pytest.param(Gemini, "gemini", ":batchGenerateContent", id="gemini"),
    pytest.param(Small, "bedrock", "/model-invocation-job", id="bedrock"),
]


class Cut:
    """Breaks the connection after the first create: nobody knows whether it was done."""

    def __init__(self, ending: str, process: list[subprocess.Popen[str]] | None = None) -> None:
        self.ending, self.process, self.done = ending, process, False

    def __call__(self, moment: Literal["before", "after"], seen: Seen) -> Any:
        if self.done or moment == "before" or seen.method != "POST" or not seen.path.endswith(self.ending):
            return None
        self.done = True
        if self.process:
            self.process[0].send_signal(signal.SIGKILL)
            self.process[0].wait()
        return "cut"


@pytest.mark.parametrize(("api", "name", "ending"), APIS)
def test_a_list_that_is_behind_is_looked_at_again(tmp_path: Path, api: Any, name: str, ending: str) -> None:
    """The answer to a create is lost, and the list shows the batch a second later: it is adopted then."""
    source = write(tmp_path / "in.jsonl", (line(number, model=f"{name}/m") for number in range(3)))
    with BatchServer(api, hook=Cut(ending), lag=1.0) as server, Client(providers=providers(name, server.url)) as client:
        report = client.batch(source, tmp_path / "out.jsonl", mode="provider", poll=0.5).report
        made = len(server.batches)

    assert (3, 0, 1) == (report.done, report.failed, made)
    assert expected(3) == texts(tmp_path / "out.jsonl")


def test_after_a_crash_too(tmp_path: Path) -> None:
    """kill -9 right after the create, and the same batch again while the list does not show it."""
    source = write(tmp_path / "in.jsonl", (line(number, model="openai/m") for number in range(3)))
    process: list[subprocess.Popen[str]] = []
    with BatchServer(OpenAI, hook=Cut("/batches", process), lag=2.0) as server:
        command = [sys.executable, "-m", "tests.batch.service.work", "openai", server.url, str(source)]
        process.append(subprocess.Popen([*command, str(tmp_path / "out.jsonl")], stdout=subprocess.DEVNULL, text=True))
        assert -signal.SIGKILL == process[0].wait(60)
        assert 1 == len(server.batches)
        with Client(providers=providers("openai", server.url)) as client:
            report = client.resume_batch(tmp_path / "out.jsonl", poll=0.5).report
        made = len(server.batches)

    assert (3, 0, 1) == (report.done, report.failed, made)


def test_what_is_never_shown_is_handed_in_again(tmp_path: Path) -> None:
    """The wait has an end: a create that was lost on its way is done again."""
    source = write(tmp_path / "in.jsonl", (line(number, model="openai/m") for number in range(3)))

    class Lost(Cut):
        def __call__(self, moment: Literal["before", "after"], seen: Seen) -> Any:
            return super().__call__("after", seen) if moment == "before" else None

    with BatchServer(OpenAI, hook=Lost("/batches")) as server, Client(providers=providers("openai", server.url)) as one:
        report = one.batch(source, tmp_path / "out.jsonl", mode="provider", poll=0.05).report
        made = len(server.batches)

    assert (3, 1) == (report.done, made)
