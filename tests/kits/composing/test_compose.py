"""Mail, reports and code to a brief: planted faults are found, and what is made is made whole."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman.kits as kits
from dragoman import AsyncClient, Client, ConfigError, TruncatedError
from dragoman.kits import aio
from dragoman.kits.composing.checks import check_text
from dragoman.kits.composing.files import diff_of, files_of, inside, unsafe, write_files
from dragoman.kits.composing.mail import Mail, check_mail, read_mail
from dragoman.kits.composing.sections import check_citations, check_headings, parted, plain
from dragoman.kits.composing.syntax import check_syntax
from dragoman.kits.composing.values import Wanted
from dragoman.testing import Server, says

BRIEF = "Tell Kim that the meeting of 3 May moves to 14:00, room 12. See https://acme.example/plan."
GOOD = "Dear Kim,\n\nour meeting of 3 May moves to 14:00 in room 12.\n\nBest regards,\nAnn"


@pytest.fixture
def provider() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def client(provider: Server) -> Iterator[Client]:
    with Client(providers=rows(provider), retry=None) as made:
        yield made


def rows(server: Server) -> dict[str, Any]:
    return {"fake": {"base_url": server.base_url(), "api_key": "fake-key-0001"}}


STRICT = Wanted(strict_facts=True, language="en", format="text")
TEXTS: list[tuple[str, str, Wanted]] = [
    *[("placeholder", GOOD.replace("Kim", place), Wanted()) for place in (
        "[Name]", "[Your Name]", "{name}", "{{first name}}", "<insert name>", "<your company>", "XXXX", "TBD", "TODO",
        "Lorem ipsum", "【姓名】", "______", "[Datum einsetzen]", "[insert date here]",
    )],
    *[("chatter", text, Wanted()) for text in (
        f"Sure! {GOOD}", f"Certainly, {GOOD}", f"Here is the mail you asked for:\n\n{GOOD}", f"Here's a draft:\n{GOOD}",
        f"I've written this: {GOOD}", f"Hier ist die E-Mail:\n{GOOD}", f"Voici le mail :\n{GOOD}", f"好的，{GOOD}",
        f"以下是邮件：\n{GOOD}", f"{GOOD}\n\nLet me know if you would like any changes!",
        f"{GOOD}\n\nFeel free to adjust this.",
        f"{GOOD}\n\nWould you like me to make it shorter?", f"{GOOD}\n\nI hope this draft is fine.",
        f"```\n{GOOD}\n```",
    )],
    *[("number", GOOD.replace("14:00", found), STRICT) for found in ("15:00", "2 pm and 3 € more", "14:30")],
    *[("number", GOOD.replace("3 May", found), STRICT) for found in ("4 May", "3 June", "3 May 2031")],
    *[("link", f"{GOOD} {link}", STRICT) for link in (
        "https://acme.example/other", "www.evil.example", "http://acme.example/plan",
    )],
    ("language", "Liebe Kim, wir sind nicht da und das ist sehr schade für uns.", STRICT),
    ("language", "会议改到三点，请准时参加。", STRICT),
    ("length", GOOD, Wanted(length=60)),
    ("length", GOOD * 3, Wanted(length=20)),
    ("length", "字" * 80, Wanted(length=120)),
    ("empty", " \n", Wanted()),
    ("point", GOOD, Wanted(points=("room 13",))),
    ("point", GOOD, Wanted(points=("Kim", "agenda"))),
    *[("format", f"{GOOD}\n{mark}", STRICT) for mark in (
        "# Title", "**bold**", "[a](https://acme.example/plan)", "```\nx\n```", "| a | b |",
    )],
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "wanted"), TEXTS, ids=[f"{kind}-{at}" for at, (kind, *_) in enumerate(TEXTS)])
def test_planted_fault_of_a_text_is_found(kind: str, text: str, wanted: Wanted):
    """Places left open, chatter, facts, links, languages, lengths, points and marks."""
    assert kind in [finding.check for finding in check_text(text, wanted, [BRIEF])]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"{GOOD}\nhttps://acme.example/plan",
        "1. Room 12.\n2. At 2 pm.\n3. Of May 3.",
        "A list:\n\n- [ ] room 12\n- [x] Kim",
        "See [the plan](https://acme.example/plan) and note [1].",
        "Surely you are certain of course.",
    ],
)
def test_clean_texts_have_no_finding(text: str):
    """The brief's facts in other words, lists, links and boxes are no fault."""
    assert [] == check_text(text, Wanted(strict_facts=True, language="en"), [BRIEF])


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Subject: Hello\n\nDear Kim", "Hello"),
        ("**Subject:** Hello\n\nDear Kim", "Hello"),
        ("Betreff: Hallo\n\nDear Kim", "Hallo"),
        ("主题：你好\n\nDear Kim", "你好"),
        ("Dear Kim", ""),
    ],
)
def test_subject_is_read(text: str, subject: str):
    """The first line has it, in the words of several languages."""
    assert Mail(subject, "Dear Kim") == read_mail(text)
    found = [finding.check for finding in check_mail(read_mail(text), Wanted(), "Dear Kim")]
    assert ([] if subject else ["subject"]) == found


def test_faults_of_a_subject_are_found():
    """A place left open, a number of its own, or too many words."""
    for subject, kind in (("[Topic]", "placeholder"), ("At 15:00", "number"), ("x" * 130, "subject")):
        assert kind in [finding.check for finding in check_mail(Mail(subject, GOOD), Wanted(strict_facts=True), BRIEF)]


def test_mail_is_asked_again_and_given(client, provider):
    """What is wrong is named to the model; the result has subject, body and what it took, on both faces."""
    good = f"Subject: Meeting\n\n{GOOD}"
    provider.script(says("Sure! [Name]"), says(good), says(good))
    mail = kits.mail(BRIEF, model="fake/m", strict_facts=True, points=["room 12"], client=client)

    assert ("Meeting", GOOD, good, 2, True) == (mail.subject, mail.body, mail.text, mail.requests, mail.ok)
    assert "'[Name]' was left in it" in provider.requests[1].chat.messages[-1].text

    async def other() -> kits.MailResult:
        async with AsyncClient(providers=rows(provider)) as made:
            return await aio.mail(BRIEF, model="fake/m", client=made)

    assert GOOD == asyncio.run(other()).body


def test_last_answer_has_its_findings(client, provider):
    """What stays wrong is told, and the text is what the model wrote."""
    provider.script(*[says("Hello [Name]")] * 2)
    mail = kits.mail(BRIEF, model="fake/m", attempts=2, client=client)

    assert {"subject", "placeholder"} == {finding.check for finding in mail.findings}
    assert not mail.ok
    assert "Hello [Name]" == mail.body


def test_cut_answer_is_none(client, provider):
    """An answer that hit the output limit is an error that has it."""
    provider.script(says("Subject: x", finish="length"))
    with pytest.raises(TruncatedError) as caught:
        kits.mail(BRIEF, model="fake/m", client=client)
    assert "Subject: x" == caught.value.partial.text


# --- reports ----------------------------------------------------------------------------------------------------------


def test_report_of_an_outline(client, provider):
    """Sections are those of the outline, in order; a faulty one is written again, the others stay."""
    provider.script(
        says("We sold 41200 loaves [1]."), says("# Staff\n\nThere were 9 [insert] here [4]."), says("5 joined [2].")
    )
    report = kits.report(
        "The year.", model="fake/m", outline=["Sales: how many", "Staff"], title="Bakery", strict_facts=True,
        sources={"a": "41200 loaves", "b": "5 joined"}, client=client,
    )  # fmt: skip

    assert "# Bakery\n\n## Sales\n\nWe sold 41200 loaves [1].\n\n## Staff\n\n5 joined [2].\n" == report.text
    assert (("Sales", "Staff"), "Bakery", (), 3) == (report.headings, report.title, report.findings, report.requests)
    assert "41200 loaves" in provider.requests[0].chat.messages[0].text


def test_report_that_the_model_plans(client, provider):
    """Without an outline the model plans; as text the marks are gone."""
    provider.script(
        says('{"title": "Bees", "sections": ["Hives", "Honey"]}'), says("**They** live."), says("It is `sweet`.")
    )
    report = kits.report("Bees.", model="fake/m", format="text", client=client)

    assert "Bees\n\nHives\n\nThey live.\n\nHoney\n\nIt is sweet.\n" == report.text


def test_report_goes_on_from_its_checkpoint(client, provider, tmp_path):
    """A report that broke off goes on where it stopped, with an outline of the caller's, too."""
    arguments: dict[str, Any] = {
        "model": "fake/m",
        "outline": ["A", "B"],
        "checkpoint": tmp_path / "r.jsonl",
        "client": client,
    }
    provider.script(says("First."))
    with pytest.raises(Exception, match="script is empty"):
        kits.report("Two parts.", **arguments)
    provider.script(says("Second."))

    assert "## A\n\nFirst.\n\n## B\n\nSecond.\n" == kits.report("Two parts.", **arguments).text.lstrip()
    assert 3 == provider.calls


REPORT = "# T\n\n## A\n\nText [1].\n\n```\n## no heading\n```\n\n## 2. B\n\nMore [2].\n"


def test_faults_of_a_report_are_found():
    """Missing, foreign, empty and exchanged sections; citations that lead nowhere."""
    assert ["A", "B"] == [section.title for section in parted(REPORT).sections]
    assert REPORT == parted(REPORT).text
    assert [] == check_headings(parted(REPORT), ["A", "B"]) + check_citations(REPORT, 2)
    for outline in (["A", "B", "C"], ["A"], ["B", "A"]):
        assert "section" in [finding.check for finding in check_headings(parted(REPORT), outline)]
    assert "section" in [finding.check for finding in check_headings(parted("## A\n\n## B\n\nx"), ["A", "B"])]
    for sources in (0, 1):
        assert {"error"} == {finding.severity for finding in check_citations(REPORT, sources)}
    assert "citation" in [finding.check for finding in check_citations("no mark", 1)]
    assert "T\n\nA\n\nlink (https://a.example/b) bold\n" == plain("# T\n\n## A\n\n[link](https://a.example/b) **bold**")


# --- code -------------------------------------------------------------------------------------------------------------

UNSAFE = [
    "../x.py", "a/../../x.py", "/etc/passwd", "~/x", "C:/x", "C:\\x", "a\\b", "a\0b", "", " ", "a/", "a/..",
    ".git/hooks/x",
    "a/.ssh/k", "con", "aux.txt", "a/NUL", "x\ny", "a:b", "name.", "b|c", "\u202ex.py", "x" * 500, "..", ".", "./", "*",
]  # fmt: skip


@pytest.mark.parametrize("path", UNSAFE)
def test_unsafe_path_is_refused(path: str, tmp_path: Path):
    """No path of a model leads out of the folder, however it is written; nothing is written."""
    assert unsafe(path)
    with pytest.raises(ConfigError):
        write_files({"good.py": "x", path: "x"}, tmp_path)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "path", ["a.py", "src/a.py", "./a.py", "a b/ü.md", ".github/workflows/ci.yml", "Makefile", "a..b/c"]
)
def test_safe_path_is_not(path: str):
    """Ordinary names of ordinary projects."""
    assert "" == unsafe(path)


def test_links_do_not_lead_out(tmp_path: Path):
    """A folder or a file that is a link out of the folder is not written through."""
    (tmp_path / "out").mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "out")
    (root / "file").symlink_to(tmp_path / "target")
    for path in ("link/x.py", "file"):
        with pytest.raises(ConfigError):
            write_files({path: "x"}, root)
        with pytest.raises(ConfigError):
            inside(root, path)
    assert [] == list((tmp_path / "out").iterdir())
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("path", "text", "wrong"),
    [
        ("a.py", "print(1)\n", False),
        ("a.py", "print(1\n", True),
        ("a.py", "def f():\nreturn 1", True),
        ("a.py", "x = '\\d'\n", False),
        ("a.py", "x = \0", True),
        ("a.json", "{}", False),
        ("a.json", "{'a': 1}", True),
        ("a.toml", "a = 1\n", False),
        ("a.toml", "a = \n", True),
        ("a.yaml", "a: [1]\n", False),
        ("a.yml", "a: [1\n", True),
        ("a.sh", "if true; then echo; fi\n", False),
        ("a.sh", "if true; then echo\n", True),
        ("run", "#!/usr/bin/env python3\nprint(\n", True),
        ("run", "#!/bin/sh\nfi\n", True),
        ("a.rs", "fn main( {", False),
    ],
)
def test_syntax_is_checked(path: str, text: str, wrong: bool):
    """Each language that can be read is read, and nothing is run."""
    assert ([path] if wrong else []) == [finding.where for finding in check_syntax({path: text})]


@pytest.mark.parametrize(
    "answer",
    [
        "```python path=src/a.py\nx = 1\n```",
        '```python title="src/a.py"\nx = 1\n```',
        "```python src/a.py\nx = 1\n```",
        "```python:src/a.py\nx = 1\n```",
        "Text.\n\n**`src/a.py`**\n\n```python\nx = 1\n```\nMore.",
        "### `src/a.py`:\n```\nx = 1\n```",
        "~~~~ path=./src//a.py\nx = 1\n~~~~",
    ],
)
def test_files_are_found_however_they_are_written(answer: str):
    """The path stands in the fence's first line, or in the line above it."""
    assert ({"src/a.py": "x = 1\n"}, []) == files_of(answer)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("no code", "files"),
        ("```python\nx = 1\n```", "files"),
        ("```python path=../a.py\nx\n```", "path"),
        ("```python path=/a.py\nx\n```", "path"),
        ("```python path=a.py\nx\n```\n```python path=./a.py\ny\n```", "path"),
        ("``` path=a\nx\n```\n``` path=a/b\ny\n```", "path"),
        ("```python path=a.py\nx = 1\n", "cut"),
    ],
)
def test_faults_of_an_answer_with_files_are_found(answer: str, kind: str):
    """No file, a path that is not safe or there twice, a block that was cut."""
    assert kind in [finding.check for finding in files_of(answer)[1]]


def test_fences_within_files_stay():
    """A longer fence holds shorter ones."""
    inner = "# Doc\n\n```python\nx\n```\n"
    assert {"a.md": inner} == files_of(f"````markdown path=a.md\n{inner}````")[0]


def test_code_is_written_below_its_folder(client, provider, tmp_path):
    """Faults are asked for again; files are written whole, with their mode, and the diff says what changes."""
    (tmp_path / "run.sh").write_text("echo old\n")
    (tmp_path / "run.sh").chmod(0o755)
    good = "```bash path=run.sh\necho new\n```\n```json path=conf/a.json\n{}\n```"
    provider.script(says("```bash path=../run.sh\necho\n```"), says("```bash path=run.sh\nfi\n```"), says(good))
    made = kits.code("Say new.", language="shell", model="fake/m", write_to=tmp_path / "", client=client)

    assert ("run.sh", "conf/a.json") == made.written
    assert {"run.sh": "echo new\n", "conf/a.json": "{}\n"} == made.files
    assert "-echo old\n+echo new\n" in made.diff
    assert "+++ b/conf/a.json" in made.diff
    assert "echo new\n" == (tmp_path / "run.sh").read_text()
    assert 0o755 == stat.S_IMODE((tmp_path / "run.sh").stat().st_mode)
    assert {"run.sh", "conf"} == set(os.listdir(tmp_path))
    assert not (tmp_path.parent / "run.sh").exists()


def test_nothing_is_written_dry_or_wrong(client, provider, tmp_path):
    """A dry run shows the diff; an answer that stays wrong is not written."""
    provider.script(says("```python path=a.py\nx = 1\n```"), *[says("```python path=a.py\nx = (\n```")] * 3)
    dry = kits.code("x", model="fake/m", write_to=tmp_path, dry_run=True, client=client)
    wrong = kits.code("x", model="fake/m", write_to=tmp_path, client=client)

    assert ("+x = 1" in dry.diff, dry.written, True) == (True, (), dry.ok)
    assert (wrong.written, ["syntax"]) == ((), [finding.check for finding in wrong.findings])
    assert [] == os.listdir(tmp_path)


def test_given_files_are_shown_and_compared(client, provider):
    """The model sees them, whatever fences they have, and the diff is to them."""
    provider.script(says("````markdown path=a.md\nnew\n````"))
    made = kits.code("x", model="fake/m", files={"a.md": "```\nold\n```\n"}, client=client)

    assert "````" in provider.requests[0].chat.messages[0].text
    assert "-old" in made.diff
    assert "+new" in made.diff
    assert "\\ No newline at end of file" in diff_of({"a": "x"}, {})


@pytest.mark.parametrize(
    ("work", "arguments", "field"),
    [
        ("mail", {"brief": " "}, "brief"),
        ("mail", {"brief": "x", "length": 0}, "length"),
        ("mail", {"brief": "x", "tolerance": 2}, "tolerance"),
        ("mail", {"brief": "x", "points": "a"}, "points"),
        ("mail", {"brief": "x", "format": "html"}, "format"),
        ("mail", {"brief": "x", "attempts": 0}, "attempts"),
        ("mail", {"brief": "x", "prompts": "nowhere"}, "prompts"),
        ("report", {"brief": "x", "outline": "A"}, "outline"),
        ("report", {"brief": "x", "outline": []}, "outline"),
        ("report", {"brief": "x", "outline": ["A", " "]}, "outline"),
        ("report", {"brief": "x", "sources": "text"}, "sources"),
        ("report", {"brief": "x", "sources": [Path("nowhere")]}, "sources"),
        ("report", {"brief": "x", "format": "html"}, "format"),
        ("code", {"task": ""}, "task"),
        ("code", {"task": "x", "files": {"../a": "x"}}, "files"),
        ("code", {"task": "x", "files": {"a": 7}}, "files"),
        ("code", {"task": "x", "write_to": 7}, "write_to"),
        ("code", {"task": "x", "write_to": __file__}, "write_to"),
    ],
)
def test_what_cannot_be_is_refused(work: str, arguments: dict[str, Any], field: str):
    """A wrong argument is an error that names it, before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        getattr(kits, work)(model="sim/echo", **arguments)
    assert field == caught.value.field
