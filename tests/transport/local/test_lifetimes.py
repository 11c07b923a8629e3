"""How long local models live: shared, bounded, freed, after `fork`, and when the process ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman import Client, ConfigError, local
from tests.llamacpp.model import CALL, TEXT, write_model

_PRELUDE = """
import os, signal, sys, time
from dragoman import Client, local

folder = sys.argv[1]
TINY = f"local/{folder}/tiny.gguf?threads=1"
LONG = f"local/{folder}/long.gguf?threads=1&ctx=60000"
ENDLESS = {"max_tokens": 50_000, "extra": {"ignore_eos": True}}


def ask(model=TINY):
    with Client() as client:
        return client.chat(model, "why?", temperature=0, max_tokens=2).text


def child(work):
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        work()
        sys.exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with models; their memory is freed in the end."""
    path = tmp_path_factory.mktemp("models")
    write_model(path / "tiny.gguf")
    write_model(path / "long.gguf", context=60_000)
    yield path
    local.unload()


def ask(path: Path | str, query: str = "threads=1") -> str:
    with Client() as client:
        return client.chat(f"local/{path}?{query}", "why?", temperature=0).text


def run(program: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program of its own, which must end within ten seconds."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", _PRELUDE + program, str(folder)],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )


def printed(program: str, folder: Path, code: int = 0, **environ: str) -> list[str]:
    """What a program prints, one entry for each line; it must end as expected and be silent otherwise."""
    done = run(program, folder, **environ)
    assert (code, "") == (done.returncode, done.stderr), done.stderr
    return done.stdout.splitlines()


# --- in memory --------------------------------------------------------------------------------------------------------


def test_models_are_shared_and_freed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clients and two spellings of a path have one model; after unload it is gone, and the next call loads it."""
    local.unload()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))

    assert [TEXT] * 3 == [ask(folder / "tiny.gguf"), ask("tiny.gguf"), ask("~/tiny.gguf")]
    assert [str(folder / "tiny.gguf")] == local.loaded()

    local.unload()
    assert [] == local.loaded()
    assert TEXT == ask("tiny.gguf")


def test_unloading_is_felt(folder: Path) -> None:
    """The threads that llama.cpp has for a model end with it."""
    program = """
def threads():
    return len(os.listdir("/proc/self/task"))

before = threads()
ask()
print(threads() > before + 2)
local.unload()
until = time.monotonic() + 5
while threads() > before + 1 and time.monotonic() < until:  # its log has one thread for the whole process
    time.sleep(0.01)
print(threads() <= before + 1)
"""
    assert ["True", "True"] == printed(program, folder)


def test_two_models_stay(folder: Path) -> None:
    """A third one takes the place of the one that was asked longest ago."""
    local.unload()
    for name in ("a", "b", "c"):
        write_model(folder / f"{name}.gguf")
    for name in ("a", "b", "a", "c"):
        ask(folder / f"{name}.gguf")

    assert [str(folder / "a.gguf"), str(folder / "c.gguf")] == local.loaded()


def test_a_changed_file_is_another_model(folder: Path) -> None:
    """A file that was written anew is loaded anew."""
    path = folder / "changing.gguf"
    write_model(path)
    assert TEXT == ask(path)
    write_model(path.with_suffix(".new"), answer=CALL)
    path.with_suffix(".new").replace(path)

    assert ask(path).startswith("<tool_call>")


def test_a_model_that_answers_goes_when_its_answer_is_out(folder: Path) -> None:
    """Unloading cuts no answer."""
    with Client().stream(f"local/{folder}/tiny.gguf?threads=1", "why?", temperature=0) as stream:
        next(stream)
        local.unload()

        assert TEXT == stream.drain().text


def test_a_file_that_is_mended_is_loaded(folder: Path) -> None:
    """What failed is tried again, not remembered."""
    path = folder / "late.gguf"
    path.write_bytes(b"GGUF")
    with pytest.raises(ConfigError):
        ask(path)
    write_model(path)

    assert TEXT == ask(path)


# --- the process ------------------------------------------------------------------------------------------------------


def test_nothing_is_imported_before_it_is_asked(folder: Path) -> None:
    """Importing, calling other models, and looking at what is loaded bring in neither the transport nor the library."""
    program = """
import dragoman
Client().chat("sim/echo", "hi")
local.unload()
print(local.loaded(), [name for name in sys.modules if "xllamacpp" in name or "transport.local" in name])
"""
    assert ["[] []"] == printed(program, folder)


def test_the_missing_library_is_named(folder: Path) -> None:
    """Without the extra the error says how to get it; a file that is wrong anyway is said first."""
    program = """
sys.modules["xllamacpp"] = None
for model in (TINY, f"local/{folder}"):
    try:
        ask(model)
    except dragoman.ConfigError as error:
        print(error)
"""
    lines = printed(f"import dragoman{program}", folder)

    assert "pip install dragoman[local]" in lines[0]
    assert "is a directory" in lines[1]


def test_a_model_of_the_hub_needs_its_library_or_its_cache(folder: Path) -> None:
    """`hf:` names are looked up in the hub's cache; without network or library the error says what to do."""
    cache = folder / "hub" / "models--some--tiny"
    (cache / "snapshots" / "1").mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("1")
    write_model(cache / "snapshots" / "1" / "tiny.gguf")
    program = """
import dragoman
print(ask("local/hf:some/tiny/tiny.gguf?threads=1"), local.loaded())
for hidden in (False, True):
    sys.modules.update({"huggingface_hub": None} if hidden else {})
    try:
        ask("local/hf:some/tiny/other.gguf")
    except dragoman.ConfigError as error:
        print(error.message)
"""
    done = run(program, folder, HF_HUB_OFFLINE="1", HF_HUB_CACHE=str(folder / "hub"))
    lines = done.stdout.splitlines()

    assert " The sky ['hf:some/tiny/tiny.gguf']" == lines[0], done.stderr
    assert "could not be fetched" in lines[1]
    assert "pip install huggingface_hub" in lines[-1]


def test_a_child_has_models_of_its_own(folder: Path) -> None:
    """A forked child loads for itself, ends by itself, and leaves the parent's model alone."""
    program = """
print(ask())
print(child(lambda: print(local.loaded(), ask(), flush=True)))
print(child(lambda: None))
print(ask())
"""
    assert [" The sky", "[]  The sky", "7", "7", " The sky"] == printed(program, folder)


def test_a_child_that_can_free_nothing_says_so(folder: Path) -> None:
    """After a fork from a process with models llama.cpp cannot free any, so a third is refused instead of a crash."""
    program = """
import dragoman
def work():
    for more in ("", "&slots=2", "&slots=3"):
        try:
            print(ask(TINY + more), flush=True)
        except dragoman.ConfigError as error:
            print("spawn" in error.message, flush=True)
    try:
        local.unload()
    except dragoman.ConfigError as error:
        print("end the process" in error.message, flush=True)
ask()
print(child(work))
"""
    assert [" The sky", " The sky", "True", "True", "7"] == printed(program, folder)


def test_a_child_of_a_process_without_models_is_free(folder: Path) -> None:
    """Where the models were freed before the fork, the child may free its own."""
    program = """
ask()
local.unload()
print(child(lambda: [print(ask(TINY + f"&slots={n}"), flush=True) for n in (1, 2, 3)] and local.unload()))
"""
    assert [" The sky"] * 3 + ["7"] == printed(program, folder)


def test_a_child_cannot_read_the_parents_stream(folder: Path) -> None:
    """A stream that was open at the fork is an error in the child, and goes on in the parent."""
    program = """
import dragoman
stream = Client().stream(LONG, "why?", temperature=0, **ENDLESS)
next(stream)
def work():
    try:
        for _ in range(10_000): next(stream)
    except dragoman.StreamInterrupted as error:
        print("forked from" in error.message, flush=True)
print(child(work))
print(len([next(stream) for _ in range(20)]))
"""
    assert ["True", "7", "20"] == printed(program, folder)


def test_the_end_of_the_process_waits_for_no_answer(folder: Path) -> None:
    """A process that ends in the midst of an answer ends well and soon."""
    program = """
stream = Client().stream(LONG, "why?", **ENDLESS)
next(stream)
ask()
sys.exit(3)
"""
    began = time.monotonic()

    assert [] == printed(program, folder, code=3)
    assert time.monotonic() - began < 5


def test_interrupting_works_as_ever(folder: Path) -> None:
    """Loading a model takes no signal from the program: Ctrl-C is a KeyboardInterrupt, also while it waits."""
    program = """
client = Client()
before = signal.getsignal(signal.SIGINT)
with client.stream(LONG, "why?", temperature=0, **ENDLESS) as stream:
    next(stream)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        for _ in stream: pass
    except KeyboardInterrupt:
        print("interrupted", before is signal.getsignal(signal.SIGINT))
print(ask(LONG))
"""
    assert ["interrupted True", " The sky"] == printed(program, folder)


def test_nothing_listens(folder: Path) -> None:
    """llama.cpp's own HTTP server, which it always starts, cannot be reached: no TCP port, and no file is left."""
    program = """
import socket, tempfile
from pathlib import Path

def listeners():
    ours = {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}
    rows = [line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()]
    return sum(f"socket:[{row[9]}]" in ours for row in rows)

tempfile.tempdir = folder
files = sorted(os.listdir(folder))
ask()
print(listeners(), sorted(os.listdir(folder)) == files)
with socket.create_server(("127.0.0.1", 0)):
    print(listeners())
"""
    assert ["0 True", "1"] == printed(program, folder)
