"""`dragoman metrics`: what the processes of this machine have counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from dragoman.observe.names import METRICS
from tests.cli.program import Program

_COUNT = """
from dragoman import Client
from dragoman.observe import Prometheus

Client(observe=[Prometheus()]).chat("sim/echo", "Hello")
"""


@pytest.fixture
def counted(tmp_path: Path) -> Path:
    """A directory in which a process that is gone has counted one call."""
    directory = tmp_path / "metrics"
    directory.mkdir()
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)}
    subprocess.run([sys.executable, "-c", _COUNT], env=environ, check=True, timeout=60)
    return directory


def test_they_are_printed(dragoman: Program, counted: Path) -> None:
    """By --dir or by the variable that the processes were started with."""
    shown = dragoman("metrics", "--dir", str(counted))
    again = dragoman("metrics", PROMETHEUS_MULTIPROC_DIR=str(counted))

    assert 0 == shown.code
    assert 'openai_calls_total{model="echo",status="ok"} 1.0' in shown.out.splitlines()
    assert sorted(shown.out.splitlines()) == sorted(again.out.splitlines())


def test_they_are_served(dragoman: Program, counted: Path) -> None:
    """The address is printed, and SIGTERM ends it well."""
    process = dragoman.start("metrics", "--dir", str(counted), "--port", "0")
    assert process.stdout is not None
    with urlopen(process.stdout.readline().decode().strip(), timeout=10) as answer:
        served = answer.read()
    process.terminate()
    process.communicate(timeout=10)

    assert b'openai_calls_total{model="echo",status="ok"} 1.0' in served
    assert 0 == process.returncode


def test_the_list_says_what_there_is(dragoman: Program) -> None:
    """Every family with its meaning, also as JSON."""
    listed = json.loads(dragoman("metrics", "--list", "--json").out)

    assert [metric.name for metric in METRICS] == [one["name"] for one in listed]
    assert "openai_calls_total" in dragoman("metrics", "--list").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((), "PROMETHEUS_MULTIPROC_DIR", id="nothing"),
        pytest.param(("--dir", "/no/such/folder"), "is no directory: /no/such/folder", id="no-folder"),
    ],
)
def test_without_a_directory_it_says_what_to_do(dragoman: Program, arguments: tuple[str, ...], says: str) -> None:
    """The variable is named."""
    result = dragoman("metrics", *arguments)

    assert (2, "") == (result.code, result.out)
    assert says in result.err
