"""A model file on the command line: no server, no key, no network."""

from __future__ import annotations

import json
from pathlib import Path

from dragoman import local
from tests.cli.program import Program
from tests.llamacpp.model import TEXT, write_model


def test_a_model_file_answers(dragoman: Program) -> None:
    """A path below the working directory is enough; the answer goes to stdout, and nothing is said beside it."""
    write_model(dragoman.directory / "tiny.gguf")

    result = dragoman("-m", "local/tiny.gguf?threads=1", "-o", "temperature=0", "why is the sky blue?")

    assert (0, f"{TEXT}\n", "") == (result.code, result.out, result.err)
    local.unload()


def test_it_is_no_simulation(dragoman: Program) -> None:
    """As JSON: real usage, and not marked as simulated."""
    write_model(dragoman.directory / "tiny.gguf")

    answer = json.loads(dragoman("-m", "local/tiny.gguf", "--json", "-o", "temperature=0", "hi").out)

    assert (TEXT, "local", False, 12) == (
        answer["text"],
        answer["provider"],
        answer["simulated"],
        answer["usage"]["output_tokens"],
    )
    local.unload()


def test_a_file_that_is_no_model_is_a_usage_error(dragoman: Program, tmp_path: Path) -> None:
    """What is wrong is said in one line, with exit code 2."""
    (dragoman.directory / "notes.gguf").write_text("not a model")

    result = dragoman("-m", "local/notes.gguf", "hi")

    assert (2, "") == (result.code, result.out)
    assert "is no GGUF file" in result.err


def test_an_answer_is_interrupted_on_a_terminal(dragoman: Program) -> None:
    """Ctrl-C in the midst of an answer ends the program with 130."""
    write_model(dragoman.directory / "long.gguf", context=60_000)
    model = "local/long.gguf?threads=1&ctx=60000"

    done = dragoman.on_terminal("-m", model, "-o", 'extra={"ignore_eos": true}', "hi", interrupt_at="sky")

    assert 130 == done.code
