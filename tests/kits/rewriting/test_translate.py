"""Translating: in parallel and in order, checked, asked again, kept in a journal, paid once."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, AuthenticationError, BudgetError, ConfigError, Settings, kits
from dragoman.kits import aio
from dragoman.kits.rewriting.journal import Journal
from dragoman.kits.translation.pseudo import plain, pseudo
from dragoman.testing import Server, calls, says, status
from tests.kits.documents.book import book
from tests.kits.rewriting.provider import MODEL, Translator, client_of, server_of

TO = "Pseudo language"
SOURCE = "# A title\n\nFirst text with {name} in it.\n\n```\ncode\n```\n\n- one thing\n- another thing\n"
FACTS: Any = {MODEL: {"prices": [{"input": "1", "output": "2"}], "max_output": 1000, "context": 100_000}}


def test_document_is_translated_in_order():
    """Many requests at once, and one document in which only words are others."""
    source = book(3, pages=6)
    translator = Translator()
    with server_of(translator) as server, client_of(server) as client:
        result = kits.translate(source, to=TO, model=MODEL, group_tokens=200, client=client)

    assert source == plain(result.text)
    assert result.ok, result.findings
    assert result.requests == len(translator.asked) > 10
    assert max(len(group) for group in translator.asked) <= 40
    assert len(translator.texts) == len(set(translator.texts))  # the same text is asked for once


def test_both_faces_and_the_prompt():
    """The function to await does the same; language, style and the glossary that is needed are in the prompt."""
    translator = Translator()

    async def both(server: Server) -> str:
        async with AsyncClient(providers={"openai": {"base_url": server.base_url(), "api_key": "k"}}) as client:
            return (
                await aio.translate(
                    SOURCE,
                    to=TO,
                    model=MODEL,
                    style="stiff",
                    glossary={"thing": "keep", "never": "x"},
                    attempts=1,
                    client=client,
                    settings=Settings(temperature=0),
                )
            ).text

    with server_of(translator) as server:
        assert SOURCE == plain(asyncio.run(both(server)))
        assert 0 == server.requests[0].chat.temperature  # type: ignore[union-attr]
    assert f"into {TO}" in translator.systems[0]
    assert "Style: stiff" in translator.systems[0]
    assert "- thing: keep" in translator.systems[0]
    assert "never" not in translator.systems[0]


def test_faulty_segment_is_asked_for_again_with_what_was_wrong():
    """Only the faulty one, with the last answer and the findings; then all is well."""

    def change(asked: dict[str, Any], text: str) -> str:
        return text if "problems" in asked else text.replace("⟦1⟧", "")

    translator = Translator(change)
    with server_of(translator) as server, client_of(server) as client:
        result = kits.translate(SOURCE, to=TO, model=MODEL, client=client)

    assert result.ok
    assert SOURCE == plain(result.text)
    assert [4, 1] == [len(group) for group in translator.asked]
    again = translator.asked[1][0]
    assert pseudo("First text with  in it.") == again["previous"]
    assert ["'{name}' (⟦1⟧) is missing [placeholder]"] == again["problems"]
    assert [1, 2, 1, 1] == [segment.attempts for segment in result.segments]


def test_what_stays_wrong_is_kept_with_its_finding():
    """A lost placeholder leaves the source's text there; a wrong number leaves the new one; both are said."""

    def change(asked: dict[str, Any], text: str) -> str | None:
        return text.replace("⟦1⟧", "") + (" 77" if "⟦1⟧" not in text else "")

    with server_of(Translator(change)) as server, client_of(server) as client:
        result = kits.translate("Text with {name}.\n\nOther text.\n", to=TO, model=MODEL, attempts=2, client=client)

    assert f"Text with {{name}}.\n\n{pseudo('Other text.')} 77\n" == result.text
    assert not result.ok
    assert {("line 1", "placeholder"), ("line 3", "number")} <= {(f.where, f.check) for f in result.findings}
    assert [True, False] == [segment.kept for segment in result.segments]
    assert 2 == result.requests


def test_missing_segments_and_refusals_do_not_end_the_run():
    """A model that leaves segments out, or gives no JSON for many at once, is asked for fewer."""
    answers = Translator(lambda asked, text: None if asked["id"] > 1 else text)
    with server_of(answers) as server, client_of(server) as client:
        result = kits.translate(SOURCE, to=TO, model=MODEL, attempts=9, client=client)
    assert result.ok
    assert SOURCE == plain(result.text)

    def few(chat: Any) -> Any:
        segments = json.loads(chat.messages[-1].text if len(chat.messages) == 2 else chat.messages[1].text)["segments"]
        return says("I would rather not.") if len(segments) > 1 else answers(chat)

    with Server(default=calls(few)) as server, client_of(server) as client:
        result = kits.translate(SOURCE, to=TO, model=MODEL, client=client)
    assert result.ok
    assert SOURCE == plain(result.text)


def test_no_answer_at_all_keeps_the_source():
    """Where the model gives no text, the source stays, and a finding says so."""
    with Server(default=says("no")) as server, client_of(server) as client:
        result = kits.translate("One text.\n", to=TO, model=MODEL, attempts=2, client=client)

    assert "One text.\n" == result.text
    assert ["answer"] == [finding.check for finding in result.findings]


def test_second_run_pays_nothing_and_a_change_its_segment(tmp_path: Path):
    """With an output, what is done is never asked for again; another text, model, prompt or term of its own is."""
    translator, source, output = Translator(), tmp_path / "a.md", tmp_path / "b.md"
    source.write_text(SOURCE)
    with server_of(translator) as server, client_of(server) as client:

        def texts(**more: Any) -> list[str]:
            del translator.asked[:]
            kits.translate(source, to=TO, output=output, client=client, **{"model": MODEL, "attempts": 1, **more})
            assert source.read_text() == plain(output.read_text())
            return translator.texts

        assert 4 == len(texts())
        assert [] == texts()
        source.write_text(SOURCE.replace("another", "one other"))
        assert ["one other thing"] == texts()
        source.write_text(SOURCE)
        assert [] == texts()
        assert ["First text with ⟦1⟧ in it."] == texts(glossary={"first": "x"})
        assert 4 == len(texts(model="openai/m-2"))
        assert 4 == len(texts(style="other"))
        assert [] == texts()


def test_errors_are_asked_for_again_only_if_wanted(tmp_path: Path):
    """A segment that ended with an error is done; `again` asks for it, and for no other."""
    translator = Translator(lambda asked, text: f"{text} 77" if "First" in asked["text"] else text)
    output = tmp_path / "b.md"
    with server_of(translator) as server, client_of(server) as client:
        kits.translate(SOURCE, to=TO, model=MODEL, output=output, attempts=1, client=client)
        result = kits.translate(SOURCE, to=TO, model=MODEL, output=output, client=client)
        assert (1, 0, 4) == (len(result.findings), result.requests, result.reused)

        del translator.asked[:]
        translator.change = lambda asked, text: text
        result = kits.translate(SOURCE, to=TO, model=MODEL, output=output, again=True, client=client)
    assert ["First text with ⟦1⟧ in it."] == translator.texts
    assert result.ok
    assert SOURCE == plain(output.read_text())


def test_failure_keeps_what_is_paid(tmp_path: Path):
    """A provider that refuses in the middle ends the run with its error; the next one goes on there."""
    translator, output = Translator(), tmp_path / "b.md"
    count = 0

    def some(chat: Any) -> Any:
        nonlocal count
        count += 1
        return translator(chat) if count < 3 else status(401, "the key is gone")

    with Server(default=calls(some)) as server, client_of(server) as client:
        with pytest.raises(AuthenticationError):
            kits.translate(SOURCE, to=TO, model=MODEL, output=output, group_tokens=1, parallel=1, client=client)
        assert not output.exists()
        count = -99
        result = kits.translate(SOURCE, to=TO, model=MODEL, output=output, group_tokens=1, client=client)
    assert (2, 2) == (result.reused, result.requests)
    assert SOURCE == plain(output.read_text())


def test_max_cost_holds_for_all_runs(tmp_path: Path):
    """What is left of it is a budget; when it does not suffice the run ends, and more money goes on."""
    source, output = book(5, pages=3), tmp_path / "b.md"
    with server_of(Translator()) as server, client_of(server, models=FACTS) as client:

        def run(**more: Any) -> kits.TranslateResult:
            return kits.translate(
                source, to=TO, model=MODEL, output=output, group_tokens=300, parallel=1, client=client, **more
            )

        with pytest.raises(BudgetError):
            run(max_cost="0.005")
        journal = Journal(Path(f"{output}.job"), "translation")
        paid = sum((line.cost or Decimal(0) for line in journal.paid), Decimal(0))
        journal.close()
        assert 0 < paid <= Decimal("0.005")
        with pytest.raises(BudgetError):
            run(max_cost=paid)
        result = run(max_cost=5)
    assert result.reused
    assert source == plain(output.read_text())


def test_estimate_sends_nothing(tmp_path: Path):
    """Segments, requests, tokens and price before; what is in the journal is left out."""
    output = tmp_path / "b.md"
    with server_of(Translator()) as server, client_of(server, models=FACTS) as client:
        before = kits.estimate_translation(SOURCE, to=TO, model=MODEL, output=output, client=client)
        assert not Path(f"{output}.job").exists()
        assert 0 == server.calls
        kits.translate(SOURCE, to=TO, model=MODEL, output=output, client=client)
        after = kits.estimate_translation(SOURCE, to=TO, model=MODEL, output=output, client=client)

    assert (4, 0, 1) == (before.segments, before.reused, before.requests)
    assert before.input_tokens > 100
    assert before.cost is not None
    assert before.cost > 0
    assert (4, 4, 0, 0, Decimal(0)) == (
        after.segments, after.reused, after.requests, after.input_tokens, after.cost
    )  # fmt: skip


def test_progress_is_told():
    """After each answer, up to the end."""
    told: list[kits.RewriteProgress] = []
    with server_of(Translator()) as server, client_of(server) as client:
        kits.translate(SOURCE, to=TO, model=MODEL, group_tokens=1, parallel=1, client=client, progress=told.append)

    assert [0, 1, 2, 3, 4] == [one.done for one in told]
    assert {4} == {one.total for one in told}


@pytest.mark.parametrize("suffix", [".srt", ".po", ".html", ".json", ".txt"])
def test_files_of_every_format(suffix: str, tmp_path: Path):
    """A file's name says its format; its bytes are the same but for words, line ends and byte order mark included."""
    source = {
        ".srt": "\ufeff1\r\n00:00:01,000 --> 00:00:09,000\r\n<i>Hi there</i>\r\nyou\r\n",
        ".po": 'msgid "Open %s"\nmsgstr ""\n',
        ".html": '<p class="x">Read <a href="b">this</a>\n  now &amp; then.</p>\n',
        ".json": '{"a":  "Hello {name}",\n"b": [1, "two words"]}',
        ".txt": "One line\r\nand more.\r\n\r\n  Indented text.\r\n",
    }[suffix]
    path, output = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    path.write_bytes(source.encode())
    with server_of(Translator()) as server, client_of(server) as client:
        assert kits.translate(path, to=TO, model=MODEL, output=output, client=client).ok
    wanted = 'msgid "Open %s"\nmsgstr "Open %s"\n' if suffix == ".po" else source
    text = output.read_bytes().decode()
    assert text != source
    # Of HTML tags and of JSON keys the letters are the source's own.
    assert wanted == plain(text)


def test_pseudo_asks_nobody():
    """The language `pseudo` needs no model and no client."""
    result = kits.translate("# Hello {name}\n", to="pseudo")

    assert ("# Ĥéļļö {name}\n", 0, "pseudo") == (result.text, result.requests, result.to)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"to": ""}, "to"),
        ({"to": 7}, "to"),
        ({"model": ""}, "model"),
        ({"parallel": 0}, "parallel"),
        ({"attempts": True}, "attempts"),
        ({"max_ratio": 0}, "max_ratio"),
        ({"format": "docx"}, "format"),
        ({"skip": "id"}, "skip"),
        ({"skip": ["id"]}, "skip"),
        ({"glossary": {"a": 1}}, "glossary"),
        ({"glossary": 7}, "glossary"),
        ({"glossary": "nowhere.csv"}, "source"),
        ({"prompts": "nowhere"}, "prompts"),
        ({"output": "/nowhere/at/all.md"}, "output"),
        ({"source": Path("nowhere.md")}, "source"),
        ({"source": 7}, "source"),
        ({"max_cost": -1}, "usd"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], field: str):
    """Each is an error that names it, before anything is sent."""
    with server_of(Translator()) as server, client_of(server) as client:
        with pytest.raises(ConfigError) as caught:
            kits.translate(**{"source": SOURCE, "to": TO, "model": MODEL, "client": client, **arguments})
        assert 0 == server.calls
    assert field == caught.value.field


def test_glossary_from_a_file(tmp_path: Path):
    """A CSV file with or without a head, with comments; a line with one cell is an error with its number."""
    path = tmp_path / "g.csv"
    path.write_text("term,translation\n# all of it\nthing,keep\n\n")
    translator = Translator()
    with server_of(translator) as server, client_of(server) as client:
        kits.translate(SOURCE, to=TO, model=MODEL, glossary=path, attempts=1, client=client)
        path.write_text("one,two\nthree\n")
        with pytest.raises(ConfigError, match="line 2"):
            kits.translate(SOURCE, to=TO, model=MODEL, glossary=path, client=client)
    assert "- thing: keep" in translator.systems[0]


def test_journal_is_only_ours(tmp_path: Path):
    """A torn last line is taken away; a foreign, damaged or locked file is left as it is, with an error."""
    path = tmp_path / "x.job"
    first = Journal(path, "translation")
    with pytest.raises(ConfigError, match="in use"):
        Journal(path, "translation")
    first.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind":"done","key"')
    Journal(path, "translation").close()
    assert whole == path.read_bytes()
    for wrong in (b"my notes\n", b"{}\n", whole + b"nonsense\n" + whole):
        path.write_bytes(wrong)
        with pytest.raises(ConfigError):
            Journal(path, "translation")
        assert wrong == path.read_bytes()
    path.write_bytes(whole)
    with pytest.raises(ConfigError, match="no journal of the kit polishing"):
        Journal(path, "polishing")
    with pytest.raises(ConfigError):
        Journal(tmp_path, "translation")


_CHILD = """
import sys
from pathlib import Path
from dragoman import Client, kits
url, source, output = sys.argv[1:]
with Client(providers={"openai": {"base_url": url, "api_key": "k"}}) as client:
    kits.translate(Path(source), to="Pseudo language", model="openai/m-1", output=output, group_tokens=150, parallel=4,
                   client=client)
"""


def test_killed_twice_it_goes_on(tmp_path: Path):
    """Killed at any moment it pays again at most for what was under way, and the book is whole, byte for byte."""
    source, output = tmp_path / "a.md", tmp_path / "b.md"
    source.write_text(book(9, pages=5))
    translator = Translator(latency=0.02)
    with server_of(translator) as server:
        command = [sys.executable, "-c", _CHILD, server.base_url(), str(source), str(output)]
        for goal in (6, 14):
            with subprocess.Popen(command) as child:
                while server.calls < goal and child.poll() is None:
                    time.sleep(0.005)
                child.send_signal(signal.SIGKILL)
            assert -signal.SIGKILL == child.returncode
            assert not output.exists()
        subprocess.run(command, check=True)
        again = len(translator.texts) - len(set(translator.texts))
        groups = max(len(group) for group in translator.asked)

    assert source.read_bytes() == plain(output.read_text()).encode()
    assert again <= 2 * 4 * groups
    assert 0o600 == os.stat(f"{output}.job").st_mode & 0o777


@pytest.mark.parametrize("face", ["__init__", "aio"])
def test_stubs_name_what_there_is(face: str):
    """Type checkers see every function of a face; `tests/typing/kits.py` has what each takes."""
    stub = ast.parse((Path(inspect.getfile(kits)).parent / f"{face}.pyi").read_text())
    made = {
        one.targets[0].id for one in stub.body if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
    }

    assert {name for name in dir(kits) if inspect.isfunction(getattr(kits, name))} == made - {"__all__"}
