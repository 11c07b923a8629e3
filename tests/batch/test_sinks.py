"""Forms of the output, and that what is written in each of them is read again as it was."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import Client, ConfigError
from dragoman.batch.merge import errors_of
from dragoman.batch.parquet import ParquetWriter
from dragoman.batch.sinks import TableWriter
from dragoman.batch.source import Source
from dragoman.testing import Server, calls, embeds, says
from dragoman.types.requests import ChatRequest
from tests.batch.rows import expected, line, read, write
from tests.house.modules import ROOT

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
NAMES = ["id", "text", "x,y", 'q"', "n\nl"]


def values(path: Path) -> list[Any]:
    """What stands in a file."""
    return [given.value for given in Source(path)]


def _csv(path: Path, rows: list[list[str]]) -> None:
    with path.open("wb") as file:
        table = TableWriter(file, NAMES, "\t" if path.suffix == ".tsv" else ",")
        for row in rows:
            table.write(row)


def _parquet(path: Path, rows: list[list[str]]) -> None:
    with path.open("wb") as file:
        table = ParquetWriter(file, [(name, "text") for name in NAMES])
        for row in rows:
            table.write(row)
        table.close()


def _lines(path: Path, rows: list[list[str]]) -> None:
    write(path, (dict(zip(NAMES, row, strict=True)) for row in rows))


@pytest.mark.parametrize(
    ("form", "writer"),
    [("csv", _csv), ("tsv", _csv), ("parquet", _parquet), ("jsonl", _lines)],
    ids=["csv", "tsv", "parquet", "jsonl"],
)
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(TEXTS, min_size=len(NAMES), max_size=len(NAMES)), min_size=1, max_size=8))
def test_what_a_sink_writes_a_source_reads(
    tmp_path_factory: pytest.TempPathFactory, form: str, writer: Any, rows: list[list[str]]
) -> None:
    """Whatever text stands in a cell, it comes back as it was."""
    path = tmp_path_factory.getbasetemp() / f"trip.{form}"
    writer(path, rows)

    assert [dict(zip(NAMES, row, strict=True)) for row in rows] == values(path)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=6), feed=st.sampled_from(["\n", "\r\n"])
)
def test_tables_of_others_are_read_as_they_meant_them(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], feed: str
) -> None:
    """What Python's own writer puts into quotes is read as its own reader reads it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=feed, quoting=csv.QUOTE_ALL)
    writer.writerow("abc")
    writer.writerows(rows)
    path = tmp_path_factory.getbasetemp() / "others.csv"
    path.write_bytes(text.getvalue().encode())

    assert [dict(zip("abc", row, strict=True)) for row in rows] == values(path)


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "csv.gz", "jsonl.gz"])
def test_each_form_has_all_rows_in_order(client: Client, tmp_path: Path, form: str) -> None:
    """A table has every row with its error; lines have the answers; failures are in the errors file, too."""
    rows = [line(0, 'say "x",\ny'), line(1, temperature="hot"), line(2)]
    sink = tmp_path / f"out.{form}"

    client.batch(write(tmp_path / "in.jsonl", rows), sink)

    found = values(sink)
    assert ["c1"] == [row["custom_id"] for row in read(tmp_path / "out.errors.jsonl")]
    if form == "jsonl.gz":
        assert ["c0", "c2"] == [row["custom_id"] for row in found]
        return
    assert ["c0", "c1", "c2"] == [row["id"] for row in found]
    assert ['say "x",\ny', "hello 2"] == [found[0]["text"], found[2]["text"]]
    assert found[1]["error"].startswith("ConfigError: ")
    assert not found[0].get("error")
    assert {"id", "text", "model", "input_tokens", "output_tokens", "latency_ms"} <= set(found[0])
    if form == "parquet":
        assert (2, 2) == (found[2]["input_tokens"], found[2]["output_tokens"])


def test_typed_values_have_a_column_for_each_field(tmp_path: Path) -> None:
    """Simple fields are cells of their kind, others JSON; the whole value stands beside them, as JSON."""

    class Item(msgspec.Struct):
        id: int
        name: str | None
        price: float
        sold: bool
        tags: list[str]

    answers = iter(
        [
            {"id": 7, "name": "a", "price": 1.5, "sold": True, "tags": ["x"]},
            {"id": 2**70, "name": None, "price": 2, "sold": False, "tags": []},
        ]
    )

    async def answer(chat: ChatRequest) -> Any:
        return says(json.dumps(next(answers)))

    with (
        Server(default=calls(answer)) as server,
        Client(providers={"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}}) as client,
    ):
        for form in ("parquet", "csv"):
            source = write(tmp_path / f"{form}.jsonl", [{"id": "a", "prompt": "?"}, {"id": "b", "prompt": "?"}])
            if form == "csv":
                answers = iter([{"id": 7, "name": "a", "price": 1.5, "sold": True, "tags": ["x"]}] * 2)
            client.batch(source, tmp_path / f"out.{form}", model="fake/m", verb="parse", output=Item, window=1)

    first, second = values(tmp_path / "out.parquet")
    wanted = {"id": "a", "output_id": 7, "name": "a", "price": 1.5, "sold": True, "tags": '["x"]'}
    assert wanted == {name: first[name] for name in wanted}
    assert {"id": 7, "name": "a", "price": 1.5, "sold": True, "tags": ["x"]} == json.loads(first["output"])
    assert ("output_id" in second, "name" in second, 2.0) == (False, False, second["price"])
    assert 2**70 == json.loads(second["output"])["id"]
    text = values(tmp_path / "out.csv")[0]
    assert ("7", "true", '["x"]') == (text["output_id"], text["sold"], text["tags"])
    types = pq.read_schema(tmp_path / "out.parquet")
    assert (pa.int64(), pa.float64(), pa.bool_()) == tuple(types.field(n).type for n in ("output_id", "price", "sold"))


def test_vectors_are_columns(tmp_path: Path) -> None:
    """A row's vector is a list of 32-bit numbers in Parquet, and JSON in a table of text."""
    with (
        Server(default=embeds(3)) as server,
        Client(
            providers={"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}},
            models={"fake/m": {"prices": [{"input": "1", "output": "0"}]}},
        ) as client,
    ):
        for form in ("parquet", "csv"):
            batch = client.batch(["one", ["two", "three"]], tmp_path / f"out.{form}", model="fake/m", verb="embed")

    one, two = batch.results()
    first, second = values(tmp_path / "out.parquet")
    assert pytest.approx(one.vectors[0]) == first["embedding"]
    assert [pytest.approx(vector) for vector in two.vectors] == second["embeddings"]
    assert isinstance(first["cost"], Decimal)
    assert first["cost"] > 0
    assert ("text" in first, "embedding" in second) == (False, False)
    assert one.vectors[0] == json.loads(values(tmp_path / "out.csv")[0]["embedding"])


def test_a_table_is_made_again_from_the_journal(client: Client, tmp_path: Path) -> None:
    """A sink that was deleted, or is wanted again, costs nothing."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(20)))
    client.batch(source, tmp_path / "out.parquet")
    before = values(tmp_path / "out.parquet")
    (tmp_path / "out.parquet").unlink()

    report = client.resume_batch(tmp_path / "out.parquet").report

    assert (20, 0) == (report.reused, report.requests)
    assert before == values(tmp_path / "out.parquet")
    assert expected(20) == [(row["id"], row["text"]) for row in before]


def test_an_output_may_be_the_next_input(client: Client, tmp_path: Path) -> None:
    """Each form of the output is a source with the same ids."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(5)))
    for form in ("csv", "parquet"):
        client.batch(source, tmp_path / f"first.{form}")
        batch = client.batch(
            tmp_path / f"first.{form}", tmp_path / f"second.{form}", model="fake/m", template="Again: {text}"
        )
        assert [f"Again: hello {number}" for number in range(5)] == [row.text for row in batch.results()]
        assert [f"c{number}" for number in range(5)] == [row.id for row in batch.results()]


@pytest.mark.parametrize(
    ("sink", "errors"),
    [
        ("a/out.jsonl", "a/out.errors.jsonl"),
        ("out.jsonl.gz", "out.errors.jsonl"),
        ("out.parquet", "out.errors.jsonl"),
        ("OUT.CSV", "OUT.errors.jsonl"),
        ("out.txt", "out.txt.errors.jsonl"),
        ("out", "out.errors.jsonl"),
    ],
)
def test_where_failures_go(sink: str, errors: str) -> None:
    """Beside the output, as lines, whatever its form."""
    assert errors == str(errors_of(Path(sink)))


def test_without_the_library_the_extra_is_named(tmp_path: Path) -> None:
    """Parquet in a name needs pyarrow; without it nothing is begun, and other forms work."""
    program = """
import sys
sys.modules["pyarrow"] = None
from dragoman import Client, ConfigError
client = Client()
for source, sink in (("in.parquet", "out.jsonl"), (["a"], "out.parquet")):
    try:
        client.batch(source, sink, model="sim/echo")
    except ConfigError as error:
        print(error.field, error)
print(client.batch(["a"], "out.csv", model="sim/echo").report.done)
"""
    (tmp_path / "in.parquet").write_bytes(b"PAR1")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )

    source, sink, count = done.stdout.splitlines()
    assert source.startswith("source ")
    assert sink.startswith("sink ")
    assert 'pip install "dragoman[data]"' in source
    assert "1" == count
    assert {"in.parquet", "out.csv", "out.csv.job"} == {path.name for path in tmp_path.iterdir()}


def test_a_directory_as_a_table(client: Client, tmp_path: Path) -> None:
    """It is refused before anything is sent."""
    (tmp_path / "out.parquet").mkdir()
    with pytest.raises(ConfigError, match="is a directory"):
        client.batch(["a"], tmp_path / "out.parquet", model="fake/m")


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl.gz", "csv.gz"])
def test_no_room_for_a_table_is_an_error_and_nothing_is_lost(tmp_path: Path, form: str) -> None:
    """A full disk while the output is written leaves the journal whole and no half a table."""
    write(tmp_path / "in.jsonl", (line(number, "x" * 50 + str(number)) for number in range(50)))
    from dragoman.testing import echo

    with Server(default=echo()) as server:
        command = [sys.executable, "-m", "tests.batch.work", server.base_url(), "in.jsonl", f"out.{form}"]
        environ = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"}
        (tmp_path / f"out.{form}.part").mkdir()
        first = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
        (tmp_path / f"out.{form}.part").rmdir()
        calls_before = server.calls
        second = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)

    assert (3, 0) == (first.returncode, second.returncode), first.stderr + second.stderr
    assert 50 == calls_before == server.calls
    assert 50 == len(values(tmp_path / f"out.{form}"))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl.gz"])
def test_a_disk_that_is_full_while_a_table_is_written(tmp_path: Path, form: str) -> None:
    """The error says so, and what was begun is gone."""
    program = f"""
import resource, signal, sys
from pathlib import Path
from dragoman.batch.journal import Kind, Record
from dragoman.batch.columns import columns_of
from dragoman.batch.merge import write_files
from dragoman.errors import BatchError
import json, os
line = {{"id": "b", "custom_id": "c", "dialect": "openai-chat", "response": {{"status_code": 200, "request_id": None,
    "body": {{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{{"index": 0,
    "finish_reason": "stop", "message": {{"role": "assistant", "content": ""}}}}]}}}}}}
def records():
    for number in range(3000):
        line["response"]["body"]["choices"][0]["message"]["content"] = os.urandom(100).hex()
        yield Record(0, Kind.DONE, number, bytes(16), json.dumps(line).encode() + b"\\n")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
columns = columns_of(None, embed=False, chat=True)
try:
    write_files(Path("out.{form}"), records(), 0, columns)
except BatchError as error:
    print(error)
"""
    environ = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", program],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "no room left" in done.stdout, done.stdout + done.stderr
    assert "" == done.stderr
    assert [] == list(tmp_path.iterdir())


def test_memory_stays_flat_in_both_directions(tmp_path: Path) -> None:
    """A table of a hundred megabytes is written and read in a fraction of it."""
    program = """
import sys
from pathlib import Path
from dragoman.batch.parquet import ParquetWriter
from dragoman.batch.source import Source
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
import pyarrow.parquet, os
before = peak()
with open("t.parquet", "wb") as file:
    table = ParquetWriter(file, [("id", "whole"), ("text", "text")])
    for number in range(60_000):
        table.write([number, os.urandom(2500).hex()])
    table.close()
written = peak()
assert 60_000 == sum(1 for _ in Source("t.parquet"))
print(os.path.getsize("t.parquet") >> 20, round(written - before), round(peak() - before))
"""
    environ = {"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    size, written, both = map(int, done.stdout.split())

    assert 100 < size
    assert written < 70
    assert both < 90
