"""Stores that other packages bring by an entry point of the group `dragoman.stores`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_PACKAGE = """
from dragoman.conversation.sqlite.store import SqliteStore

def open_store(url):
    return SqliteStore("sqlite:///" + url.partition("://")[2] + "/kept.db")

number = 5
"""
_TALK = """
from dragoman import Client
with Client() as client:
    talk = client.conversation("trip", model="sim/echo", store="acme+folder://.")
    talk.say("Rome")
    print([message.text for message in talk.history])
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder as pip leaves it, with a package that brings stores."""
    (tmp_path / "acme_stores.py").write_text(_PACKAGE)
    info = tmp_path / "acme_stores-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-stores\nVersion: 1.0\n")
    points = ["acme+folder = acme_stores:open_store", "gone = acme_stores:missing", "number = acme_stores:number"]
    (info / "entry_points.txt").write_text("\n".join(["[dragoman.stores]", *points]) + "\n")
    return tmp_path


def run(installed: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), *(entry for entry in sys.path if entry)])
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        cwd=installed,
        env={"PATH": os.defpath, "PYTHONPATH": path, "HOME": str(installed), "DRAGOMAN_NO_DETECT": "1"},
    )


def test_a_store_of_another_package_keeps_conversations(installed: Path) -> None:
    """A process after the first finds there what was said; the command line does, too."""
    first, second = run(installed, "-c", _TALK), run(installed, "-c", _TALK)
    shown = run(installed, "-m", "dragoman", "conv", "show", "trip", "--store", "acme+folder://.")

    assert "['Rome', 'Rome']\n" == first.stdout, first.stderr
    assert "['Rome', 'Rome', 'Rome', 'Rome']\n" == second.stdout, second.stderr
    assert 4 == shown.stdout.count("Rome"), shown.stderr


@pytest.mark.parametrize(
    ("scheme", "says"),
    [
        ("gone", "the entry point gone = acme_stores:missing of acme-stores cannot be loaded"),
        ("number", "is int: it must be a function of a URL"),
        ("nobody", "store is a nobody:// URL: give a URL that begins with"),
    ],
)
def test_a_package_that_is_wrong_is_named(installed: Path, scheme: str, says: str) -> None:
    """A ConfigError of `store` says which entry point it was; a scheme that nobody brings stays unknown."""
    code = (
        "from dragoman import Client, ConfigError\n"
        f"try: Client().conversation('x', model='sim/echo', store='{scheme}://a')\n"
        "except ConfigError as error: print(error.field, error)\n"
    )

    done = run(installed, "-c", code)

    assert done.stdout.startswith("store "), done.stderr
    assert says in done.stdout
