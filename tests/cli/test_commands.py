"""The commands beside `ask`, and what all of them share."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

import dragoman as package
from dragoman import errors
from dragoman.cli import exits
from dragoman.cli.app import COMMANDS
from dragoman.cli.output import safe, width
from dragoman.errors import DragomanError
from tests.cli.machine import OLLAMA, Machine, paths
from tests.cli.program import Program

KEY = "sk-nobodys-key-1234567890"


def all_errors(cls: type[DragomanError] = DragomanError) -> Iterator[type[DragomanError]]:
    """Every class of the tree."""
    yield cls
    for child in cls.__subclasses__():
        yield from all_errors(child)


@pytest.mark.parametrize("cls", sorted(set(all_errors()), key=lambda cls: cls.__name__), ids=lambda cls: cls.__name__)
def test_every_error_has_an_exit_code(cls: type[DragomanError]) -> None:
    """No error of the library ends the command with a code that is not in the list."""
    error = cls.__new__(cls, "x")

    assert exits.exit_code(error) in (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(errors.ConfigError, 2, id="config"),
        pytest.param(errors.UnknownProviderError, 3, id="provider"),
        pytest.param(errors.ModelNotFoundError, 3, id="model"),
        pytest.param(errors.AuthenticationError, 3, id="key"),
        pytest.param(errors.RateLimitError, 4, id="rate"),
        pytest.param(errors.BudgetError, 4, id="budget"),
        pytest.param(errors.OverloadedError, 5, id="overloaded"),
        pytest.param(errors.StreamInterrupted, 5, id="interrupted"),
        pytest.param(errors.WireError, 5, id="wire"),
        pytest.param(errors.SchemaError, 6, id="schema"),
        pytest.param(errors.StoreError, 1, id="store"),
    ],
)
def test_exit_codes_are_stable(error: type[DragomanError], code: int) -> None:
    """Scripts depend on these numbers."""
    assert code == exits.exit_code(error.__new__(error, "x"))


def test_the_version_is_printed_without_loading_anything() -> None:
    """`--version` imports neither click nor msgspec nor the client."""
    code = (
        "import sys; from dragoman.cli.main import run; code = run(['--version']);"
        "loaded = {'click', 'msgspec', 'asyncio', 'dragoman.client', 'http.client'} & set(sys.modules);"
        "assert not loaded, loaded; sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)

    assert (0, f"dragoman {package.__version__}\n") == (result.returncode, result.stdout), result.stderr


def test_asking_loads_no_command_but_its_own() -> None:
    """`ask` does not import the other commands, nor the transports of the other face."""
    code = (
        "import sys; from dragoman.cli.main import run; code = run(['-m', 'sim/echo', '--raw', 'hi']);"
        "loaded = {'dragoman.cli.doctor', 'dragoman.cli.models', 'aiohttp', 'rich'} & set(sys.modules);"
        "assert not loaded, loaded; sys.exit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=False
    )

    assert (0, "hi") == (result.returncode, result.stdout), result.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), *((name, "--help") for name in COMMANDS)], ids=" ".join)
def test_help_is_there_for_everything(dragoman: Program, arguments: tuple[str, ...]) -> None:
    """Help goes to standard output, with exit code 0."""
    result = dragoman(*arguments)

    assert (0, "") == (result.code, result.err)
    assert result.out.startswith("Usage: dragoman")


def test_without_anything_a_person_gets_help(dragoman: Program) -> None:
    """`dragoman` on a terminal explains itself; in a pipeline it asks what is piped in."""
    assert "Usage: dragoman" in dragoman.on_terminal().out
    assert "no model available" in dragoman(stdin=b"text").err


@pytest.mark.parametrize("word", ["docter", "model", "doctr"])
def test_a_mistyped_command_is_not_sent_to_a_model(dragoman: Program, word: str) -> None:
    """One word that is nearly a command is a slip, and costs nothing."""
    result = dragoman(word, DRAGOMAN_MODEL="sim/echo")

    assert (2, "") == (result.code, result.out)
    assert "did you mean" in result.err


@pytest.mark.parametrize("arguments", [("ask", "docter"), ("docter", "please"), ("hello",)], ids=" ".join)
def test_anything_else_is_a_prompt(dragoman: Program, arguments: tuple[str, ...]) -> None:
    """`ask` in front, more words, or a word that is like no command: it is asked."""
    assert 0 == dragoman(*arguments, DRAGOMAN_MODEL="sim/echo").code


def test_models_tells_where_keys_come_from_and_never_a_key(dragoman: Program) -> None:
    """Each row says which variable its key is found in, or which one to set."""
    (dragoman.directory / ".env").write_text("GROQ_API_KEY=gsk_nobodys_key_123456\n")
    result = dragoman("models", OPENAI_API_KEY=KEY)
    lines = {line.split()[0]: line for line in result.out.splitlines()}

    assert 0 == result.code
    assert "✓ OPENAI_API_KEY" in lines["openai"]
    assert "✓ GROQ_API_KEY" in lines["groq"]
    assert "✗ ANTHROPIC_API_KEY" in lines["anthropic"]
    assert "- not needed" in lines["ollama"]
    assert "(not set)" in lines["azure"]
    assert KEY not in result.out + result.err
    assert "nobodys_key" not in result.out


def test_models_as_json(dragoman: Program) -> None:
    """--json gives the same as data; --provider takes an alias; a server of this machine shows its models."""
    with Machine(paths(OLLAMA)) as machine:
        environ = {"DRAGOMAN_NO_DETECT": "", "DRAGOMAN_DETECT_PORTS": f"ollama={machine.port}"}
        (row,) = json.loads(dragoman("models", "--json", "--provider", "ollama", **environ).out)
    (other,) = json.loads(dragoman("models", "--json", "--provider", "Qwen").out)

    assert (True, ["qwen3:8b", "gemma3:4b"]) == (row["running"], row["models"])
    assert f"http://127.0.0.1:{machine.port}/v1" == row["base_url"]
    assert ("dashscope", ["DASHSCOPE_API_KEY"], None) == (
        other["provider"],
        other["key_variables"],
        other["key_found_in"],
    )


def test_models_of_nobody(dragoman: Program) -> None:
    """A provider that is not known is an error with a suggestion."""
    result = dragoman("models", "--provider", "opnai")

    assert (3, "") == (result.code, result.out)
    assert "did you mean openai?" in result.err


def test_doctor_says_what_is_set_up(dragoman: Program) -> None:
    """Versions, keys by the name of their variable, addresses, proxies and the model that would answer."""
    result = dragoman(
        "doctor",
        OPENAI_API_KEY=KEY,
        OPENAI_BASE_URL="http://127.0.0.1:9/v1",
        HTTPS_PROXY="http://me:passw0rd@proxy.example:3128",
    )

    assert 0 == result.code, result.out
    assert "✓ key of openai: found in OPENAI_API_KEY" in result.out
    assert "✓ address of openai: http://127.0.0.1:9/v1 from OPENAI_BASE_URL" in result.out
    assert "✓ HTTPS_PROXY: http://[redacted]@proxy.example:3128" in result.out
    assert "✓ model: openai/gpt-5.6-luna" in result.out
    assert KEY not in result.out
    assert "passw0rd" not in result.out


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        pytest.param({}, "✗ model: no model available", id="no-model"),
        pytest.param({"OPENAI_API_KEY": f"{KEY}\n"}, "✗ key of openai: OPENAI_API_KEY has a line break", id="key"),
        pytest.param({"OPENAI_BASE_URL": "gw/v1"}, "✗ address of openai: OPENAI_BASE_URL does not begin", id="address"),
        pytest.param({"HTTPS_PROXY": "ftp://x"}, "✗ HTTPS_PROXY: is no address of a proxy", id="proxy"),
        pytest.param({"ALL_PROXY": "http://x:port"}, "✗ ALL_PROXY: is no address", id="proxy-port"),
        pytest.param(
            {"SSL_CERT_FILE": "/no/such/file"}, "✗ certificates: SSL_CERT_FILE names '/no/such/file'", id="tls"
        ),
        pytest.param({"DRAGOMAN_MODEL": "opnai/x"}, "✗ model: no provider is called 'opnai'", id="model"),
        pytest.param({"DRAGOMAN_DETECT_PORTS": "x", "DRAGOMAN_NO_DETECT": ""}, "✗ configuration: ", id="ports"),
    ],
)
def test_doctor_finds_what_is_wrong(dragoman: Program, environ: dict[str, str], says: str) -> None:
    """A bad setting is a ✗ with a fix, and exit code 1; no key is shown."""
    result = dragoman("doctor", **environ)

    assert 1 == result.code
    assert says in result.out
    assert "fix: " in result.out
    assert KEY not in result.out


def test_doctor_reads_the_files(dragoman: Program) -> None:
    """A configuration that cannot be read is found, and `.env` by its line."""
    (dragoman.directory / "dragoman.toml").write_text("model = ")
    assert "✗ dragoman.toml" in dragoman("doctor").out
    (dragoman.directory / ".env").write_text("A=1\nnonsense\n")
    assert ".env, line 2 is no NAME=value" in dragoman("doctor").out


def test_doctor_as_json(dragoman: Program) -> None:
    """--json gives each check as an object."""
    checks = json.loads(dragoman("doctor", "--json", DRAGOMAN_MODEL="sim/echo").out)

    assert {"name": "dragoman", "ok": True, "text": package.__version__, "fix": None} in checks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\tb\n", "a\tb\n", id="plain"),
        pytest.param("\x1b[2Ja\x07\r\x00", "[2Ja", id="c0"),
        pytest.param("a\u202eb\u2066c\x9bd", "abcd", id="c1-and-direction"),
        pytest.param("日本 🙂 é", "日本 🙂 é", id="letters"),
    ],
)
def test_text_is_made_safe_for_a_terminal(text: str, expected: str) -> None:
    """Control characters and marks that reverse text are dropped; everything that can be read stays."""
    assert expected == safe(text)


def test_wide_letters_take_two_columns() -> None:
    """Tables stay straight with Chinese text."""
    assert 6 == width("a日本b")


@pytest.mark.parametrize("arguments", [("models",), ("-m", "sim/echo", "hi"), ("--help",)])
def test_a_full_disk_behind_the_output_is_said(dragoman: Program, arguments: tuple[str, ...]) -> None:
    """`dragoman ... > /dev/full` is no fault of the program."""
    shown = dragoman.shell(f"{dragoman.line(*arguments)} > /dev/full")

    assert 1 == shown.code
    assert "standard output: No space left on device" in shown.err
    assert "fault of the program" not in shown.err
    assert "Exception ignored" not in shown.err


def test_a_closed_output_is_no_fault(dragoman: Program) -> None:
    """`>&-` throws the answer away, and nothing else is written in its place."""
    shown = dragoman.shell(f"{dragoman.line('-m', 'sim/echo', 'hi')} >&-")

    assert (0, "") == (shown.code, shown.out)
    assert "fault" not in shown.err


def test_a_home_that_is_no_folder_is_named(dragoman: Program) -> None:
    """What the system refuses is said with the file, and is no fault of the program."""
    shown = dragoman("kit", "eject", "translation", HOME="/dev/null")

    assert 2 == shown.code
    assert "cannot be written" in shown.err


def test_a_full_disk_leaves_the_template_that_was_there(dragoman: Program) -> None:
    """A template that cannot be written whole is not written at all."""
    assert 0 == dragoman("template", "save", "mine", "Say {input}.").code
    line = dragoman.line("template", "save", "mine", "--force", "Other {input}.")
    shown = dragoman.shell(f"trap '' XFSZ; ulimit -f 0; {line} 2>&1 | cat")

    assert "cannot be written" in shown.out
    assert "Say {input}." in dragoman("template", "show", "mine").out


def test_a_table_of_the_configuration_that_is_none_is_named(dragoman: Program) -> None:
    """`options = 3` is not ignored in silence."""
    (dragoman.directory / "dragoman.toml").write_text("options = 3\n")
    shown = dragoman("-m", "sim/echo", "hi")

    assert 2 == shown.code
    assert "options is no table" in shown.err
