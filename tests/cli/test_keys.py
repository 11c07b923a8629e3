"""`dragoman keys`: what is stored, found, shown, tried, removed; and that no key is seen on the way."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dragoman.testing import Server, model_list, says, status
from tests.cli.program import Program, Result

KEY = "canary-3e7b-key-of-no-one-4711"


def folder(dragoman: Program) -> Path:
    return dragoman.directory.parent / ".config" / "dragoman"


def store(dragoman: Program, *arguments: str, key: str = KEY, provider: str = "openai") -> Result:
    return dragoman("keys", "set", provider, "--no-test", *arguments, stdin=f"{key}\n".encode())


# --- set ------------------------------------------------------------------------------------------------------------


def test_a_stored_key_is_found_by_every_command(dragoman: Program, server: Server) -> None:
    """Piped in, kept in a file that only its owner can read, and sent by the next question."""
    server.default = says("hello")
    result = store(dragoman)

    assert (0, "") == (result.code, result.out)
    assert f"stored in {folder(dragoman)}/keys.age" in result.err
    answer = dragoman("-m", "openai/m", "hi", OPENAI_BASE_URL=server.base_url())
    assert "hello\n" == answer.out
    assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]
    assert KEY not in result.err + answer.err


def test_nothing_of_a_stored_key_is_readable(dragoman: Program) -> None:
    """Folder 0700, files 0600, whatever the umask; the key is in none of them, and no draft is left."""
    before = os.umask(0)
    try:
        store(dragoman)
    finally:
        os.umask(before)

    files = sorted(folder(dragoman).iterdir())
    assert [".keys.lock", "age-identity.txt", "keys.age", "keys.json"] == [file.name for file in files]
    assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}
    assert 0o700 == stat.S_IMODE(folder(dragoman).stat().st_mode)
    assert not [file for file in files if KEY.encode() in file.read_bytes()]


def test_a_typed_key_is_not_echoed(dragoman: Program) -> None:
    """On a terminal it is asked for, unseen."""
    result = typed(dragoman, "keys", "set", "openai", "--no-test", text=f"{KEY}\n")

    assert 0 == result.code
    assert "Key for openai (input hidden): " in result.out
    assert KEY not in result.out
    assert f"{KEY}\n" == dragoman("keys", "get", "openai", "--reveal").out


def typed(dragoman: Program, *arguments: str, text: str) -> Result:
    """Run it on a terminal, and type once it asks."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "dragoman", *arguments]
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dragoman.environ,
        cwd=dragoman.directory,
        start_new_session=True,
    )
    os.close(theirs)
    shown, until = b"", time.monotonic() + 20
    while time.monotonic() < until:
        ready, _, _ = select.select([ours], [], [], 0.05)
        try:
            piece = os.read(ours, 65536) if ready else None
        except OSError:  # what Linux says when the other end of a terminal is closed
            break
        shown += piece or b""
        if text and b"hidden): " in shown:
            os.write(ours, text.encode())
            text = ""
    os.close(ours)
    return Result(process.wait(10), shown.decode().replace("\r\n", "\n"), "")


def test_a_key_is_tried_when_it_is_set(dragoman: Program, server: Server) -> None:
    """One request for the list of models; a refused key is stored all the same, and said to be refused."""
    server.on("/v1/models", model_list("a", "b"))
    good = dragoman("keys", "set", "openai", stdin=KEY.encode(), OPENAI_BASE_URL=server.base_url())
    server.on("/v1/models", status(401, f"Incorrect API key: {KEY}"))
    bad = dragoman("keys", "set", "openai", stdin=KEY.encode(), OPENAI_BASE_URL=server.base_url())

    assert 0 == good.code
    assert "✓ openai: works" in good.err
    assert "2 models" in good.err
    assert 3 == bad.code
    assert "✗ openai: openai: Incorrect API key: [redacted]" in bad.err
    assert 2 == len(server.all_requests)


@pytest.mark.parametrize(
    ("key", "says_"),
    [
        pytest.param(f"{KEY} x", "the key has a space in it", id="space"),
        pytest.param(f"{KEY}é", "no visible ASCII at its end", id="non-ascii"),
        pytest.param(f"{KEY}\n{KEY}", "a line break in it", id="two-lines"),
        pytest.param("", "the key is empty", id="nothing"),
    ],
)
def test_a_damaged_key_is_not_stored(dragoman: Program, key: str, says_: str) -> None:
    """It is refused before anything is written, and not shown."""
    result = store(dragoman, key=key)

    assert 2 == result.code
    assert says_ in result.err
    assert KEY not in result.err
    assert not folder(dragoman).exists()


def test_a_reference_is_stored_instead_of_a_key(dragoman: Program, server: Server) -> None:
    """`--ref` names where the key is; it is looked up when it is used."""
    server.default = says("hello")
    (dragoman.directory / "key").write_text(f"{KEY}\n")
    result = dragoman("keys", "set", "openai", "--no-test", "--ref", f"file:{dragoman.directory}/key?ttl=5")

    assert f"stored as file:{dragoman.directory}/key" in result.err
    assert {"openai": f"file:{dragoman.directory}/key?ttl=5"} == json.loads(
        (folder(dragoman) / "keys.json").read_text()
    )
    assert 0 == dragoman("-m", "openai/m", "hi", OPENAI_BASE_URL=server.base_url()).code
    assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]
    assert 2 == dragoman("keys", "set", "openai", "--ref", KEY).code
    assert KEY not in dragoman("keys", "set", "openai", "--ref", KEY).err
    assert 2 == dragoman("keys", "set", "openai", "--ref", "env:X", "--store", "age").code


def test_the_keyring_is_used_where_one_is_chosen(dragoman: Program) -> None:
    """A keyring that someone configured keeps the key, the index only its place; `rm` takes it out."""
    chosen = {
        "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
        "XDG_DATA_HOME": str(dragoman.directory.parent / "data"),
    }

    def run(*arguments: str, stdin: str = "") -> str:
        command = [sys.executable, "-m", "dragoman", *arguments]
        done = subprocess.run(
            command, env=dragoman.environ | chosen, cwd=dragoman.directory, input=stdin, capture_output=True, text=True
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout + done.stderr

    assert "stored in the system's keyring" in run("keys", "set", "groq", "--no-test", stdin=KEY)
    assert {"groq": "keyring:dragoman/groq"} == json.loads((folder(dragoman) / "keys.json").read_text())
    assert KEY in run("keys", "get", "groq", "--reveal")
    run("keys", "rm", "groq")
    kept = next((dragoman.directory.parent / "data").rglob("*.cfg")).read_text()
    assert "groq" not in kept


@pytest.mark.parametrize(("provider", "code"), [("opnai", 3), ("sim", 2)])
def test_a_provider_that_takes_no_key(dragoman: Program, provider: str, code: int) -> None:
    """Names that are none, and providers without keys, are refused before a key is asked for."""
    assert code == store(dragoman, provider=provider).code
    assert not folder(dragoman).exists()


def test_an_alias_leads_to_its_provider(dragoman: Program) -> None:
    """`claude` is `anthropic`."""
    store(dragoman, provider="claude")

    assert ["anthropic"] == [row["provider"] for row in json.loads(dragoman("keys", "--json").out)]


# --- get, list, rm --------------------------------------------------------------------------------------------------


def test_get_shows_the_end_unless_it_is_told_to_reveal(dragoman: Program) -> None:
    """The last four characters are enough to know one's key; the source goes to standard error."""
    store(dragoman)
    masked = dragoman("keys", "get", "openai")

    assert "…4711\n" == masked.out
    assert "from the stored key (age:)" in masked.err
    assert f"{KEY}\n" == dragoman("keys", "get", "openai", "--reveal").out
    assert "…\n" == dragoman("keys", "get", "openai", OPENAI_API_KEY="short-key").out
    assert 3 == dragoman("keys", "get", "groq").code


def test_list_tells_where_each_key_comes_from(dragoman: Program) -> None:
    """Variables, `.env` and what is stored, what outranks what, and what is wrong; no key and no look-up."""
    store(dragoman)
    dragoman("keys", "set", "mistral", "--no-test", "--ref", "vault:kv/llm#mistral")
    (dragoman.directory / ".env").write_text(f"GROQ_API_KEY={KEY}\n")
    told = {"OPENAI_API_KEY": KEY, "XAI_API_KEY": "awskms:AQICAHhQxxxxxxxxxxxx", "COHERE_API_KEY": f"{KEY} "}
    result = dragoman("keys", "list", "--json", **told)
    rows = {row.pop("provider"): row for row in json.loads(result.out)}

    assert {"openai", "groq", "mistral", "xai", "cohere"} == set(rows)
    assert "OPENAI_API_KEY" == rows["openai"]["source"]
    assert rows["openai"]["outranked"].startswith("age:")
    assert "GROQ_API_KEY in .env" == rows["groq"]["source"]
    assert ("stored", "vault:kv/llm#mistral") == (rows["mistral"]["source"], rows["mistral"]["reference"])
    assert "awskms:AQICAHhQ…" == rows["xai"]["reference"]
    assert "COHERE_API_KEY has a space at its end" in rows["cohere"]["problem"]
    table = dragoman("keys", **told)
    assert KEY not in result.out + result.err + table.out + table.err
    assert table.out.startswith("provider ")


def test_nothing_stored_is_no_failure(dragoman: Program) -> None:
    """An empty list says what to do."""
    result = dragoman("keys")

    assert 0 == result.code
    assert "dragoman keys set PROVIDER" in result.err
    assert not folder(dragoman).exists()


def test_rm_forgets(dragoman: Program) -> None:
    """The key leaves the encrypted file, too; a second time there is nothing to remove."""
    store(dragoman)
    store(dragoman, provider="groq")

    assert 0 == dragoman("keys", "rm", "openai").code
    assert ["groq"] == [row["provider"] for row in json.loads(dragoman("keys", "--json").out)]
    assert 3 == dragoman("keys", "get", "openai").code
    assert f"{KEY}\n" == dragoman("keys", "get", "groq", "--reveal").out
    again = dragoman("keys", "rm", "openai")
    assert 3 == again.code
    assert "no key is stored for openai" in again.err


def test_rm_says_what_is_still_set(dragoman: Program) -> None:
    """A variable goes on giving a key."""
    store(dragoman)

    assert "OPENAI_API_KEY is still set" in dragoman("keys", "rm", "openai", OPENAI_API_KEY="k").err


# --- test, import ---------------------------------------------------------------------------------------------------


def test_test_says_which_keys_work(dragoman: Program, server: Server) -> None:
    """Each provider that has a key gets one request; the exit code is that of the first failure."""
    server.on("/v1/models", status(401, "no such key"))
    told = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.base_url()}
    result = dragoman("keys", "test", "--json", **told)
    (row,) = json.loads(result.out)

    assert 3 == result.code
    assert (False, 401, "AuthenticationError", "OPENAI_API_KEY") == (
        row["ok"],
        row["status"],
        row["error"],
        row["source"],
    )
    server.on("/v1/models", model_list("a"))
    fine = dragoman("keys", "test", "openai", **told)
    assert (0, "") == (fine.code, fine.out)
    assert "✓ openai: works" in fine.err
    assert KEY not in result.out + result.err + fine.err
    assert 3 == dragoman("keys", "test").code


def test_import_takes_the_keys_of_a_file_over(dragoman: Program) -> None:
    """Keys are stored, references stored as such, programs to run and damaged keys are not; nothing is replaced."""
    (dragoman.directory / "their.env").write_text(
        f"OPENAI_API_KEY={KEY}\nGROQ_API_KEY=env:OTHER\nXAI_API_KEY=cmd:touch {dragoman.directory}/ran\n"
        f"COHERE_API_KEY='{KEY} '\nPATH=/x\n"
    )
    first = dragoman("keys", "import", "their.env", "--json")
    rows = {row["provider"]: row for row in json.loads(first.out)}

    assert 1 == first.code
    assert rows["openai"]["stored"].endswith("keys.age")
    assert "as env:OTHER" == rows["groq"]["stored"]
    assert "names a program to run" in rows["xai"]["reason"]
    assert "a space at its end" in rows["cohere"]["reason"]
    assert not (dragoman.directory / "ran").exists()
    assert f"{KEY}\n" == dragoman("keys", "get", "openai", "--reveal").out
    again = dragoman("keys", "import", "their.env")
    assert "OPENAI_API_KEY: a key is stored already; --force" in again.err
    assert KEY not in first.out + first.err + again.err


def test_import_takes_the_keys_of_the_environment_over(dragoman: Program) -> None:
    """`--env` stores what is exported."""
    result = dragoman("keys", "import", "--env", OPENAI_API_KEY=KEY)

    assert 0 == result.code
    assert f"{KEY}\n" == dragoman("keys", "get", "openai", "--reveal").out
    assert 2 == dragoman("keys", "import", "x.env", "--env").code
    assert 2 == dragoman("keys", "import", "missing.env").code
    assert 1 == dragoman("keys", "import", "--env").code


# --- storing under trouble ------------------------------------------------------------------------------------------


def test_of_many_processes_none_undoes_another(dragoman: Program) -> None:
    """Eight at once store a key each, and all eight are there."""
    names = ["openai", "groq", "mistral", "xai", "cohere", "deepseek", "together", "anthropic"]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "dragoman", "keys", "set", name, "--no-test"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dragoman.environ,
            cwd=dragoman.directory,
        )
        for name in names
    ]
    for process, name in zip(started, names, strict=True):
        process.communicate(f"{KEY}-{name}\n".encode())

    assert {0} == {process.returncode for process in started}
    assert {name: f"{KEY}-{name}\n" for name in names} == {
        name: dragoman("keys", "get", name, "--reveal").out for name in names
    }


def test_what_cannot_be_written_leaves_what_was_there(dragoman: Program) -> None:
    """A place that takes no file is an error that names it; the keys stored before are still there."""
    store(dragoman)
    (folder(dragoman) / f".keys.age.{os.getpid()}").mkdir()  # in the way of the draft
    result = store(dragoman, provider="groq")

    assert 2 == result.code
    assert "keys.age cannot be written" in result.err
    assert KEY not in result.err
    assert f"{KEY}\n" == dragoman("keys", "get", "openai", "--reveal").out
    assert ["openai"] == [row["provider"] for row in json.loads(dragoman("keys", "--json").out)]


def test_a_full_disk_leaves_what_was_there(dragoman: Program) -> None:
    """Where no byte can be written, the error says so, and the keys stored before are still there."""
    store(dragoman)
    before = {file.name: file.read_bytes() for file in folder(dragoman).iterdir()}
    full = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; exec {sys.executable} -m dragoman keys set groq --no-test"],
        input=KEY.encode(),
        capture_output=True,
        env=dragoman.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        cwd=dragoman.directory,
        check=False,
    )

    assert 2 == full.returncode
    assert b"keys.age cannot be written: File too large" in full.stderr
    assert KEY.encode() not in full.stderr
    assert before == {file.name: file.read_bytes() for file in folder(dragoman).iterdir()}


def test_an_encrypted_file_that_is_damaged_is_not_overwritten(dragoman: Program) -> None:
    """Cut short, it is an error for get and set alike."""
    store(dragoman)
    path = folder(dragoman) / "keys.age"
    path.write_bytes(path.read_bytes()[:-3])
    cut = path.read_bytes()

    assert "cannot be opened" in dragoman("keys", "get", "openai").err
    assert 2 == store(dragoman, provider="groq").code
    assert cut == path.read_bytes()


def test_doctor_and_dry_run_show_no_key(dragoman: Program) -> None:
    """They name the source; a damaged index is one finding."""
    store(dragoman)
    dry, doctor = dragoman("-m", "openai/m", "--dry-run", "hi"), dragoman("doctor")

    assert "authorization: [redacted]" in dry.out
    assert "✓ key of openai: found in the stored key (age:)" in doctor.out
    assert KEY not in dry.out + dry.err + doctor.out + doctor.err
    (folder(dragoman) / "keys.json").write_text("{")
    assert 1 == dragoman("doctor").out.count("✗ stored keys: ")


# --- a .env that is just here ---------------------------------------------------------------------------------------


def test_an_env_file_runs_no_program(dragoman: Program) -> None:
    """`cmd:` in the directory's `.env` is not taken, aloud."""
    (dragoman.directory / ".env").write_text(f"OPENAI_API_KEY=cmd:touch {dragoman.directory}/ran\n")
    result = dragoman("-m", "openai/m", "hi")

    assert 3 == result.code
    assert "OPENAI_API_KEY in .env is ignored: it names a program to run" in result.err
    assert "names a program to run" in dragoman("doctor").out
    assert not (dragoman.directory / "ran").exists()


@pytest.mark.parametrize("key", ["stored", "reference"])
def test_an_env_file_cannot_send_a_stored_key_elsewhere(dragoman: Program, key: str, server: Server) -> None:
    """Neither a stored key nor a file of the user's, named by a reference, goes to an address from `.env`."""
    (dragoman.directory.parent / "mine").write_text(KEY)
    lines = [f"OPENAI_BASE_URL={server.base_url()}"]
    if key == "stored":
        store(dragoman)
    else:
        lines.append("OPENAI_API_KEY=file:~/mine")
    (dragoman.directory / ".env").write_text("\n".join(lines))
    result = dragoman("-m", "openai/m", "--dry-run", "hi")

    assert result.out.startswith("POST https://api.openai.com/v1/")
    assert "OPENAI_BASE_URL in .env is ignored" in result.err


def test_a_reference_in_an_env_file_may_name_another_line_of_it(dragoman: Program, server: Server) -> None:
    """`env:` sees what `.env` gives as keys."""
    server.default = says("hello")
    (dragoman.directory / ".env").write_text(f"OPENAI_API_KEY=env:GROQ_API_KEY\nGROQ_API_KEY={KEY}\n")

    assert 0 == dragoman("-m", "openai/m", "hi", OPENAI_BASE_URL=server.base_url()).code
    assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]
