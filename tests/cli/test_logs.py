"""`dragoman logs`: keeping calls, and looking at them."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import pytest

from dragoman.testing import Server, says, status
from tests.cli.program import Program, provider

ASK = ("ask", "-m", "sim/echo", "--raw")


@pytest.fixture
def kept(dragoman: Program) -> Program:
    """A program that keeps its calls, and has made three."""
    dragoman("logs", "on")
    for text in ("the weather in Paris", "北京的天气怎么样", "rain in the hills"):
        assert 0 == dragoman(*ASK, text).code
    return dragoman


def test_nothing_is_kept_unless_it_is_on(dragoman: Program) -> None:
    """A call leaves no file; the list says how to switch it on."""
    dragoman(*ASK, "Hello")
    path = Path(dragoman("logs", "path").out.strip())
    listed = dragoman("logs")

    assert not path.exists()
    assert (0, "") == (listed.code, listed.out)
    assert "dragoman logs on" in listed.err


def test_on_keeps_and_off_stops(dragoman: Program) -> None:
    """What was kept stays; a call with -n is not kept."""
    on = dragoman("logs", "on")
    dragoman(*ASK, "kept")
    dragoman(*ASK, "-n", "not kept")
    off = dragoman("logs", "off")
    dragoman(*ASK, "not kept either")
    rows = json.loads(dragoman("logs", "list", "--json").out)

    assert (0, 0) == (on.code, off.code)
    assert "dragoman/logs.db" in on.err
    assert ["kept"] == [row["prompt"] for row in rows]


def test_without_content(dragoman: Program) -> None:
    """Only numbers and names are kept."""
    dragoman("logs", "on", "--no-content")
    dragoman(*ASK, "a secret question")
    (row,) = json.loads(dragoman("logs", "--json").out)

    assert ("ok", 3) == (row["status"], row["input_tokens"])
    assert "secret" not in json.dumps(row)


def test_the_list_is_a_table(kept: Program) -> None:
    """Newest last, one line each, with the prompt at the end."""
    lines = kept("logs").out.splitlines()

    assert ["id", "when", "model", "status", "in", "out", "cost", "s", "prompt"] == lines[0].split()
    assert 4 == len(lines)
    assert lines[1].endswith("the weather in Paris")
    assert lines[3].endswith("rain in the hills")
    assert "sim/echo" in lines[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [(("weather",), 1), (("天气",), 1), (("in", "the"), 2), (("nothing",), 0)],
    ids=["english", "chinese", "two", "none"],
)
def test_search(kept: Program, words: tuple[str, ...], expected: int) -> None:
    """All words, anywhere in question or answer."""
    assert expected == len(json.loads(kept("logs", "search", *words, "--json").out))


def test_show_one(kept: Program) -> None:
    """By id, by its beginning, or the last; with question and answer."""
    rows = json.loads(kept("logs", "--json").out)
    shown = kept("logs", "show", rows[0]["id"])
    last = kept("logs", "show")

    assert 0 == shown.code
    assert shown.out.startswith(rows[0]["id"])
    assert "--- prompt ---\nthe weather in Paris\n" in shown.out
    assert "--- answer ---\nthe weather in Paris\n" in shown.out
    assert "rain in the hills" in last.out
    assert "the weather in Paris" == json.loads(kept("logs", "show", rows[0]["id"].lower(), "--json").out)["answer"]


def test_show_what_is_not_there(kept: Program) -> None:
    """An id that is not there, or stands for several, is an error that says what to do."""
    missing, several = kept("logs", "show", "ZZZ"), kept("logs", "show", "0")

    assert (2, 2) == (missing.code, several.code)
    assert "no call is kept under 'ZZZ'" in missing.err
    assert "give more of the id" in several.err


def test_stats(kept: Program) -> None:
    """Calls and tokens by model, and how much room they take."""
    shown = kept("logs", "stats")
    (total,) = json.loads(kept("logs", "stats", "--json").out)

    assert ["model", "calls", "failed", "in", "out", "cost", "mean", "s"] == shown.out.splitlines()[0].split()
    assert ("sim/echo", 3, 0) == (total["name"], total["calls"], total["failed"])
    assert "3 calls in" in shown.err


def test_failures_and_filters(dragoman: Program, server: Server) -> None:
    """A call that failed is kept with its error, and can be chosen."""
    server.script(says("fine"), status(400, "no such thing"))
    dragoman("logs", "on")
    for _ in range(2):
        dragoman("ask", "-m", "openai/gpt-5.6-luna", "Hi", **provider(server.base_url()))
    (failed,) = json.loads(dragoman("logs", "--failed", "--json").out)

    assert ("bad_request", 400) == (failed["status"], failed["http_status"])
    assert "no such thing" in dragoman("logs", "show", failed["id"]).out
    assert [] == json.loads(dragoman("logs", "--model", "groq", "--json").out)
    assert 2 == len(json.loads(dragoman("logs", "--since", "1h", "--json").out))
    assert 2 == dragoman("logs", "--since", "soon").code


def test_export_and_prune(kept: Program) -> None:
    """All calls as lines of JSON, and then none."""
    lines = kept("logs", "export").out.splitlines()
    pruned = kept("logs", "prune", "--all")

    assert 3 == len([json.loads(line) for line in lines])
    assert ["user"] == [message["role"] for message in json.loads(lines[0])["messages"]]
    assert "3 calls removed" in pruned.err
    assert "" == kept("logs", "export").out
    assert 2 == kept("logs", "prune").code


def test_prune_by_age(kept: Program) -> None:
    """What is younger stays."""
    assert "0 calls removed" in kept("logs", "prune", "--older-than", "1d").err
    assert "0 calls removed" in kept("logs", "prune", "--megabytes", "100").err


def test_tail_shows_what_comes(kept: Program) -> None:
    """With -f a call of another process appears while it runs; Ctrl-C ends it."""
    with kept.start("logs", "tail", "-n", "1", "-f", "--json") as process:
        assert process.stdout is not None
        patience = threading.Timer(20, process.kill)  # a line that never comes
        patience.start()
        first = json.loads(process.stdout.readline())
        assert 0 == kept(*ASK, "a new one").code
        second = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        patience.cancel()

    assert ("rain in the hills", "a new one") == (first["prompt"], second["prompt"])
    assert 130 == process.returncode


def test_tail_as_lines(kept: Program) -> None:
    """Without -f it ends; each call is one line."""
    lines = kept("logs", "tail", "-n", "2").out.splitlines()

    assert 2 == len(lines)
    assert lines[1].endswith("rain in the hills")


def test_a_key_is_masked(dragoman: Program, server: Server) -> None:
    """The key of the environment does not reach the file, though the server repeats it."""
    environ = dict(provider(server.base_url()))
    server.script(says(f"your key is {environ['OPENAI_API_KEY']}"))
    dragoman("logs", "on")
    dragoman("ask", "-m", "openai/m", "Hi", **environ)

    assert environ["OPENAI_API_KEY"] not in dragoman("logs", "export").out
    assert "your key is [redacted]" in dragoman("logs", "export").out


def test_a_damaged_switch_is_said(dragoman: Program) -> None:
    """The call is not made with a guess of what was wanted."""
    dragoman("logs", "on")
    path = Path(dragoman("logs", "path").out.strip()).with_name("logs.toml")
    path.write_text("on = ")

    assert 2 == dragoman(*ASK, "Hello").code
    assert 0 == dragoman("logs", "on").code
    assert 0 == dragoman(*ASK, "Hello").code
