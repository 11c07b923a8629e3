"""The local log store: what it keeps, finds, masks and removes; and that no call waits for it or fails with it."""

from __future__ import annotations

import gc
import json
import logging
import multiprocessing
import os
import resource
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from dragoman import BadRequestError, Client, ConfigError, Image, Message, StoreError
from dragoman.observe import LogStore
from dragoman.observe.logfile import Filter, LogFile, Row
from dragoman.observe.logswitch import Switch, kept, read_switch, switch_path, write_switch
from dragoman.observe.place import default_path
from dragoman.observe.ulid import moment, ulid
from dragoman.testing import Server, embeds, says, status

MODEL = "openai/gpt-5.6-luna"
_PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LogStore]:
    made = LogStore(tmp_path / "logs.db")
    yield made
    made.close()


def rows(store: LogStore, *words: str, **chosen: Any) -> list[Row]:
    """What is kept, oldest first."""
    assert store.flush()
    return [row for _, row in store.file.last(1000, Filter(words=words, **chosen))]


def say(store: LogStore, *texts: str) -> None:
    """Have each text repeated by the simulator."""
    with Client(observe=[store]) as client:
        for text in texts:
            client.chat("sim/echo", text)


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_call_is_kept(make_face: Any, server: Server, store: LogStore) -> None:
    """Who, how it ended, tokens, cost, texts, settings and the ledger."""
    server.script(status(500), says("hello there friend"))
    answer = make_face(observe=[store]).chat(MODEL, [Message.system("Be short."), Message.user("Hi")], temperature=0.5)
    (row,) = rows(store)

    assert ("chat", "ok", "stop", "openai", "gpt-5.6-luna") == (
        *(row.operation, row.status, row.finish_reason, row.provider, row.model),
    )
    assert (3, 3, float(answer.cost)) == (row.input_tokens, row.output_tokens, row.cost)
    assert ("Hi", "hello there friend") == (row.prompt, row.answer)
    assert {"temperature": 0.5} == json.loads(row.settings or "")
    assert ["system", "user"] == [message["role"] for message in json.loads(row.messages or "")]
    assert ["ServerError", "ok"] == [attempt["outcome"] for attempt in json.loads(row.attempts or "")]
    assert "answer-1" == row.response_id
    assert abs(moment(row.id) - row.at) < 0.002


def test_a_stream_is_kept_whole_or_as_far_as_it_came(make_face: Any, server: Server, store: LogStore) -> None:
    """The text of a stream that was left is what had arrived."""
    server.script(says("one two three"), says(" ".join("word" for _ in range(50)), pace=0.01))
    face = make_face(observe=[store])
    face.events(MODEL, "Hi")
    face.leave(MODEL, "Hi", after=2)
    whole, left = rows(store)

    assert (True, "ok", "one two three") == (whole.stream, whole.status, whole.answer)
    assert (whole.first or 0) > 0
    assert (True, "left") == (left.stream, left.status)
    assert (left.answer or "").startswith("word")


def test_a_failure_is_kept(make_face: Any, server: Server, store: LogStore) -> None:
    """Its class, status and words."""
    server.script(status(400, "no such thing"))
    with pytest.raises(BadRequestError):
        make_face(observe=[store]).chat(MODEL, "Hi")
    (row,) = rows(store)

    assert ("bad_request", "BadRequestError", 400) == (row.status, row.error, row.http_status)
    assert "no such thing" in (row.error_text or "")
    assert "req-0" == row.request_id


def test_without_content_only_numbers_and_names(make_face: Any, server: Server, tmp_path: Path) -> None:
    """No text of anybody is in the file, not even a provider's words of an error."""
    server.script(says("a secret answer"), status(400, "a secret refusal"))
    store = LogStore(tmp_path / "logs.db", content=False)
    face = make_face(observe=[store])
    face.chat(MODEL, "a secret question")
    with pytest.raises(BadRequestError):
        face.chat(MODEL, "a secret question")
    kept_rows = rows(store)
    store.close()

    assert ["ok", "bad_request"] == [row.status for row in kept_rows]
    assert b"secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_vectors_and_pictures_are_kept_without_their_bytes(server: Server, store: LogStore) -> None:
    """Of a picture its size is kept, of vectors their number of tokens."""
    server.on("/v1/embeddings", embeds(8))
    server.script(says("a picture"))
    rows_of = {"openai": {"base_url": server.base_url(), "api_key": "test-key-0001"}}
    with Client(providers=rows_of, observe=[store]) as client:
        client.chat(MODEL, Message.user("what is it?", Image(data=_PNG + b"\x00" * 5000)))
        client.embed("openai/text-embedding-3-small", ["a", "b"])
    picture, vectors = rows(store)

    assert {"type": "omitted", "modality": "image", "mime_type": "image/png", "bytes": 5016} == (
        json.loads(picture.messages or "")[0]["parts"][1]
    )
    assert ("embeddings", 2, None) == (vectors.operation, vectors.input_tokens, vectors.prompt)


def test_keys_are_masked_before_they_are_written(make_face: Any, server: Server, tmp_path: Path) -> None:
    """A key in a question, in an answer or in the settings does not reach the disk."""
    store = LogStore(tmp_path / "logs.db")
    server.script(says("your key is test-key-0001, and sk-proj-abcdefghijklmnop9999"))
    make_face(observe=[store]).chat(MODEL, "is test-key-0001 right?", metadata={"note": "test-key-0001"})
    (row,) = rows(store)
    store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert "your key is [redacted], and [redacted]" == row.answer
    assert "is [redacted] right?" == row.prompt
    assert b"test-key-0001" not in written
    assert b"abcdefghijklmnop" not in written


def test_only_the_user_can_read_the_file(store: LogStore) -> None:
    """Mode 0600."""
    say(store, "hello")
    rows(store)

    assert 0o600 == stat.S_IMODE(store.path.stat().st_mode)


# --- finding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(("weather",), ["the weather in Paris"], id="word"),
        pytest.param(("EATH",), ["the weather in Paris"], id="part-of-a-word"),
        pytest.param(("天气怎么样",), ["北京的天气怎么样"], id="chinese"),
        pytest.param(("天气",), ["北京的天气怎么样"], id="two-letters"),
        pytest.param(("京",), ["北京的天气怎么样"], id="one-letter"),
        pytest.param(("the", "in"), ["the weather in Paris", "rain in the hills"], id="all-words"),
        pytest.param(("weather", "hills"), [], id="not-together"),
        pytest.param(('"quoted"',), ['say "quoted" and 50%'], id="quotes"),
        pytest.param(("0%",), ['say "quoted" and 50%'], id="percent"),
        pytest.param(("AND", "OR", "*"), [], id="operators-are-words"),
        pytest.param(("_",), [], id="underscore"),
    ],
)
def test_texts_are_found(store: LogStore, words: tuple[str, ...], expected: list[str]) -> None:
    """Words, parts of words and Chinese; signs that a query language knows are ordinary letters."""
    say(store, "the weather in Paris", "北京的天气怎么样", "rain in the hills", 'say "quoted" and 50%')

    assert expected == [row.prompt for row in rows(store, *words)]


def test_calls_are_chosen_by_model_status_and_time(make_face: Any, server: Server, store: LogStore) -> None:
    """Each filter lets through what it names."""
    server.script(says("one"), status(400))
    face = make_face(observe=[store])
    face.chat(MODEL, "Hi")
    with pytest.raises(BadRequestError):
        face.chat("openai/gpt-6-luna", "Hi")

    assert ["gpt-5.6-luna"] == [row.model for row in rows(store, model="5.6")]
    assert ["bad_request"] == [row.status for row in rows(store, failed=True)]
    assert ["ok"] == [row.status for row in rows(store, status="ok")]
    assert [] == rows(store, since=time.time() + 60)
    (found,) = rows(store, status="ok")
    assert [found] == store.file.find(found.id[:20])


def test_calls_are_added_up(store: LogStore) -> None:
    """By model, provider, day and status."""
    say(store, "one two", "three")
    store.flush()
    (total,) = store.file.totals("model")

    assert ("sim/echo", 2, 0, 3, 3) == (
        *(total.name, total.calls, total.failed, total.input_tokens, total.output_tokens),
    )
    assert [time.strftime("%Y-%m-%d")] == [one.name for one in store.file.totals("day")]
    with pytest.raises(ConfigError, match="model"):
        store.file.totals("colour")  # type: ignore[arg-type]


def test_an_export_reads_page_by_page(tmp_path: Path) -> None:
    """All rows come, in order, though they are read some at a time."""
    file = LogFile(tmp_path / "logs.db")
    file.add([row(number) for number in range(450)])
    found = list(file.each())
    file.close()

    assert [f"{number}" for number in range(450)] == [one.prompt for one in found]


def test_reading_makes_no_file(tmp_path: Path) -> None:
    """Who only looks leaves nothing behind."""
    file = LogFile(tmp_path / "logs.db")

    assert ([], [], [], (0, 0), 0) == (file.last(5), list(file.each()), file.totals("model"), file.size(), file.prune())
    assert [] == list(tmp_path.iterdir())


def row(number: int, at: float | None = None, text: str = "") -> Row:
    """A row for its own sake."""
    now = time.time() if at is None else at
    return Row(
        id=ulid(now), at=now, operation="chat", asked="sim/echo", status="ok", seconds=0.1, prompt=text or f"{number}"
    )


# --- retention --------------------------------------------------------------------------------------------------------


def test_what_is_too_old_is_removed(tmp_path: Path) -> None:
    """When the store begins to write, and from the index as well."""
    store = LogStore(tmp_path / "logs.db", days=1)
    store.file.add([row(0, time.time() - 3 * 86400, "something old")])
    say(store, "something new")

    assert ["something new"] == [one.prompt for one in rows(store)]
    assert [] == rows(store, "something old")
    store.close()


def test_what_is_too_much_is_removed(tmp_path: Path) -> None:
    """The oldest go, until the rest has room; the file does not grow any more."""
    file = LogFile(tmp_path / "logs.db")
    for start in range(0, 1000, 100):
        file.add([row(number, text=f"{number} " + "text " * 200) for number in range(start, start + 100)])
    before = file.size()[1]
    for _ in range(20):
        file.prune(most_bytes=before // 2)
    left = list(file.each())
    count, used = file.size()
    file.close()

    assert used <= before // 2
    assert 50 < count < 900
    assert 999 == int((left[-1].prompt or "").split()[0])
    assert int((left[0].prompt or "").split()[0]) == 1000 - count


@pytest.mark.parametrize(
    ("arguments", "field"), [({"days": 0}, "days"), ({"days": True}, "days"), ({"megabytes": -1}, "megabytes")]
)
def test_bad_arguments_are_named(tmp_path: Path, arguments: dict[str, Any], field: str) -> None:
    """They fail where they are written."""
    with pytest.raises(ConfigError) as caught:
        LogStore(tmp_path / "logs.db", **arguments)

    assert field == caught.value.field


# --- never in the way -------------------------------------------------------------------------------------------------


def test_a_full_disk_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Calls go on; who looks finds one warning, and when there is room again calls are kept again."""
    store = LogStore(tmp_path / "logs.db")
    say(store, "before")
    assert store.flush()
    size = store.path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with caplog.at_level(logging.WARNING, "dragoman.logs"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))  # like a disk without room
        try:
            for _ in range(5):
                say(store, "x" * 200_000)
                store.flush()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    warnings = [record for record in caplog.records if record.name == "dragoman.logs"]
    say(store, "after")

    assert 1 == len(warnings), [record.getMessage() for record in warnings]
    assert ["before", "after"] == [one.prompt for one in rows(store)]
    store.close()


@pytest.mark.parametrize("content", [b"this is no database, it is a text of some length", b""], ids=["text", "empty"])
def test_a_file_that_is_none_breaks_no_call(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A file of something else stays as it is; an empty one is used."""
    path = tmp_path / "logs.db"
    path.write_bytes(content)
    store = LogStore(path)
    with caplog.at_level(logging.WARNING, "dragoman.logs"):
        say(store, "hello", "again")
        store.flush()

    if content:
        assert content == path.read_bytes()
        assert 1 == len([record for record in caplog.records if record.name == "dragoman.logs"])
        with pytest.raises(StoreError):
            store.file.last(1)
    else:
        assert 2 == len(rows(store))
    store.close()


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Its tables are not touched."""
    path = tmp_path / "logs.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
        other.commit()
    store = LogStore(path)
    say(store, "hello")
    store.flush()
    store.close()
    with closing(sqlite3.connect(path)) as other:
        tables = [name for (name,) in other.execute("SELECT name FROM sqlite_schema")]

    assert ["theirs"] == tables


def _write_many(path: str, name: str, count: int) -> None:
    store = LogStore(path)
    with Client(observe=[store]) as client:
        for number in range(count):
            client.chat("sim/echo", f"{name} {number}")
    store.close()


def test_many_processes_share_a_file(tmp_path: Path) -> None:
    """Nothing is lost or doubled when four processes write at once."""
    path = tmp_path / "logs.db"
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_write_many, args=(str(path), f"worker-{number}", 50)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    file = LogFile(path)
    prompts = [one.prompt for one in file.each()]
    file.close()

    assert [0] * 4 == [worker.exitcode for worker in workers]
    assert {f"worker-{worker} {number}" for worker in range(4) for number in range(50)} == set(prompts)
    assert 200 == len(prompts)


_FORK = """
import os, sys
from dragoman import Client
from dragoman.observe import LogStore

store = LogStore(sys.argv[1])
client = Client(observe=[store])
client.chat("sim/echo", "before")
child = os.fork()
client.chat("sim/echo", "parent" if child else "child")
store.close()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_writes_its_own_calls(tmp_path: Path) -> None:
    """What waited in the parent is written by the parent, once."""
    path = tmp_path / "logs.db"
    done = subprocess.run(
        [sys.executable, "-c", _FORK, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    file = LogFile(path)
    prompts = sorted(one.prompt or "" for one in file.each())
    file.close()

    assert (0, "") == (done.returncode, done.stderr)
    assert ["before", "child", "parent"] == prompts


_EXIT = """
import sys
from dragoman import Client
from dragoman.observe import LogStore

Client(observe=[LogStore(sys.argv[1])]).chat("sim/echo", "the last words")
"""


def test_what_waits_at_the_end_is_written(tmp_path: Path) -> None:
    """A program that ends right after its call finds the call kept."""
    path = tmp_path / "logs.db"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _EXIT, str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    file = LogFile(path)
    prompts = [one.prompt for one in file.each()]
    file.close()

    assert (0, "") == (done.returncode, done.stderr)
    assert ["the last words"] == prompts


def opened(folder: Path) -> list[str]:
    """The files below a folder that this process has open."""
    found: list[str] = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [name for name in found if name.startswith(str(folder))]


def test_a_store_that_is_dropped_leaves_nothing_open(tmp_path: Path) -> None:
    """Its file is closed with it."""
    store = LogStore(tmp_path / "logs.db")
    say(store, "hello")
    store.flush()
    assert [] != opened(tmp_path)
    del store
    until = time.monotonic() + 5
    while opened(tmp_path) and time.monotonic() < until:  # the background thread may be the last to let it go
        gc.collect()
        time.sleep(0.01)

    assert [] == opened(tmp_path)


# --- the switch of the command line -----------------------------------------------------------------------------------


def test_nothing_is_kept_before_it_is_switched_on(tmp_path: Path) -> None:
    """Without a file there is no store; with it, there is one as it says."""
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    with kept(environ) as none:
        assert [] == none

    write_switch(environ, Switch(on=True, content=False, days=0))
    with kept(environ, wanted=False) as none:
        assert [] == none
    with kept(environ) as (store,):
        say(store, "hello")

    assert [None] == [row.prompt for row in store.file.each()]
    assert default_path(environ) == store.path == tmp_path / "dragoman" / "logs.db"
    assert Switch(on=True, content=False, days=0) == read_switch(environ)
    assert 0o600 == stat.S_IMODE(switch_path(environ).stat().st_mode)


@pytest.mark.parametrize(
    "text", ["on = ", "on = 1", b"\xff\xfe", "days = 'many'"], ids=["cut", "type", "bytes", "days"]
)
def test_a_damaged_switch_is_an_error(tmp_path: Path, text: str | bytes) -> None:
    """It is not taken for off, and the message says how to write it anew."""
    environ = {"XDG_DATA_HOME": str(tmp_path)}
    path = switch_path(environ)
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match="dragoman logs on"):
        read_switch(environ)


def test_ulids_sort_by_time() -> None:
    """Names are 26 letters, later ones sort behind earlier ones, and no two are the same."""
    names = [ulid(1_800_000_000 + number) for number in range(50)]

    assert sorted(names) == names
    assert {26} == {len(name) for name in names}
    assert 1000 == len({ulid(1_800_000_000.0) for _ in range(1000)})
    assert 1_800_000_000.0 == moment(names[0])
