"""
Every example of README, docs/ and examples/ runs as it stands.

The providers that the examples name are played by a local server: the standard variables point there, as anyone may
point them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman import ChatRequest
from dragoman.testing import Server, Step, calls, counts, embeds, says
from tests.house.documents import Shown, documents, program, sessions
from tests.house.modules import ROOT
from tests.llamacpp.model import write_model

PAGES = sorted({*documents(), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")})
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_PDF = b"%PDF-1.7\n"
_PATH = re.compile(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|toml|txt|md))?)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")
_PLACE = re.compile(r"\]\(([^)#:]*)#([^)]+)\)")


def answer(chat: ChatRequest) -> Step:
    """Call the first tool that is offered, once; else repeat what was asked."""
    asked = chat.messages[-1]
    if chat.tools and asked.role == "user":
        offered = chat.tools[0]
        return says(tools=[(offered.name, _arguments(offered.parameters or {}))])
    return says(f"You said: {asked.text}" if asked.role == "user" else "Done.", reasoning="A model would think here.")


def _arguments(schema: dict[str, Any]) -> dict[str, Any]:
    samples = {"string": "Paris", "integer": 2, "number": 1.5, "boolean": True, "array": [], "object": {}}
    return {name: samples[schema["properties"][name]["type"]] for name in schema.get("required", ())}


@pytest.fixture(scope="module")
def provider():
    with Server(default=calls(answer)) as server:
        server.on("/v1/embeddings", embeds(8))
        server.on("/v1/messages/count_tokens", counts(14))
        yield server


@pytest.fixture
def folder(tmp_path):
    """A folder with the files that examples read."""
    (tmp_path / "picture.png").write_bytes(_PNG)
    (tmp_path / "report.pdf").write_bytes(_PDF)
    (tmp_path / "notes.txt").write_text("Some notes.\n", "utf-8")
    write_model(tmp_path / "model.gguf")
    return tmp_path


def surroundings(provider: Server) -> dict[str, str]:
    """An environment in which OpenAI, Anthropic and a local server are the provider given."""
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "OPENAI_API_KEY": "openai-example-key",
        "OPENAI_BASE_URL": provider.base_url("openai-chat"),
        "ANTHROPIC_API_KEY": "anthropic-example-key",
        "ANTHROPIC_BASE_URL": provider.base_url("anthropic-messages"),
        "OLLAMA_BASE_URL": provider.base_url("openai-chat"),
        "DRAGOMAN_NO_DETECT": "1",
    }


def run(command: list[str], provider: Server, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=surroundings(provider)
        | {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
        | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in documents() if program(path).strip()], ids=name)
def test_python_of_the_documents_runs(path, provider, folder):
    """The Python of a document, from top to bottom, is a program that ends well and warns of nothing."""
    script = folder / f"page_{path.stem}.py"  # `secrets.py` would stand before a module of that name
    script.write_text(program(path), "utf-8")

    done = run([sys.executable, "-W", "error", str(script)], provider, folder)

    assert (0, "") == (done.returncode, done.stderr), done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_examples_run(path, provider, folder):
    """Each example runs without a key or a network, and prints something."""
    done = run([sys.executable, "-W", "error", str(path)], provider, folder)

    assert (0, "") == (done.returncode, done.stderr), done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(
    "session",
    [pytest.param(one, id=f"{name(path)}:{one[0].line}") for path in documents() for one in sessions(path)],
)
def test_commands_of_the_documents_run(session, provider, folder):
    """A shown command does what is shown: it ends well, unless its exit code is shown, and prints the shown lines."""
    for shown in session:
        done = run(["bash", "-c", f"set -o pipefail; {shown.command}"], provider, folder)

        printed = done.stdout + done.stderr
        if "echo $?" not in shown.command:
            assert 0 == done.returncode, f"$ {shown.command}\n{printed}"
        assert [] == shown.missing(printed), f"$ {shown.command}\n{printed}"


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        pytest.param(("Hello",), "Hello\nmore\n", [], id="whole line"),
        pytest.param(("Hello",), "Hello you\n", ["Hello"], id="another line"),
        pytest.param(("stored in …",), "stored in keyring\n", [], id="beginning"),
        pytest.param(("stored in …",), "kept in keyring\n", ["stored in …"], id="another beginning"),
        pytest.param(("…",), "", ["…"], id="nothing"),
    ],
)
def test_shown_output_is_compared(shown, printed, missing):
    """A shown line must be printed; of one with an ellipsis, its beginning."""
    assert missing == Shown("true", shown, 1).missing(printed)


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_lead_somewhere(path):
    """A link to a file of this repository leads to one that is there."""
    targets = [target for target in _LINK.findall(path.read_text("utf-8")) if "://" not in target]

    assert [] == [target for target in targets if not (path.parent / target).exists()]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_into_pages_lead_to_a_heading(path):
    """What stands behind the `#` of a link is a heading of the page that it leads to."""
    places = [
        (path.parent / target if target else path, place) for target, place in _PLACE.findall(path.read_text("utf-8"))
    ]

    assert [] == [place for page, place in places if place not in headings(page)]


def headings(path: Path) -> set[str]:
    """The places in a page, as GitHub names them: small letters, no punctuation, hyphens for spaces."""
    text = re.sub(r"^( *)```.*?^\1```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_paths_that_are_named_are_there(path):
    """A file or folder that a page names is there, seen from the checkout or from the package."""
    named = _PATH.findall(path.read_text("utf-8"))

    homes = (ROOT, ROOT / "src" / "dragoman", path.parent)
    assert [] == [one for one in named if not any((home / one).exists() for home in homes)]
