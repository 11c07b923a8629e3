"""`dragoman kit translate` and `dragoman kit polish`."""

from __future__ import annotations

import json

import pytest

from dragoman.testing import calls
from tests.cli.program import Program
from tests.kits.rewriting.provider import MODEL, Translator, server_of

_PAGE = "# A title\n\nSome text with {name} in it.\n"


def _said(*texts: str) -> str:
    """A script for the simulator that gives these texts for the segments of a request."""
    segments = [{"id": number, "text": text} for number, text in enumerate(texts, 1)]
    return json.dumps([{"match": "segments", "text": json.dumps({"segments": segments})}])


def _write(dragoman: Program, **files: str) -> None:
    for name, text in files.items():
        (dragoman.directory / name.replace("_", ".")).write_text(text, "utf-8")


def test_translation_goes_to_standard_output_or_a_file(dragoman: Program) -> None:
    """The document alone is on standard output; with -o it is in the file, and the second run pays nothing."""
    _write(dragoman, a_md=_PAGE, s_json=_said("Ein Titel", "Etwas Text mit ⟦1⟧ darin."))
    command = ("kit", "translate", "a.md", "--to", "German", "-m", "sim/script:s.json")

    shown = dragoman(*command)
    assert (0, "# Ein Titel\n\nEtwas Text mit {name} darin.\n") == (shown.code, shown.out)

    assert 0 == dragoman(*command, "-o", "b.md").code
    again = dragoman(*command, "-o", "b.md")
    assert (0, "") == (again.code, again.out)
    assert "2 segments, 2 of them there before; 0 requests" in again.err
    assert shown.out == (dragoman.directory / "b.md").read_text("utf-8")


def test_findings_end_with_code_6(dragoman: Program) -> None:
    """What is wrong is said with its line, and the exit code says that something is."""
    _write(dragoman, a_md=_PAGE, s_json=_said("Ein Titel", "Etwas Text."))
    shown = dragoman("kit", "translate", "a.md", "--to", "de", "-m", "sim/script:s.json", "--json")

    assert 6 == shown.code
    assert "error, line 3: '{name}' (⟦1⟧) is missing [placeholder]" in shown.err
    assert "placeholder" == json.loads(shown.out)["findings"][0]["check"]


def test_standard_input_and_pseudo(dragoman: Program) -> None:
    """A dash reads standard input; the language pseudo needs no model; bytes that are no text are an error."""
    assert "# Ĥéļļö\n" == dragoman("kit", "translate", "-", "--to", "pseudo", stdin=b"# Hello\n").out
    wrong = dragoman("kit", "translate", "-", "--to", "pseudo", stdin=b"\xff\xfe\xfd")
    assert (2, True) == (wrong.code, "standard input is not utf-8" in wrong.err)


def test_dry_run_sends_nothing(dragoman: Program) -> None:
    """Segments, requests, tokens and the price are said, and nobody is asked."""
    _write(dragoman, a_md=_PAGE)
    with server_of(Translator()) as server:
        shown = dragoman(
            *("kit", "translate", "a.md", "--to", "German", "-m", MODEL, "--dry-run", "--max-cost", "1"),
            OPENAI_API_KEY="k",
            OPENAI_BASE_URL=server.base_url(),
        )
        assert 0 == server.calls
    assert shown.out.startswith("2 segments, 0 of them there already; 1 request, about ")


def test_edited_prompts_are_used(dragoman: Program) -> None:
    """What was ejected and edited is what the model is told."""
    _write(dragoman, a_md=_PAGE)
    assert 0 == dragoman("kit", "eject", "translation").code
    prompt = dragoman.directory.parent / ".config/dragoman/kits/translation/system.md"
    prompt.write_text("Into {to}, as a pirate.", "utf-8")
    translator = Translator()
    with server_of(translator) as server:
        server.default = calls(translator)
        environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": server.base_url()}
        assert 0 == dragoman("kit", "translate", "a.md", "--to", "Pirate", "-m", MODEL, **environ).code
    assert translator.systems[0].startswith("Into Pirate, as a pirate.")


@pytest.mark.parametrize(
    ("options", "environ", "words"),
    [
        pytest.param(["--diff"], {}, "It [-are-]{+is+} good, {name}.", id="brackets"),
        pytest.param(["--diff"], {"FORCE_COLOR": "1"}, "It \x1b[31;9mare\x1b[0m\x1b[32mis\x1b[0m good", id="colours"),
        pytest.param(["--unified"], {}, "-It are good, {name}.\n+It is good, {name}.\n", id="lines"),
        pytest.param([], {}, "It is good, {name}.\n", id="text"),
    ],
)
def test_changes_are_shown(dragoman: Program, options: list[str], environ: dict[str, str], words: str) -> None:
    """Words in brackets or in colours, lines as diff -u, or the text."""
    _write(dragoman, a_md="It are good, {name}.\n", s_json=_said("It is good, ⟦1⟧."))
    shown = dragoman("kit", "polish", "a.md", "-m", "sim/script:s.json", *options, **environ)

    assert 0 == shown.code
    assert words in shown.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["translate", "no.md", "--to", "de", "-m", "sim/echo"], 2, "no.md cannot be read"),
        (["translate", "a.bin", "--to", "de", "-m", "sim/echo"], 2, "does not say what it is"),
        (["translate", "a.md", "-m", "sim/echo"], 2, "--to"),
        (["polish", "a.md", "-m", "sim/echo", "--level", "wild"], 2, "wild"),
        (["polish", "a.md", "-m", "sim/echo", "-f", "po"], 2, "PO"),
        (["translate", "a.md", "--to", "de", "-m", "sim/echo", "-o", "a.md"], 2, "output is the source"),
    ],
)
def test_wrong_arguments(dragoman: Program, arguments: list[str], code: int, words: str) -> None:
    """Each is said, with the exit code for usage."""
    _write(dragoman, a_md=_PAGE, a_bin=_PAGE)
    shown = dragoman("kit", *arguments)

    assert code == shown.code
    assert words in shown.err
