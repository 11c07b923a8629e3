"""One question, one answer, against a real server: what goes to which stream, and what the exit code is."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from dragoman.testing import Server, Step, events, raw, says, status
from dragoman.types.events import Finish, RefusalDelta, Start, TextDelta
from tests.cli.machine import OLLAMA, Machine, http, openai_list, paths
from tests.cli.program import Program, provider

KEY = "sk-nobodys-key-1234567890"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def test_the_answer_goes_to_stdout_and_nothing_else_does(dragoman: Program, server: Server) -> None:
    """A first word that is no command is a prompt; words need no quotes; the text ends with a line feed."""
    server.script(says("Rayleigh scattering."))

    result = dragoman("-m", "openai/m", "why", "is the sky", "blue?", **provider(server.base_url()))

    assert (0, "Rayleigh scattering.\n", "") == (result.code, result.out, result.err)
    (request,) = server.requests
    assert "why is the sky blue?" == request.json["messages"][0]["content"]
    assert f"Bearer {KEY}" == request.headers["authorization"]
    assert request.json["stream"] is True


@pytest.mark.parametrize("extra", [(), ("--no-stream",)], ids=["stream", "whole"])
def test_json_is_one_object(dragoman: Program, server: Server, extra: tuple[str, ...]) -> None:
    """--json prints text, model, provider, finish reason, usage, cost, notices and ids, and says it is complete."""
    server.script(says("hello there", reasoning="hm", id="chat-7"))

    result = dragoman("-m", "openai/m", "--json", *extra, "hi", **provider(server.base_url()))

    answer = json.loads(result.out)
    assert ("hello there", "hm", "openai") == (answer["text"], answer["reasoning"], answer["provider"])
    assert ("stop", True, False, None) == (
        answer["finish_reason"],
        answer["complete"],
        answer["simulated"],
        answer["cost"],
    )
    assert "chat-7" == answer["id"]
    assert ["model"] == [notice["field"] for notice in answer["notices"]]  # not in the catalogue
    assert 3 == answer["usage"]["output_tokens"]
    assert "ok" == answer["attempts"][0]["outcome"]


def test_piped_text_follows_the_prompt(dragoman: Program, server: Server) -> None:
    """Prompt, empty line, standard input; a fragment comes before both."""
    server.script(says("ok"))
    (dragoman.directory / "notes.txt").write_text("note\n")

    dragoman(
        "-m", "openai/m", "-f", "notes.txt", "-s", "Be brief.", "sum up", stdin=b"a\nb\n", **provider(server.base_url())
    )

    system, user = server.requests[0].json["messages"]
    assert "Be brief." == system["content"]
    assert "note\n\n\nsum up\n\na\nb" == user["content"]


@pytest.mark.parametrize("arguments", [("-m", "sim/echo"), ("-m", "sim/echo", "-"), ("ask", "-m", "sim/echo")])
def test_standard_input_alone_is_a_prompt(dragoman: Program, arguments: tuple[str, ...]) -> None:
    """A pipe without a prompt, or with -, is the question."""
    assert "Grüße\n" == dragoman(*arguments, stdin="Grüße\n".encode()).out


def test_nothing_to_ask_is_a_usage_error(dragoman: Program) -> None:
    """No prompt and an empty pipe is exit code 2."""
    result = dragoman("-m", "sim/echo")

    assert (2, "") == (result.code, result.out)
    assert "nothing to ask" in result.err


def test_attachments_travel_by_their_kind(dragoman: Program, server: Server) -> None:
    """A picture is sent as one, whatever its name says; a text file is written into the message under its name."""
    server.script(says("ok"))
    (dragoman.directory / "photo.bin").write_bytes(PNG)
    (dragoman.directory / "data.csv").write_text("a,b")

    result = dragoman("-m", "openai/m", "-a", "photo.bin", "-a", "data.csv", "look", **provider(server.base_url()))

    assert 0 == result.code
    content = server.requests[0].json["messages"][0]["content"]
    assert ["text", "image_url", "text"] == [part["type"] for part in content]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert "data.csv:\n\na,b" == content[2]["text"]


def test_a_picture_can_be_piped_in(dragoman: Program, server: Server) -> None:
    """-a - takes standard input as an attachment, and not as text."""
    server.script(says("ok"))

    dragoman("-m", "openai/m", "-a", "-", "look", stdin=PNG, **provider(server.base_url()))

    content = server.requests[0].json["messages"][0]["content"]
    assert ["look", "image_url"] == [content[0]["text"], content[1]["type"]]


@pytest.mark.parametrize(
    ("arguments", "stdin", "says_"),
    [
        pytest.param(("-a", "missing.png", "x"), b"", "missing.png cannot be read: No such file", id="no-file"),
        pytest.param(("-a", "blob.bin", "x"), b"", "blob.bin: unknown kind of file", id="unknown-kind"),
        pytest.param(("-f", "blob.bin", "x"), b"", "blob.bin is not UTF-8 text", id="fragment"),
        pytest.param(("x",), b"\xff\xfe", "standard input is not UTF-8 text", id="stdin"),
        pytest.param(("-a", "-", "-"), b"x", "standard input is named twice", id="stdin-twice"),
        pytest.param(("-o", "temprature=1", "x"), b"", "did you mean temperature?", id="slip"),
        pytest.param(("-o", "temperature", "x"), b"", "write -o name=value", id="no-value"),
        pytest.param(("-o", "temperature=warm", "x"), b"", "temperature is 'warm'", id="bad-value"),
        pytest.param(("--timeout", "-1", "x"), b"", "timeout is -1.0", id="timeout"),
        pytest.param(("--json", "--raw", "x"), b"", "exclude each other", id="exclusive"),
        pytest.param(("--jsn", "x"), b"", "No such option", id="no-option"),
    ],
)
def test_bad_input_is_exit_code_2(dragoman: Program, arguments: tuple[str, ...], stdin: bytes, says_: str) -> None:
    """What the caller wrote wrongly is named, nothing is sent, nothing goes to standard output."""
    (dragoman.directory / "blob.bin").write_bytes(b"\x00\xff\x01")

    result = dragoman("ask", "-m", "sim/echo", *arguments, stdin=stdin)

    assert (2, "") == (result.code, result.out)
    assert says_ in result.err
    assert "Traceback" not in result.err


def test_options_are_settings(dragoman: Program, server: Server) -> None:
    """-o takes numbers, lists, texts and JSON, as the settings want them."""
    server.script(says("ok"))
    options = ("temperature=0.5", "stop=5", "seed=7", "user=42", "max-tokens=9", 'metadata={"a":"b"}', "reasoning=low")

    dragoman(
        "-m", "openai/m", *(word for option in options for word in ("-o", option)), "x", **provider(server.base_url())
    )

    body = server.requests[0].json
    assert (0.5, ["5"], 7, "42") == (body["temperature"], body["stop"], body["seed"], body["user"])
    assert ({"a": "b"}, "low", 9) == (body["metadata"], body["reasoning_effort"], body["max_completion_tokens"])


def test_a_dry_run_shows_the_request_and_sends_nothing(dragoman: Program, server: Server) -> None:
    """--dry-run prints method, address, headers and body; the key is masked."""
    result = dragoman("-m", "openai/m", "--dry-run", "hi", **provider(server.base_url()))

    first, *_ = result.out.splitlines()
    head, _, body = result.out.partition("\n\n")
    assert f"POST {server.base_url()}/chat/completions" == first
    assert "authorization: [redacted]" in head
    assert "hi" == json.loads(body)["messages"][0]["content"]
    assert KEY not in result.out + result.err
    assert () == server.all_requests


@pytest.mark.parametrize(
    ("step", "code", "says_"),
    [
        pytest.param(status(401, "no such key"), 3, "dragoman keys", id="key"),
        pytest.param(status(404, "no such model", code="model_not_found"), 3, "dragoman models", id="model"),
        pytest.param(status(400, "bad"), 5, "bad", id="bad-request"),
        pytest.param(status(403, "no"), 5, "no", id="permission"),
        pytest.param(status(429, code="insufficient_quota"), 4, "billing", id="quota"),
        pytest.param(raw(b"<html>login</html>", headers={"content-type": "text/html"}), 5, "HTML", id="html"),
    ],
)
def test_exit_codes_tell_what_went_wrong(dragoman: Program, server: Server, step: Step, code: int, says_: str) -> None:
    """3 key or model, 4 limits, 5 provider; the message says what and what helps, and there is no traceback."""
    server.default = step

    result = dragoman("-m", "openai/m", "hi", **provider(server.base_url()))

    assert (code, "") == (result.code, result.out)
    assert result.err.startswith("dragoman: ")
    assert says_ in result.err
    assert KEY not in result.err
    assert "Traceback" not in result.err


def test_no_key_is_exit_code_3(dragoman: Program) -> None:
    """The variable to set is named."""
    result = dragoman("-m", "openai/m", "hi")

    assert 3 == result.code
    assert "OPENAI_API_KEY is set neither in the environment nor in ./.env" in result.err
    assert "fix: dragoman keys set openai · export OPENAI_API_KEY=" in result.err


def test_nobody_there_is_exit_code_5(dragoman: Program) -> None:
    """A refused connection is the provider's side; doctor is what helps."""
    result = dragoman("-m", "openai/m", "hi", OPENAI_API_KEY=KEY, OPENAI_BASE_URL="http://127.0.0.1:9/v1")

    assert 5 == result.code
    assert "fix: dragoman doctor" in result.err


def test_nothing_configured_in_a_pipeline_is_exit_code_3(dragoman: Program) -> None:
    """A pipeline never gets invented text."""
    result = dragoman("summarise", stdin=b"log")

    assert (3, "") == (result.code, result.out)
    assert "no model available and output is not a terminal, so the simulated model is not used." in result.err
    assert "-m sim/echo (explicit simulation)" in result.err


def test_a_broken_answer_keeps_what_came(dragoman: Program, server: Server) -> None:
    """A cut stream leaves its text on standard output, ends the line, and fails with 5."""
    server.script(events(Start("1", "m"), TextDelta("half an ans")))

    result = dragoman("-m", "openai/m", "hi", **provider(server.base_url()))

    assert (5, "half an ans\n") == (result.code, result.out)
    assert "before it was complete" in result.err


def test_a_broken_answer_as_json_says_so(dragoman: Program, server: Server) -> None:
    """--json gives the part that came, marked as not complete."""
    server.script(events(Start("1", "m"), TextDelta("half an ans")))

    result = dragoman("-m", "openai/m", "--json", "hi", **provider(server.base_url()))

    answer = json.loads(result.out)
    assert (5, "half an ans", False) == (result.code, answer["text"], answer["complete"])


def test_a_refusal_is_not_an_answer(dragoman: Program, server: Server) -> None:
    """The words of refusal go to standard error, and the exit code is 6."""
    server.script(events(Start("1", "m"), RefusalDelta("I will not."), Finish("stop", "stop")))

    result = dragoman("-m", "openai/m", "hi", **provider(server.base_url()))

    assert (6, "") == (result.code, result.out)
    assert "the model refused: I will not." in result.err


def test_a_cut_answer_is_said(dragoman: Program, server: Server) -> None:
    """An answer that hit its limit is printed, with a remark."""
    server.script(says("so far", finish="length"))

    result = dragoman("-m", "openai/m", "hi", **provider(server.base_url()))

    assert (0, "so far\n") == (result.code, result.out)
    assert "cut at the output limit" in result.err


def test_usage_is_shown_on_demand(dragoman: Program, server: Server) -> None:
    """-u tells tokens, time and cost on standard error."""
    server.script(says("one two three"))

    result = dragoman("-m", "openai/m", "-u", "hi", **provider(server.base_url()))

    assert "one two three\n" == result.out
    assert "· 1 in · 3 out · " in result.err
    assert "cost not known" in result.err


def test_a_local_server_answers_when_nothing_is_configured(dragoman: Program) -> None:
    """The server that was recognised gets the prompt, and only after it was recognised; --why tells the way."""
    answer = 'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

    def reply(request: bytes) -> bytes:
        if request.startswith(b"POST /v1/chat/completions"):
            return http(answer, kind="text/event-stream")
        return paths(OLLAMA)(request)

    with Machine(reply) as machine:
        ports = f"ollama={machine.port}"
        result = dragoman("--why", "the prompt", DRAGOMAN_NO_DETECT="", DRAGOMAN_DETECT_PORTS=ports)

    assert (0, "hi\n") == (result.code, result.out)
    assert f"· using ollama/qwen3:8b — found at 127.0.0.1:{machine.port}" in result.err
    assert ["GET", "GET", "POST"] == [request.split(b" ")[0].decode() for request in machine.seen]


def test_an_impostor_never_gets_the_prompt(dragoman: Program) -> None:
    """What listens at a model server's port and is none is asked for its models and for nothing else."""
    with Machine(lambda request: http("<html>app</html>", kind="text/html")) as machine:
        ports = f"ollama={machine.port},vllm={machine.port}"
        result = dragoman("my secret prompt", DRAGOMAN_NO_DETECT="", DRAGOMAN_DETECT_PORTS=ports)

    assert 3 == result.code
    assert machine.seen
    assert all(request.startswith(b"GET ") and b"secret" not in request for request in machine.seen)


def test_a_key_for_the_server_on_this_machine_waits_until_it_is_recognised(dragoman: Program) -> None:
    """Looking around sends no key; the call that follows does."""
    answer = 'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

    def reply(request: bytes) -> bytes:
        posted = request.startswith(b"POST")
        return http(answer, kind="text/event-stream") if posted else paths({"/v1/models": openai_list("m")})(request)

    with Machine(reply) as machine:
        ports = f"vllm={machine.port}"
        dragoman("hi", VLLM_API_KEY=KEY, DRAGOMAN_NO_DETECT="", DRAGOMAN_DETECT_PORTS=ports)

    assert [False, True] == [KEY.encode() in request for request in machine.seen]


def test_an_env_file_gives_the_key(dragoman: Program, server: Server) -> None:
    """Key and address from ./.env are used; the process's own environment is not changed."""
    (dragoman.directory / ".env").write_text(f"OPENAI_API_KEY='{KEY}'\nOPENAI_BASE_URL={server.base_url()}\n")
    server.script(says("ok"))

    result = dragoman("hi")

    assert (0, "ok\n", "") == (result.code, result.out, result.err)
    assert "gpt-5.6-luna" == server.requests[0].json["model"]


def test_an_env_file_that_would_redirect_the_users_key_is_ignored_aloud(dragoman: Program, server: Server) -> None:
    """The key of the environment does not go to the address of a `.env`."""
    (dragoman.directory / ".env").write_text(f"OPENAI_BASE_URL={server.base_url()}\n")

    result = dragoman("-m", "openai/m", "--dry-run", "hi", OPENAI_API_KEY=KEY)

    assert result.out.startswith("POST https://api.openai.com/v1/")
    assert "OPENAI_BASE_URL in .env is ignored" in result.err


# --- simulation ----------------------------------------------------------------------------------------------------


def test_an_explicit_simulation_is_marked_beside_the_answer(dragoman: Program) -> None:
    """In a pipe the tag is on standard error, so that the text stays what it is."""
    result = dragoman("-m", "sim/echo", "a b")

    assert (0, "a b\n") == (result.code, result.out)
    assert "SIMULATED" in result.err


def test_a_simulated_answer_as_json_says_so(dragoman: Program) -> None:
    """`simulated` is true."""
    assert json.loads(dragoman("-m", "sim/echo", "--json", "a").out)["simulated"] is True


def test_raw_adds_nothing(dragoman: Program) -> None:
    """--raw is the text and not one byte more."""
    assert "a b" == dragoman("-m", "sim/echo", "--raw", "a b").out


def test_on_a_terminal_the_simulator_steps_in_and_says_so(dragoman: Program) -> None:
    """With nothing configured a person gets an answer, tagged, with the ways to a real model."""
    result = dragoman.on_terminal("why is the sky blue?")

    assert 0 == result.code
    assert "no API key and no local server found — answering with the built-in SIMULATED model" in result.out
    assert "▌SIMULATED▐ This is canned text" in result.out
    assert "· real models:  export OPENAI_API_KEY=" in result.out


def test_a_ci_terminal_is_not_a_person(dragoman: Program) -> None:
    """CI=true with a terminal fails with 3 all the same."""
    result = dragoman.on_terminal("hi", CI="true")

    assert 3 == result.code
    assert "unattended run (CI)" in result.out


# --- terminals and signals -----------------------------------------------------------------------------------------


def test_on_a_terminal_the_choice_the_reasoning_and_the_usage_are_seen(dragoman: Program, server: Server) -> None:
    """The choice is said once, reasoning is faint, usage closes; none of it is in the answer's lines."""
    server.script(says("Blue.", reasoning="thinking hard"))

    result = dragoman.on_terminal("hi", **provider(server.base_url()))

    assert "· using openai/gpt-5.6-luna — key found in OPENAI_API_KEY, address from OPENAI_BASE_URL" in result.out
    assert "\x1b[2mthinking" in result.out
    assert "\nBlue.\n" in result.out
    assert "· 1 in · " in result.out


def test_no_color_is_obeyed(dragoman: Program, server: Server) -> None:
    """NO_COLOR and TERM=dumb leave no escape sequence."""
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        server.script(says("Blue.", reasoning="hm"))

        assert "\x1b" not in dragoman.on_terminal("hi", **{**provider(server.base_url()), name: value}).out


def test_an_answer_cannot_command_the_terminal(dragoman: Program, server: Server) -> None:
    """Escape sequences of a model are not executed on a terminal, and are kept in a pipe."""
    evil = "a\x1b]52;c;ZXZpbA==\x07b\x9b31mc\u202ed"
    server.script(says(evil, chunk=1), says(evil))

    shown = dragoman.on_terminal("-m", "openai/m", "hi", **provider(server.base_url())).out
    piped = dragoman("-m", "openai/m", "hi", **provider(server.base_url())).out

    assert "a]52;c;ZXZpbA==b31mcd\n" in shown
    assert evil + "\n" == piped


def test_ctrl_c_ends_the_stream_and_keeps_the_text(dragoman: Program, server: Server) -> None:
    """Exit code 130, the words that came are there, and the provider sees the connection close."""
    server.script(says("first " + "more " * 200, pace=0.05))

    result = dragoman.on_terminal("-m", "openai/m", "hi", interrupt_at="first", **provider(server.base_url()))

    assert 130 == result.code
    assert "first" in result.out
    assert "Traceback" not in result.out
    assert server.requests[0].wait_closed() is not None


def test_ctrl_c_before_the_first_word(dragoman: Program, server: Server) -> None:
    """Waiting for an answer can be interrupted too."""
    server.script(says("late", latency=30))
    process = dragoman.start("-m", "openai/m", "hi", **provider(server.base_url()))
    while not server.requests:
        assert process.poll() is None

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)

    assert 130 == process.returncode
    assert b"Traceback" not in err


def test_a_reader_that_leaves_is_no_error(dragoman: Program, server: Server) -> None:
    """`dragoman ... | head -c 5` is quiet, ends with 0, and closes the upstream."""
    server.script(says("word " * 400, pace=0.02))
    process = dragoman.start("-m", "openai/m", "hi", **provider(server.base_url()))
    assert process.stdout is not None
    assert process.stderr is not None
    assert b"word" == process.stdout.read(4)
    process.stdout.close()

    err = process.stderr.read()
    process.stderr.close()

    assert (0, b"") == (process.wait(10), err)
    assert server.requests[0].wait_closed() is not None


def test_a_fault_of_the_program_shows_no_traceback(dragoman: Program, tmp_path: Path) -> None:
    """An exception that nobody expected says whom to tell; DRAGOMAN_DEBUG=1 shows where it came from."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "click.py").write_text("raise ZeroDivisionError('broken')")
    for debug in ("", "1"):
        process = dragoman.start("-m", "sim/echo", "hi", PYTHONPATH=str(tmp_path / "site"), DRAGOMAN_DEBUG=debug)
        out, err = process.communicate(timeout=10)

        assert (1, b"") == (process.returncode, out)
        assert bool(debug) == (b"Traceback" in err)
        assert b"a fault of the program, not yours: ZeroDivisionError: broken" in err
