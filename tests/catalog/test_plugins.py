"""Providers that other packages bring: found by an entry point, and loaded when they are asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = """
from dragoman import Provider

print("loaded")
PROVIDER = Provider(
    name="acme", base_url="https://llm.acme.example/v1", key_env="ACME_KEY", auth="api-key", aliases=("acme-ai",)
)
WRONG = 1
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder as pip leaves it, with a package that brings providers."""
    (tmp_path / "dragoman_acme.py").write_text(PACKAGE)
    info = tmp_path / "dragoman_acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dragoman-acme\nVersion: 1.0\n")
    points = ["acme = dragoman_acme:PROVIDER", "other = dragoman_acme:PROVIDER", "openai = dragoman_acme:PROVIDER"]
    broken = ["wrong = dragoman_acme:WRONG", "gone = dragoman_acme:MISSING"]
    (info / "entry_points.txt").write_text("\n".join(["[dragoman.providers]", *points, *broken]) + "\n")
    return tmp_path


def run(installed: Path, code: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(installed), *(entry for entry in sys.path if entry)])
    return subprocess.run(
        [sys.executable, *(("-c", code) if code else ("-m", "dragoman")), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
        cwd=installed,
        env={"PATH": os.defpath, "PYTHONPATH": path, "HOME": str(installed), "DRAGOMAN_NO_DETECT": "1", **environ},
    )


def test_a_provider_of_another_package_is_found(installed: Path) -> None:
    """Its row is there for a reference that names it, and for overrides that only give a key."""
    code = (
        "from dragoman import Client\n"
        "row, model = Client().resolve('acme/some/model')\n"
        "print(row.base_url, row.auth, model)\n"
        "sent = Client(providers={'acme': {'api_key': 'a-key-for-tests'}}).prepare('acme/m', 'Hi')\n"
        "print(sent.url, 'api-key' in sent.headers)\n"
        "print(Client().resolve('other:m')[0].name)\n"
    )

    done = run(installed, code)

    expected = [
        "loaded",
        "https://llm.acme.example/v1 api-key some/model",
        "https://llm.acme.example/v1/chat/completions True",
        "other",
    ]
    assert expected == done.stdout.splitlines(), done.stderr


def test_what_is_not_asked_for_is_not_loaded(installed: Path) -> None:
    """Neither a client nor another provider imports the package, and a built-in row is not replaced."""
    done = run(installed, "from dragoman import Client; print(Client().resolve('openai/m')[0].base_url)")

    assert "https://api.openai.com/v1\n" == done.stdout, done.stderr


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        pytest.param("wrong/m", "it must be a dragoman.Provider", id="no provider"),
        pytest.param("gone/m", "cannot be loaded", id="no such name"),
        pytest.param("nobody/m", "no provider is called 'nobody'", id="nobody brings it"),
    ],
)
def test_a_package_that_is_wrong_is_named(installed: Path, ref: str, says: str) -> None:
    """The error says which entry point it was; a name that nobody brings stays unknown."""
    code = (
        "import sys\n"
        "from dragoman import Client, ConfigError\n"
        "try: Client().resolve(sys.argv[1])\n"
        "except ConfigError as error: print(error)\n"
    )

    done = run(installed, code, ref)

    assert says in done.stdout, done.stderr


def test_the_command_line_finds_it_too(installed: Path) -> None:
    """`-m acme/m` takes the row of the package, with its key from the environment."""
    done = run(installed, "", "ask", "--dry-run", "-m", "acme/m", "Hi", ACME_KEY="a-key-for-tests")

    assert "POST https://llm.acme.example/v1/chat/completions" in done.stdout, done.stderr
    assert "api-key: [redacted]" in done.stdout
