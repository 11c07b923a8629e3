"""What a model in this process cannot do, and how that is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman import (
    Client,
    ConfigError,
    ContextLengthError,
    local,
)
from dragoman.errors import BadRequestError, NotFoundError
from tests.llamacpp.model import TEXT, write_model
from tests.transport.local.conftest import Face


def whole(path: Path) -> bytes:
    write_model(path)
    return path.read_bytes()


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "No such file"),
    "directory": (lambda path: path.mkdir(), "is a directory"),
    "other file": (lambda path: path.write_bytes(b"hello"), "is no GGUF file"),
    "cut": (lambda path: path.write_bytes(whole(path)[:-100]), "is cut off"),
    "architecture": (lambda path: path.write_bytes(whole(path).replace(b"llama", b"lambo")), "lambo"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_that_cannot_be_used(face: Face, wrong: str, tmp_path: Path) -> None:
    """What is wrong with a file is an error in words that names it; nothing is kept of it."""
    make, words = WRONG[wrong]
    make(tmp_path / "a.gguf")

    with pytest.raises(ConfigError, match=words) as caught:
        face.chat(f"local/{tmp_path}/a.gguf")

    assert ("model", "local") == (caught.value.field, caught.value.provider)
    assert str(tmp_path / "a.gguf") in caught.value.message
    assert f"{tmp_path}/a.gguf" not in local.loaded()


def test_an_unreadable_file(face: Face) -> None:
    """A file that may not be opened is an error of ours; what is no file is never opened."""
    for path, words in (("/dev/zero", "is no regular file"), ("a\0b.gguf", "control character")):
        with pytest.raises(ConfigError, match=words):
            face.chat(f"local/{path}")


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("contxt=5", "model.contxt", "no option 'contxt'"),
        ("treads=5", "model.treads", "did you mean threads"),
        ("threads=two", "model.threads", "from 1 to 512"),
        ("threads=", "model.threads", "from 1 to 512"),
        ("threads=-1", "model.threads", "from 1 to 512"),
        ("slots=0", "model.slots", "from 1 to 64"),
        ("ctx=3", "model.ctx", "too little"),
        ("ctx=513", "model.ctx", "made for 512 tokens"),
    ],
)
def test_a_wrong_option(face: Face, folder: Path, query: str, field: str, words: str) -> None:
    """An option that cannot be is named, with what it may be."""
    with pytest.raises(ConfigError, match=words) as caught:
        face.chat(f"local/{folder}/tiny.gguf?{query}")

    assert field == caught.value.field


def test_a_prompt_that_is_too_long(face: Face, tiny: str) -> None:
    """The error is the one that other providers' models give, and says how to get more room."""
    with pytest.raises(ContextLengthError, match=r"512 tokens.*\?ctx="):
        face.chat(tiny, "why? " * 500)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"extra": {"grammar": "root ::= missing"}}, "grammar"),
        ({"extra": {"temperature": "warm"}}, "temperature"),
        ({"output": {"type": "objekt"}}, "objekt"),
        ({"extra": {"messages": 5}}, "messages"),
    ],
)
def test_a_request_that_llama_cpp_refuses(face: Face, tiny: str, settings: Any, words: str) -> None:
    """What it reports, and what it throws, is a typed error with its words; the model goes on."""
    with pytest.raises(BadRequestError, match=words):
        face.chat(tiny, **settings)

    assert TEXT == face.chat(tiny).text


def test_other_addresses(tiny: str) -> None:
    """There are the models in memory, chat, and nothing else."""
    with Client() as client:
        client.chat(tiny, "why?", max_tokens=1)
        names = [card.id for card in client.models("local")]
        with pytest.raises(NotFoundError, match="/props"):
            client.raw("local").get("/props")
        with pytest.raises(BadRequestError, match="no model"):
            client.raw("local").post("/chat/completions", json={"messages": []})

    assert local.loaded() == names
    assert tiny.partition("/")[2].partition("?")[0] in names


def test_a_wrong_scheme_is_still_refused() -> None:
    """A base URL is one that a transport knows."""
    with pytest.raises(ConfigError, match="base_url"):
        Client(providers={"mine": {"base_url": "file:///models"}})


def test_what_would_be_sent(tiny: str) -> None:
    """A dry run shows the request and loads nothing."""
    local.unload()
    with Client() as client:
        request = client.prepare(tiny, "hi", max_tokens=5)

    assert "local://models/chat/completions" == request.url
    assert {"max_tokens": 5, "model": tiny.partition("/")[2]}.items() <= msgspec.json.decode(request.body).items()
    assert [] == local.loaded()
