"""`dragoman chat` where nobody types, and `dragoman ask -c`: turns of the same conversations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman import Client
from dragoman.cli.chat.commands import COMMANDS
from dragoman.cli.chat.completing import Offer, Sources, offers
from dragoman.cli.words import catalogue
from dragoman.testing import says, status
from tests.cli.chat.screen import Screen
from tests.cli.program import Program, provider


@pytest.fixture
def url(dragoman: Program) -> str:
    """The store of this user, where a test can look into it."""
    dragoman.environ["DRAGOMAN_STORE"] = f"sqlite:///{dragoman.directory}/talk.db"
    return dragoman.environ["DRAGOMAN_STORE"]


def history(url: str, name: str) -> list[str]:
    with Client() as client:
        return [one.text for one in client.conversation(name, model="sim/echo", store=url).history]


# --- a chat of lines --------------------------------------------------------------------------------------------------


def test_piped_lines_are_turns(dragoman, url):
    """Each line is a message or a command; answers go to standard output as they came, without a colour."""
    result = dragoman("chat", "-m", "sim/echo", "--cid", "trip", stdin=b'one **x**\n/cost\n"""\ntwo\nlines\n"""\n')

    assert (0, "one **x**\ntwo\nlines\n") == (result.code, result.out)
    assert "SIMULATED" in result.err
    assert "this session: 1 turns" in result.err
    assert ["one **x**", "one **x**", "two\nlines", "two\nlines"] == history(url, "trip")


def test_a_failure_ends_a_chat_of_lines(dragoman, server, url):
    """Where nobody types, the first failure ends it with its exit code; nothing after it is asked."""
    server.script(says("ok"), status(401, "no such key"), says("never"))

    result = dragoman("chat", "-m", "openai/m", "--cid", "trip", stdin=b"a\nb\nc\n", **provider(server.base_url()))

    assert (3, "ok\n") == (result.code, result.out)
    assert 2 == server.calls
    assert ["a", "ok"] == history(url, "trip")


@pytest.mark.parametrize(
    ("arguments", "stdin", "says_"),
    [
        pytest.param(("-c", "--cid", "x"), b"", "exclude each other", id="exclusive"),
        pytest.param(("-a", "gone.png"), b"", "gone.png cannot be read", id="attach"),
        pytest.param((), b"\xff\xfe\n", "not UTF-8", id="bytes"),
        pytest.param((), b"/schema {\n", "no JSON", id="schema"),
        pytest.param((), b"/tools gone.py\n", "gone.py cannot be read", id="tools"),
        pytest.param((), b"/tools broken.py\n", "is no Python: line 1", id="syntax"),
        pytest.param((), b"/tools empty.py\n", "defines no function", id="no-function"),
        pytest.param((), b"/tools importing.py\n", "cannot be loaded", id="import"),
        pytest.param((), b"/tools raising.py\n", "ZeroDivisionError", id="raises"),
        pytest.param((), b"hi\n/export /nowhere/x\n", "cannot be written", id="export"),
        pytest.param((), b"hi\n/fork main\n", "has a branch 'main' already", id="fork"),
    ],
)
def test_bad_input_is_named(dragoman, arguments, stdin, says_):
    """What is wrong is said in a line, without a traceback, and ends with the code for it."""
    (dragoman.directory / "broken.py").write_text("def (")
    (dragoman.directory / "raising.py").write_text("1 / 0")
    (dragoman.directory / "empty.py").write_text("x = 1")
    (dragoman.directory / "importing.py").write_text("import nothing_of_that_name")

    result = dragoman("chat", "-m", "sim/echo", *arguments, stdin=stdin)

    assert result.code in (1, 2)
    assert says_ in result.err
    assert "Traceback" not in result.err


def test_commands_with_nothing_to_do_say_so(dragoman):
    """Before anything was said there is nothing to take back, to copy or to go on with."""
    lines = (
        "/undo\n/retry\n/continue\n/edit\n/copy\n/search x\n/view\n/save\n/attach\n/system\n/branches\n/model\n/tools\n"
    )

    result = dragoman("chat", "-m", "sim/echo", "--raw", stdin=lines.encode())

    assert (0, "") == (result.code, result.out)
    assert 4 == result.err.count("nothing was said yet")
    for sign in (
        "no answer to go on",
        "nobody said that",
        "nothing is attached",
        "no instructions",
        "write /save NAME",
    ):
        assert sign in result.err


def test_edit_takes_the_next_line(dragoman, url):
    """Without an editor the changed text is the next line; where there is none, the chat ends."""
    dragoman("chat", "-m", "sim/echo", "--cid", "trip", stdin=b"Rome\n/edit\nOslo\n")
    assert ["Oslo", "Oslo"] == history(url, "trip")

    assert 0 == dragoman("chat", "-m", "sim/echo", "--cid", "trip", stdin=b"/edit\n").code
    assert ["Oslo", "Oslo"] == history(url, "trip")


def test_what_looks_like_a_command_can_be_said(dragoman, url):
    """Two slashes say one."""
    dragoman("chat", "-m", "sim/echo", "--cid", "trip", stdin=b"//etc/hosts is a file\n")

    assert "/etc/hosts is a file" == history(url, "trip")[0]


# --- ask -c -----------------------------------------------------------------------------------------------------------


def test_ask_is_stateless_unless_it_is_told(dragoman, url):
    """Without -c and --cid nothing is kept."""
    dragoman("-m", "sim/echo", "hello")

    assert [] == json.loads(dragoman("conv", "list", "--json").out)


def test_ask_goes_on(dragoman, server, url):
    """--cid begins a conversation, -c goes on with it, and the model sees what was said; a chat is the same."""
    server.script(says("One."), says("Two."), says("Three."))
    key = provider(server.base_url())

    dragoman("-m", "openai/m", "--cid", "trip", "-s", "Be brief.", "first", **key)
    second = dragoman("-m", "openai/m", "-c", "second", **key)
    third = dragoman("chat", "-m", "openai/m", "-c", stdin=b"third\n", **key)

    assert ("Two.\n", "Three.\n") == (second.out, third.out)
    sent = [[one["content"] for one in request.json["messages"]] for request in server.requests]
    assert ["Be brief.", "first", "One.", "second", "Two.", "third"] == sent[2]
    assert ["Be brief.", "first", "One.", "second", "Two.", "third", "Three."] == history(url, "trip")


@pytest.mark.parametrize("extra", [("--json",), ("--no-stream",), ()])
def test_each_way_of_asking_keeps_the_turn(dragoman, url, extra):
    """As JSON, whole or as a stream, question and answer are one turn."""
    assert 0 == dragoman("ask", "-m", "sim/echo", "--cid", "trip", *extra, "hello").code
    assert ["hello", "hello"] == history(url, "trip")


def test_the_first_continue_begins_one(dragoman, url):
    """With no conversation to go on with, -c begins one and says its name; each store has its own."""
    assert "this begins chat-" in dragoman("-m", "sim/echo", "-c", "one").err
    assert "begins" not in dragoman("-m", "sim/echo", "-c", "two").err
    assert "begins" in dragoman("-m", "sim/echo", "-c", "x", DRAGOMAN_STORE=f"sqlite:///{dragoman.directory}/b.db").err
    (kept,) = json.loads(dragoman("conv", "list", "--json").out)
    assert 2 == kept["turns"]
    assert 2 == dragoman("-m", "sim/echo", "-c", "--cid", "x", "y").code


def test_a_broken_memory_of_the_last_is_no_error(dragoman, url):
    """A file that is cut or cannot be written loses the convenience and nothing else; it holds no URL."""
    dragoman("-m", "sim/echo", "--cid", "trip", "one")
    (file,) = Path(dragoman.environ["HOME"]).rglob("last-conversation.json")
    assert "sqlite" not in file.read_text()
    file.write_text('{"x": [')

    assert "begins" in dragoman("-m", "sim/echo", "-c", "two").err


# --- drawing ----------------------------------------------------------------------------------------------------------


def test_ask_draws_on_a_terminal_and_only_there(dragoman, server):
    """On a terminal Markdown is drawn; --raw, a pipe and TERM=dumb have it as it came, without an escape sequence."""
    text = "# Title\n\nIt is **blue**.\n\n| a | 数 |\n|---|---|\n| 1 | 二 |"
    server.default = says(text)
    key = provider(server.base_url())

    with Screen(dragoman, "ask", "-m", "openai/m", "x", **key) as screen:
        assert 0 == screen.end()
        assert "Title\n\nIt is blue.\n\n a  数\n ─────\n 1  二\n" in screen.text
    for raw in ({"arguments": ("--raw",)}, {"arguments": (), "TERM": "dumb"}):
        with Screen(dragoman, "ask", "-m", "openai/m", "x", *raw.pop("arguments"), **key, **raw) as screen:
            assert 0 == screen.end()
            assert text.replace("\n", "\r\n").encode() in screen.bytes
    piped = dragoman("-m", "openai/m", "x", **key)
    assert (text + "\n", "") == (piped.out, piped.err)


def test_without_rich_text_is_plain_and_the_extra_is_named(dragoman, server):
    """One line of hint, and only where there was Markdown."""
    (dragoman.directory / "sitecustomize.py").write_text("import sys\nsys.modules['rich'] = None\n")
    server.script(says("**x**"), says("x"))
    environ = {**provider(server.base_url()), "PYTHONPATH": str(dragoman.directory)}

    marked = dragoman.on_terminal("-m", "openai/m", "x", **environ).out
    bare = dragoman.on_terminal("-m", "openai/m", "x", **environ).out

    assert '**x**\n· this Markdown is shown as it came; to have it drawn: pip install "dragoman[cli]"\n' in marked
    assert "pip install" not in bare


# --- pieces -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param("/ex", [Offer("/export ", 3), Offer("/explain ", 3)], id="command"),
        pytest.param("/model open", [Offer("openai/a", 4), Offer("openrouter/b", 4)], id="model"),
        pytest.param("/branches s", [Offer("side", 1)], id="branch"),
        pytest.param("see @no", [Offer("@notes.txt", 3)], id="at"),
        pytest.param("/attach sub/", [Offer("sub/a.png", 4)], id="folder"),
        pytest.param("/attach s", [Offer("sub/", 1)], id="to-folder"),
        pytest.param("see notes", [], id="word"),
        pytest.param("/attach gone/x", [], id="no-folder"),
    ],
)
def test_what_tab_offers(tmp_path, monkeypatch, before, expected):
    """By what stands before the cursor: commands, models, branches, files; hidden files only by their dot."""
    for name in ("notes.txt", ".hidden", "sub/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    sources = Sources(("export", "explain"), lambda: ["openai/a", "openrouter/b", "groq/c"], lambda: ["main", "side"])

    assert expected == offers(before, sources)


def test_every_command_has_its_help():
    """`/help` has words for each command, and for the keys."""
    helps = {key for key in catalogue("en") if key.startswith("chat.help.")}

    assert {f"chat.help.{name}" for name in COMMANDS} | {"chat.help.keys"} == helps


# --- start-up ---------------------------------------------------------------------------------------------------------

_MODULES = "import sys; from dragoman.cli.main import run; run({!r}); print(*sys.modules, file=sys.stderr)"
_HEAVY = {"rich", "prompt_toolkit", "pygments", "markdown_it"}


@pytest.mark.parametrize(
    ("arguments", "without"),
    [
        pytest.param(["--version"], _HEAVY | {"click", "msgspec", "dragoman.client"}, id="version"),
        pytest.param(["chat", "--help"], _HEAVY, id="help"),
        pytest.param(["ask", "-m", "sim/echo", "hi"], _HEAVY, id="ask-piped"),
    ],
)
def test_no_terminal_library_is_imported_unless_it_draws(tmp_path, arguments, without):
    """--version loads nearly nothing; help and a piped answer load no terminal library."""
    done = subprocess.run(
        [sys.executable, "-c", _MODULES.format(arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PATH": os.defpath,
            "HOME": str(tmp_path),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
    )

    assert done.stdout
    assert set() == without & set(done.stderr.split())


def test_version_starts_as_fast_as_python():
    """`dragoman --version` is within 60 ms of CPU of an interpreter that does nothing, the least of five each."""

    def least(*code: str) -> float:
        return min(_cpu([sys.executable, *code]) for _ in range(5))

    bare, ours = least("-c", "pass"), least("-c", "from dragoman.cli.main import run; run(['--version'])")

    assert ours - bare < 0.06


def _cpu(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status_, used = os.wait4(process.pid, 0)
    process.returncode = status_
    return used.ru_utime + used.ru_stime
