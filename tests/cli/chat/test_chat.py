"""`dragoman chat` on a terminal: what a person types, and what the screen shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.testing import Server, events, says, status
from dragoman.types.events import Start, TextDelta
from tests.cli.chat.screen import Screen, plain, without_times
from tests.cli.machine import OLLAMA, Machine, http, paths
from tests.cli.program import Program, provider


@pytest.fixture
def url(dragoman: Program) -> str:
    """The store of this user, where a test can look into it."""
    dragoman.environ["DRAGOMAN_STORE"] = f"sqlite:///{dragoman.directory}/talk.db"
    return dragoman.environ["DRAGOMAN_STORE"]


def chat(dragoman: Program, server: Server, *arguments: str, **more: Any) -> Screen:
    """A chat with a model on the server."""
    return Screen(dragoman, "chat", "-m", "openai/m", *arguments, **provider(server.base_url()), **more)


def history(url: str, name: str = "trip", branch: str = "main") -> list[str]:
    with Client() as client:
        return [one.text for one in client.conversation(name, model="sim/echo", store=url, branch=branch).history]


# --- first runs -------------------------------------------------------------------------------------------------------


def test_first_run_with_nothing(dragoman):
    """Without key, configuration and network a person gets a chat, tagged as simulated, and is told its name."""
    with Screen(dragoman, "chat", columns=120) as screen:
        screen.wait_for("›")
        screen.say("Hello there")
        screen.wait_for("›", count=2)
        screen.type("\x04")
        assert 0 == screen.end()

        expected = """\
· no API key and no local server found — answering with the built-in SIMULATED model
· sim/hello · conversation chat-NAME · /help for commands, Ctrl-D to leave
› Hello there
▌SIMULATED▐ This is canned text so you can try the tool. It is not a language model. Your prompt had 2 words."""
        shown = without_times(screen.text)
        assert expected in shown
        assert "· kept as chat-NAME; go on with it: dragoman chat -c" in shown


def test_first_run_with_a_key(dragoman, server):
    """The model of the key is chosen and named; the answer is drawn, and its usage told."""
    server.script(says("It is **blue**:\n\n- Rayleigh\n- 天空"))

    with Screen(dragoman, "chat", "--cid", "sky", columns=140, **provider(server.base_url())) as screen:
        screen.wait_for("›")
        screen.say("Why?")
        screen.wait_for("›", count=2)
        screen.type("\x04")
        assert 0 == screen.end()

        assert """\
· using openai/gpt-5.6-luna — key found in OPENAI_API_KEY, address from OPENAI_BASE_URL (change: -m, or DRAGOMAN_MODEL)
· openai/gpt-5.6-luna · conversation sky · /help for commands, Ctrl-D to leave
› Why?
It is blue:

 • Rayleigh
 • 天空
· 1 in · 7 out · 0.0 s · $0.0000
›
· kept as sky; go on with it: dragoman chat -c""" == without_times(screen.text)
        assert b"\x1b[1mblue" in screen.bytes


def test_first_run_with_a_local_server(dragoman):
    """A server on this machine that is recognised answers."""
    answer = 'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

    def reply(request: bytes) -> bytes:
        posted = request.startswith(b"POST /v1/chat/completions")
        return http(answer, kind="text/event-stream") if posted else paths(OLLAMA)(request)

    with Machine(reply) as machine:
        local = {"DRAGOMAN_NO_DETECT": "", "DRAGOMAN_DETECT_PORTS": f"ollama={machine.port}"}
        with Screen(dragoman, "chat", columns=100, **local) as screen:
            screen.wait_for("ollama/qwen3:8b · conversation")
            screen.say("Hello")
            screen.wait_for("\nhi\n")


# --- a conversation ---------------------------------------------------------------------------------------------------


def test_edit_fork_and_undo_on_the_tree(dragoman, server, url):
    """An edit goes on from the edited turn, a fork from here; the other branch stays as it was."""
    server.script(says("Rome it is."), says("Oslo it is."), says("By train."), says("By ship."))

    with chat(dragoman, server, "--cid", "trip") as screen:
        screen.wait_for("›")
        screen.say("Plan Rome")
        screen.wait_for("›", count=2)
        screen.say("/edit")
        screen.wait_for("› Plan Rome", count=2)
        screen.type("\x7f\x7f\x7f\x7fOslo\r")
        screen.wait_for("Oslo it is.")
        screen.wait_for("›", count=4)
        screen.say("/fork side")
        screen.wait_for("on the branch side")
        screen.say("How?")
        screen.wait_for("By train.")
        screen.wait_for("›", count=6)
        screen.say("/undo")
        screen.wait_for("taken back: How?")
        screen.say("How else?")
        screen.wait_for("By ship.")
        screen.wait_for("›", count=8)
        screen.say("/branches")
        screen.wait_for("* side")
        screen.say("/quit")
        assert 0 == screen.end()

    assert ["Plan Oslo", "Oslo it is."] == history(url)
    assert ["Plan Oslo", "Oslo it is.", "How else?", "By ship."] == history(url, branch="side")
    assert ["Plan Oslo"] == [one["content"] for one in server.requests[1].json["messages"]]


def test_edit_in_the_users_editor(dragoman, server, url):
    """With EDITOR set the text is changed there; a number names an earlier turn."""
    server.script(says("A."), says("B."), says("C."))
    editor = dragoman.directory / "editor.sh"
    editor.write_text("#!/bin/sh\nprintf 'changed by editor\\n' > \"$1\"\n")
    editor.chmod(0o755)

    with chat(dragoman, server, "--cid", "trip", EDITOR=str(editor)) as screen:
        screen.wait_for("›")
        screen.say("first")
        screen.wait_for("›", count=2)
        screen.say("second")
        screen.wait_for("›", count=3)
        screen.say("/edit 1")
        screen.wait_for("C.")
        screen.wait_for("›", count=4)

    assert ["changed by editor", "C."] == history(url)


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        pytest.param("/continue", "word word and the end.", id="continue"),
        pytest.param("/retry", "All of it.", id="retry"),
    ],
)
def test_interrupt_and_resume(dragoman, server, url, command, kept):
    """Ctrl-C stops the answer and keeps the text; it can be gone on with, or asked for again."""
    server.script(says("word " * 200, pace=0.03), says("and the end." if command == "/continue" else "All of it."))

    with chat(dragoman, server, "--cid", "trip") as screen:
        screen.wait_for("›")
        screen.say("Tell me")
        screen.wait_for("word word")
        screen.interrupt()
        screen.wait_for("· stopped; what came is kept")
        assert server.requests[0].wait_closed() is not None
        screen.wait_for("›", count=2)
        screen.say(command)
        screen.wait_for("and the end." if command == "/continue" else "All of it.")
        screen.wait_for("›", count=3)
        screen.say("/quit")
        assert 0 == screen.end()

    asked, answered = history(url)
    assert "Tell me" == asked
    assert answered.endswith(kept.split(" ", 2)[-1])
    assert answered.startswith(kept.split(" ", maxsplit=1)[0])


def test_a_turn_that_a_crash_cut_off_is_offered(dragoman, server, url):
    """What a killed process left is told at the start, and can be gone on with."""
    server.script(says("half of " + "it " * 100, pace=0.02), says("the rest."))
    script = f"""
import os, time
from dragoman import Client
client = Client(providers={{"openai": {{"base_url": {server.base_url()!r}, "api_key": "k"}}}})
stream = client.conversation("trip", model="openai/m", store={url!r}, lease=1.0).stream("Tell me all")
until = time.monotonic() + 0.7
for event in stream:
    if time.monotonic() > until:
        os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    with Client() as client:
        talk = client.conversation("trip", model="sim/echo", store=url)
        until = time.monotonic() + 10
        while not talk.interrupted() and time.monotonic() < until:
            time.sleep(0.05)

    with chat(dragoman, server, "--cid", "trip") as screen:
        screen.wait_for("· the last turn has no whole answer (interrupted): Tell me all")
        screen.say("/continue")
        screen.wait_for("rest.")
        screen.wait_for("›", count=2)

    assert history(url)[1].startswith("half of it it")


def test_a_broken_answer_keeps_what_came(dragoman, server, url):
    """A connection that breaks is told, the chat goes on, and the turn can be asked again."""
    server.script(events(Start("1", "m"), TextDelta("half an answer")), status(401, "no such key"), says("Whole."))

    with chat(dragoman, server, "--cid", "trip") as screen:
        screen.wait_for("›")
        screen.say("Hello")
        screen.wait_for("half an answer")
        screen.wait_for("what came is kept")
        screen.say("/retry")
        screen.wait_for("no such key")
        screen.say("/retry")
        screen.wait_for("Whole.")
        screen.wait_for("›", count=4)

    assert ["Hello", "Whole."] == history(url)


def test_two_terminals_on_one_conversation(dragoman, server, url):
    """The second says that another turn runs, waits for it, and sees it in its history."""
    server.script(says("slow " * 40, pace=0.05), says("after"))

    with chat(dragoman, server, "--cid", "trip") as one, chat(dragoman, server, "--cid", "trip") as other:
        one.wait_for("›")
        other.wait_for("›")
        one.say("first")
        one.wait_for("slow slow")
        with chat(dragoman, server, "--cid", "trip") as third:
            third.wait_for("a turn runs here")
        other.say("second")
        other.wait_for("another turn runs")
        other.wait_for("after")
        one.wait_for("›", count=2)

    assert ["first", ("slow " * 40).strip(), "second", "after"] == [text.strip() for text in history(url)]


def test_continue_goes_on_with_the_last(dragoman, server, url):
    """-c takes the last conversation up, with its branch, and says what was asked last."""
    server.script(says("One."), says("Two."))

    with chat(dragoman, server, "--cid", "trip") as screen:
        screen.wait_for("›")
        screen.say("first question")
        screen.wait_for("›", count=2)
        screen.say("/fork side")
        screen.wait_for("side")
        screen.say("/quit")
        screen.end()
    with chat(dragoman, server, "-c") as screen:
        screen.wait_for("1 turns so far; the last question: first question")
        screen.say("second")
        screen.wait_for("Two.")

    assert 3 == len(server.requests[1].json["messages"])


# --- keys -------------------------------------------------------------------------------------------------------------


def test_several_lines(dragoman, server):
    """A paste, Alt-Enter and quotes make one message of several lines; quotes are taken off."""
    server.script(says("1"), says("2"), says("3"))

    with chat(dragoman, server) as screen:
        screen.wait_for("›")
        screen.type("\x1b[200~pasted one\npasted two\x1b[201~\r")
        screen.wait_for("›", count=2)
        screen.type("alt one\x1b\ralt two\r")
        screen.wait_for("›", count=3)
        screen.type('"""\rquoted one\rquoted two\r"""\r')
        screen.wait_for("›", count=4)

    said = [request.json["messages"][-1]["content"] for request in server.requests]
    assert ["pasted one\npasted two", "alt one\nalt two", "quoted one\nquoted two"] == said


def test_the_prompt_is_cleared_by_ctrl_c_and_searched_by_ctrl_r(dragoman, server):
    """Ctrl-C drops what was typed; Ctrl-R finds what was said before, also in another chat; the file is private."""
    server.script(says("1"), says("2"))

    with chat(dragoman, server) as screen:
        screen.wait_for("›")
        screen.type("not this")
        screen.wait_for("not this")
        screen.interrupt()
        screen.say("remember the milk")
        screen.wait_for("›", count=2)
    with chat(dragoman, server) as screen:
        screen.wait_for("›")
        screen.type("\x12milk")
        screen.wait_for("remember the milk")
        screen.type("\r\r")
        screen.wait_for("out ·")

    assert ["remember the milk"] * 2 == [request.json["messages"][-1]["content"] for request in server.requests]
    (file,) = Path(dragoman.environ["HOME"]).rglob("chat-history")
    assert 0o600 == file.stat().st_mode & 0o777


def test_tab_completes_commands_models_and_files(dragoman, server):
    """What Tab offers depends on what stands before the cursor."""
    (dragoman.directory / "notes-of-today.txt").write_text("x")

    with chat(dragoman, server) as screen:
        screen.wait_for("›")
        screen.type("/att\t")
        screen.wait_for("› /attach")
        screen.type("notes\t")
        screen.wait_for("/attach notes-of-today.txt")
        screen.type("\r")
        screen.wait_for("goes with the next message: notes-of-today.txt")
        screen.wait_for("›", count=2)
        screen.type("/model anthropic/claude-haiku-5-\t")
        screen.wait_for("/model anthropic/claude-haiku-5-5")


# --- commands ---------------------------------------------------------------------------------------------------------


def test_attachments(dragoman, server):
    """/attach and @file send files with the message, once."""
    server.script(says("1"), says("2"), says("3"))
    (dragoman.directory / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(16))
    (dragoman.directory / "notes.txt").write_text("Some notes.")

    with chat(dragoman, server) as screen:
        screen.wait_for("›")
        screen.say("/attach photo.png")
        screen.wait_for("goes with the next message")
        screen.say("look at @notes.txt and @nobody")
        screen.wait_for("›", count=3)
        screen.say("/attach gone.png")
        screen.wait_for("gone.png cannot be read")
        screen.say("and now")
        screen.wait_for("out ·", count=2)

    first, second = (request.json["messages"][-1]["content"] for request in server.requests)
    assert ["text", "image_url", "text"] == [part["type"] for part in first]
    assert "look at @notes.txt and @nobody" == first[0]["text"]
    assert "Some notes." in first[2]["text"]
    assert "and now" == second


def test_model_system_save_export_copy_search_and_cost(dragoman, server, url):
    """Each command does what its help says."""
    server.script(says("The **answer** is 42."), says("Again."))

    with chat(dragoman, server, "--cid", "trip", columns=100, lines=60) as screen:
        screen.wait_for("›")
        screen.say("/system Be brief.")
        screen.wait_for("hold from the next turn")
        screen.say("What is 6 x 7?")
        screen.wait_for("›", count=3)
        for command, sign in {
            "/system": "the instructions: Be brief.",
            "/model anthropic/claude-haiku-5-5": "the model is anthropic/claude-haiku-5-5",
            "/model openai/other": "the model is openai/other",
            "/copy answer.md": "written to answer.md",
            "/export talk.jsonl": "written to talk.jsonl",
            "/search 42": "assistant: The **answer** is 42.",
            "/cost": "this session: 1 turns",
            "/save journey": "kept as journey, too",
            "/copy": "copied",
            "/view": "[1] › What is 6 x 7?",
            "/tols": "did you mean /tools?",
            "/branches nowhere": "there is no branch 'nowhere'",
            "/edit 7": "there is no turn 7",
        }.items():
            screen.say(command)
            screen.wait_for(sign)
        screen.say("again")
        screen.wait_for("Again.")
        screen.wait_for("out ·", count=2)
        assert b"\x1b]52;c;" in screen.bytes

    assert "The **answer** is 42.\n" == (dragoman.directory / "answer.md").read_text()
    assert "trip" == json.loads((dragoman.directory / "talk.jsonl").read_text().splitlines()[0])["name"]
    assert "other" == server.requests[1].json["model"]
    assert ["Be brief.", "What is 6 x 7?", "The **answer** is 42."] == history(url)
    assert 5 == len(history(url, "journey"))


def test_tools_of_a_file_run_when_the_user_agrees(dragoman, server, url):
    """Each call is shown and asked for; the result goes to the model, and all of it is one turn."""
    server.script(says(tools=[("add", {"a": 2, "b": 3})]), says("It is 5."))
    (dragoman.directory / "mine.py").write_text(
        'def add(a: int, b: int) -> int:\n    """Add."""\n    return a + b\n\ndef _hidden(): ...\n'
    )

    with chat(dragoman, server, "--cid", "trip") as screen:
        screen.wait_for("›")
        screen.say("/tools mine.py")
        screen.wait_for("the model may call add;")
        screen.say("2 and 3?")
        screen.wait_for("[a]lways:")
        screen.type("y\r")
        screen.wait_for("It is 5.")
        screen.wait_for("out ·")

    assert "5" == server.requests[1].json["messages"][-1]["content"]
    assert "It is 5." == history(url)[-1]


def test_answers_of_a_schema(dragoman, server):
    """/schema has answers as JSON."""
    server.script(says('{"name": "Ann", "age": 7}'))

    with chat(dragoman, server) as screen:
        screen.wait_for("›")
        screen.say("/schema name, age int")
        screen.wait_for("answers are JSON")
        screen.say("Ann is seven")
        screen.wait_for('"age": 7')
        screen.wait_for("out ·")


def test_help_names_every_command(dragoman, server):
    """/help, in English and in Chinese, fits the terminal."""
    for language, sign in (("en", "leave (Ctrl-D)"), ("zh", "退出（Ctrl-D）")):
        with chat(dragoman, server, columns=100, lines=50, DRAGOMAN_LANG=language) as screen:
            screen.wait_for("›")
            screen.say("/help")
            shown = screen.wait_for(sign)
            names = (
                "model system attach tools schema retry edit undo fork save cost copy search export view branches quit"
            )
            assert [] == [name for name in names.split() if f"/{name}" not in shown]


# --- drawing ----------------------------------------------------------------------------------------------------------

CHINESE = "中文段落：这是一个很长的段落，用来测试宽字符的换行，它不应该超出终端的右边。" * 2


def test_chinese_is_wrapped_at_its_width(dragoman, server):
    """Wide characters take two columns: no row is wider than the terminal, and none is broken in two."""
    server.script(says(CHINESE, chunk=3))

    with chat(dragoman, server, columns=41) as screen:
        screen.wait_for("›")
        screen.say("中文？")
        screen.wait_for("out ·")
        rows = screen.rows

    first = next(number for number, row in enumerate(rows) if row.startswith("中文段落"))
    assert ["中文段落：这是一个很长的段落，用来测试宽", "字符的换行，它不应该超出终端的右边。中文"] == rows[
        first : first + 2
    ]
    assert plain(CHINESE) in plain("".join(rows))


def test_a_resize_during_a_stream(dragoman, server):
    """What stands stays, what follows is laid out for the new width, and nothing is lost or doubled."""
    words = [f"word{number:03}" for number in range(150)]
    text = " ".join(words[:75]) + "\n\n" + " ".join(words[75:])
    server.script(says(text, pace=0.02))

    with chat(dragoman, server, columns=50, lines=40) as screen:
        screen.wait_for("›")
        screen.say("Go")
        screen.wait_for("word030")
        before = [row for row in screen.rows if row.startswith("word")][:-1]
        screen.resize(90, 40)
        screen.wait_for("out ·")
        rows = screen.rows

    answer = [row for row in rows if row.startswith("word")]
    assert words == " ".join(answer).split()
    assert before == answer[: len(before)]
    assert 49 >= max(map(len, before))
    assert 50 < max(map(len, answer)) < 90


def test_a_narrower_window_during_a_stream(dragoman, server):
    """What follows is laid out for the narrower window, and every word is written once."""
    words = [f"word{number:03}" for number in range(120)]
    server.script(says(" ".join(words[:60]) + "\n\n- " + " ".join(words[60:]), pace=0.02))

    with chat(dragoman, server, columns=90, lines=50) as screen:
        screen.wait_for("›")
        screen.say("Go")
        screen.wait_for("word020")
        screen.resize(40, 50)
        screen.wait_for("word119")
        screen.wait_for("out ·")
        written = re.findall(r"word\d{3}", screen.bytes.decode())
        rows = [row for row in screen.rows if "word0" in row or "word1" in row]

    assert words == written
    assert 40 > max(len(row) for row in rows[rows.index(next(row for row in rows if "word060" in row)) :])


def test_no_colour_where_none_is_wanted(dragoman, server):
    """NO_COLOR leaves no colour; TERM=dumb leaves no escape sequence at all, and text as it came."""
    server.script(says("It is **blue**."), says("It is **blue**."))

    with chat(dragoman, server, NO_COLOR="1") as screen:
        screen.wait_for("›")
        screen.say("Why?")
        screen.wait_for("It is blue.")
        screen.wait_for("out ·")
        assert b"\x1b[1mblue" not in screen.bytes
        assert b"\x1b[3" not in screen.bytes.replace(b"\x1b[3~", b"")
    with chat(dragoman, server, TERM="dumb") as screen:
        screen.wait_for("›")
        screen.say("Why?")
        screen.wait_for("It is **blue**.")
        screen.say("/quit")
        assert 0 == screen.end()
        assert b"\x1b" not in screen.bytes


def test_without_the_extra_it_works_and_says_what_is_missing(dragoman, server):
    """Without rich and prompt-toolkit a chat is plain, durable, and names what to install."""
    (dragoman.directory / "sitecustomize.py").write_text(
        "import sys\nsys.modules['rich'] = sys.modules['prompt_toolkit'] = None\n"
    )
    server.script(says("It is **blue**."))

    with chat(dragoman, server, PYTHONPATH=str(dragoman.directory)) as screen:
        screen.wait_for('line editing is plain: pip install "dragoman[cli]"')
        screen.say("Why?")
        screen.wait_for("It is **blue**.")
        screen.wait_for("this Markdown is shown as it came")
        screen.say("/cost")
        screen.wait_for("this session: 1 turns")
        screen.wait_for("›", count=3)
        screen.type("\x04")
        assert 0 == screen.end()
