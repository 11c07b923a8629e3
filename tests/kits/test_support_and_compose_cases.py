"""The shipped cases of both kits, their scoring, and their commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.kits.evaluate import Case, cases_of, evaluate, kit_of
from dragoman.kits.faces import blocking
from dragoman.testing import Server, echo, says
from tests.kits.support.desks import draft, rows

MAIL = "Subject: Moved\n\nDear all,\n\nthe meeting is on Thursday at 14:00.\n\nBest, Kim"


@pytest.mark.parametrize("kit", ["support", "composing"])
def test_shipped_cases_can_be_played(kit: str):
    """Each case is well-formed: a model that only echoes gets a score for all of them, and passes few."""
    with Client() as client:
        score = blocking(evaluate)(kit, "sim/echo", client=client)

    assert [case.name for case in cases_of(kit)] == [case.name for case in score.cases]
    assert 9 <= len(score.cases)
    assert [] == [case.error for case in score.cases if case.error and "asked" not in case.error]
    assert score.passed < len(score.cases)


def test_good_model_passes_a_case():
    """What is expected and there passes; what is expected and missing is told."""
    cases = {case.name: case for case in cases_of("support")}
    first = cases["return period"]
    good, poor = draft("You have 30 days.", (1, "within 30 days")), draft("You may send it back.")
    with Server(good, poor) as server, Client(providers=rows(server)) as client:
        score = blocking(evaluate)("support", "fake/m", client=client, cases=[first, first])

    assert [True, False] == [case.passed for case in score.cases]
    assert ["expect"] == [finding.check for finding in score.cases[1].findings]
    assert "support" == kit_of("support").NAME


def test_case_of_code_is_judged():
    """Files that are expected must be there."""
    given = {"kind": "code", "brief": "x"}
    case = Case(name="c", given=given, expect={"files": ["a.py", "b.py"], "says": ["print"], "never": ["print"]})
    with Server(says("```python path=a.py\nprint()\n```")) as server, Client(providers=rows(server)) as client:
        score = blocking(evaluate)("composing", "fake/m", client=client, cases=[case])

    assert ["b.py is missing", "is in it"] == [
        finding.message.removeprefix("the file ").removeprefix("'print' ") for finding in score.cases[0].findings
    ][::-1]


# --- at the terminal --------------------------------------------------------------------------------------------------


def dragoman(server: Server, folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command against a scripted provider."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "OPENAI_API_KEY": "test-key-000001",
        "OPENAI_BASE_URL": server.base_url("openai-chat"),
        "DRAGOMAN_NO_DETECT": "1",
    }
    command = [sys.executable, "-m", "dragoman", "kit", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ, input=said, capture_output=True, text=True, check=False, timeout=60
    )


def test_support_at_the_terminal(tmp_path: Path):
    """A message is answered from a folder, kept in its ticket, and escalated on standard error."""
    (tmp_path / "faq").mkdir()
    (tmp_path / "faq" / "returns.md").write_text("# Returns\nReturns are free within 30 days.\n", "utf-8")
    (tmp_path / "late.toml").write_text('turns = ["How long?"]\n[expect]\nsays = ["30 days"]\n', "utf-8")
    m = ("-m", "openai/m")
    with Server() as server:
        server.script(draft("You have 30 days.", (1, "within 30 days")))
        arguments = ("support", "--ticket", "7", "--message-id", "a", "--knowledge", "faq", *m)
        first = dragoman(server, tmp_path, *arguments, "Until when? I am ann@acme.example.")
        again = dragoman(server, tmp_path, *arguments, "--json", "-", said="Until when? I am ann@acme.example.")
        server.script(draft("A colleague will help.", escalate=None))
        human = dragoman(server, tmp_path, "support", "--ticket", "7", *m, "A real person, please.")
        server.script(draft("You have 30 days.", (1, "within 30 days")))
        played = dragoman(server, tmp_path, "support", "--simulate", "late.toml", "--knowledge", "faq", *m)
        calls, seen = server.calls, b"".join(request.body for request in server.requests)

    assert (0, "You have 30 days.\n") == (first.returncode, first.stdout), first.stderr
    assert "returns.md" in first.stderr
    told = json.loads(again.stdout)
    assert ("You have 30 days.", True, True) == (told["text"], told["replayed"], told["ok"])
    assert "asked_for_human, says the rule" in human.stderr
    assert (0, 3) == (played.returncode, calls), played.stdout + played.stderr
    assert played.stdout.startswith("late: passed")
    assert b"ann@acme.example" not in seen


@pytest.mark.parametrize(
    "arguments", [["support"], ["support", "hello"], ["support", "x", "--ticket", "1", "--simulate", "y"]]
)
def test_wrong_use_of_support_is_told(tmp_path: Path, arguments: list[str]):
    """A message without a ticket, both ways or none: exit code 2 and what to give."""
    with Server(default=echo()) as server:
        done = dragoman(server, tmp_path, *arguments, "-m", "openai/m")

    assert 2 == done.returncode
    assert "give" in done.stderr
    assert "Traceback" not in done.stderr


def test_writing_at_the_terminal(tmp_path: Path):
    """Mail and report on standard output, code as a diff and as files; exit code 6 where something stays wrong."""
    (tmp_path / "a.py").write_text("x = 1\n")
    m = ("-m", "openai/m")
    with Server() as server:
        server.script(says(MAIL), says("[Name]"), says("Some words."), says("```python path=a.py\nx = 2\n```"))
        mail = dragoman(server, tmp_path, "mail", "Thursday 14:00", *m, "--point", "Thursday", "--strict-facts")
        wrong = dragoman(server, tmp_path, "mail", "-", *m, "--attempts", "1", "--json", said="x")
        report = dragoman(server, tmp_path, "report", "x", *m, "--section", "A", "--title", "T")
        code = dragoman(server, tmp_path, "code", "two", *m, "--file", "a.py", "--write-to", ".")
        left = server.left

    assert (0, MAIL + "\n") == (mail.returncode, mail.stdout), mail.stderr
    found: dict[str, Any] = json.loads(wrong.stdout)
    assert (6, False, "") == (wrong.returncode, found["ok"], found["subject"])
    assert (0, "# T\n\n## A\n\nSome words.\n") == (report.returncode, report.stdout), report.stderr
    assert (0, "x = 2\n", 0) == (code.returncode, (tmp_path / "a.py").read_text(), left), code.stderr
    assert "-x = 1\n+x = 2\n" in code.stdout
    assert "✓ a.py" in code.stderr
