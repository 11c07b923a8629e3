"""What a source may be, and what is said of one that is none."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dragoman import Client, SourceError
from dragoman.batch.decoding import LONGEST
from dragoman.batch.source import Source
from dragoman.testing import Server
from tests.batch.rows import line, texts, write


def values(path: Path) -> list[Any]:
    """What stands in a file."""
    return [given.value for given in Source(path)]


def places(path: Path) -> list[str]:
    """Where its rows are."""
    return [given.place for given in Source(path)]


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('id,text\n1,"a;b"\n2,c\n', id="comma"),
        pytest.param("id;text\r\n1;a;b\r\n", id="too many"),
        pytest.param('id;text\r\n1;"a;b"\r\n2;c', id="semicolon"),
        pytest.param("id\ttext\n1\ta;b\n2\tc\n", id="tab"),
        pytest.param("id|text\n1|a;b\n2|c\n", id="bar"),
        pytest.param('"id","text"\n"1","a;b"\n\n"2","c"\n', id="all in quotes"),
        pytest.param('sep=;\nid;text\n1;"a;b"\n2;c\n', id="Excel's first line"),
    ],
)
def test_what_separates_cells_is_seen(tmp_path: Path, text: str) -> None:
    """Comma, semicolon, tab and bar are told apart by the first line; a row that does not fit is an error."""
    (tmp_path / "in.csv").write_bytes(text.encode())

    if "1;a;b" in text:
        with pytest.raises(SourceError, match="line 2: 3 cells, more than columns"):
            values(tmp_path / "in.csv")
    else:
        assert [{"id": "1", "text": "a;b"}, {"id": "2", "text": "c"}] == values(tmp_path / "in.csv")


def test_cells_in_quotes_may_hold_anything(tmp_path: Path) -> None:
    """Line feeds of either kind, quotes, separators and NUL are kept; a row is placed where it begins."""
    cell = 'a "b"\r\nc\n\rd,\0;'
    (tmp_path / "in.csv").write_bytes(('id,text\r\n1,"' + cell.replace('"', '""') + '"\r\n2,5" pipe\r\n').encode())

    assert [{"id": "1", "text": cell}, {"id": "2", "text": '5" pipe'}] == values(tmp_path / "in.csv")
    assert ["line 2", "line 5"] == places(tmp_path / "in.csv")


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    """Where the library's own reader has a limit of 128 KiB there is none."""
    (tmp_path / "in.csv").write_text('id,text\n1,"' + "a\n" * 200_000 + '"\n')

    assert 400_000 == len(values(tmp_path / "in.csv")[0]["text"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b'id,text\n1,"a\n2,b\n3,c\n', "line 2: a quote that begins a cell is never closed", id="open"),
        pytest.param(b'id,text\n1,a\n2,"a"b\n', "line 3: text after the quote that ends cell 2", id="after quote"),
        pytest.param(b"id,text\n1\n", "line 2: 1 cells, fewer than columns", id="fewer"),
        pytest.param(b"id,id\n1,2\n", "line 1: two columns are called 'id'", id="twice"),
        pytest.param(b"id,text\r1,a\r2,b\r", "line 1: a carriage return", id="old Mac"),
        pytest.param(b'"id",text\r1,a\r2,b\r', "line 1: a carriage return", id="old Mac, quoted"),
        pytest.param(b"id,text\n1,a\n2,\xff\n", "line 3: not UTF-8 .* at byte 3", id="Latin-1"),
        pytest.param("id,text\n1,a\n".encode("utf-16-le"), "line 1: holds NUL bytes: is it UTF-16", id="no mark"),
        pytest.param(b"id,text\n", "is empty", id="head only"),
        pytest.param(b"\n\n", "is empty", id="blank"),
    ],
)
def test_a_table_that_is_none_is_said_with_its_line(tmp_path: Path, data: bytes, message: str) -> None:
    """Every fault of a table names the line where it is."""
    (tmp_path / "in.csv").write_bytes(data)

    with pytest.raises(SourceError, match=message):
        values(tmp_path / "in.csv")


def test_cells_are_settings_messages_and_bodies(client: Client, echoing: Server, tmp_path: Path) -> None:
    """A setting in a column is read as a number, an empty one is not said, and messages may be JSON."""
    said = json.dumps([{"role": "user", "content": "hi"}]).replace('"', '""')
    text = f'id,messages,temperature,max_tokens,model,stop\n1,"{said}",0.5,,,3\n2,plain,,7,fake/other,"[""a""]"\n'
    (tmp_path / "in.csv").write_text(text)

    client.batch(tmp_path / "in.csv", tmp_path / "out.jsonl", model="fake/m", max_tokens=99, window=1)

    assert [("1", "hi"), ("2", "plain")] == texts(tmp_path / "out.jsonl")
    first, second = (request.chat for request in echoing.requests)
    assert first is not None
    assert second is not None
    assert (0.5, 99) == (first.temperature, first.max_tokens)
    assert (None, 7, ("a",)) == (second.temperature, second.max_tokens, second.stop)


# --- what text may be written in --------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_encodings_and_packing(tmp_path: Path, encoding: str, packed: bool, form: str) -> None:
    """UTF-8 and UTF-16 with their marks, CRLF and gzip give the same rows."""
    text = (
        '{"id": "a", "prompt": "grüß\\n𝄞"}\r\n\r\n{"id": "b", "prompt": "x"}'
        if form == "jsonl"
        else ('id,prompt\r\na,"grüß\n𝄞"\r\n\r\nb,x')
    )
    mark = "" if encoding in ("utf-8", "utf-8-sig", "utf-16") else "\ufeff"
    data = (mark + text).encode(encoding)
    path = tmp_path / f"in.{form}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(data) if packed else data)

    assert [{"id": "a", "prompt": "grüß\n𝄞"}, {"id": "b", "prompt": "x"}] == values(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b'{"prompt": "x"}\n{"prompt": "\xff"}\n', "line 2: not JSON .*0xff", id="Latin-1"),
        pytest.param(b'{"prompt": "x"}\n\0\0\0\0', "line 2: not JSON .* NUL bytes", id="zeros of a crash"),
        pytest.param('{"prompt": "x"}\n'.encode("utf-16-le"), "line 1: not JSON .*UTF-16", id="no mark"),
        pytest.param(b'{"prompt": "x"}\n{"prompt": "\\ud83d"}\n', "line 2: not JSON .*surrogate", id="half a pair"),
        pytest.param(b'[\n{"prompt": "x"}\n]\n', "line 1: not JSON .*one object per line", id="an array"),
        pytest.param(b"[" * 100_000, "line 1: not JSON", id="deep"),
        pytest.param(
            '\ufeff{"prompt": 1}\n'.encode("utf-16-le") + b'"\x3d\xd8"\x00', "line 2: not UTF-16", id="half, UTF-16"
        ),
        pytest.param('\ufeff{"prompt": 1}\n'.encode("utf-16-le") + b"x", "line 2: not UTF-16", id="odd"),
        pytest.param(b"\n \n\r\n", "is empty", id="blank"),
    ],
)
def test_lines_that_are_none_are_said_before_anything_is_spent(
    client: Client, echoing: Server, tmp_path: Path, data: bytes, message: str
) -> None:
    """Every fault of a line names it, and nothing is sent."""
    (tmp_path / "in.jsonl").write_bytes(data)

    with pytest.raises(SourceError, match=message):
        client.batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl", model="fake/m")
    assert 0 == echoing.calls
    assert not (tmp_path / "out.jsonl.job").exists()


@pytest.mark.parametrize("cut", [5, 40])
def test_a_packed_file_that_was_cut(tmp_path: Path, cut: int) -> None:
    """A cut or false gzip file is an error, and not a shorter batch."""
    data = gzip.compress(b"".join(b'{"prompt": "%d"}\n' % number for number in range(1000)))
    (tmp_path / "in.jsonl.gz").write_bytes(data[:-cut])
    (tmp_path / "false.jsonl.gz").write_bytes(b'{"prompt": "x"}\n')

    for name in ("in.jsonl.gz", "false.jsonl.gz"):
        with pytest.raises(SourceError, match="cannot read"):
            values(tmp_path / name)


def test_a_line_that_is_too_long_is_named_with_the_limit(tmp_path: Path) -> None:
    """Memory is bounded: a line has a most, and the error says which."""
    with (tmp_path / "in.jsonl").open("wb") as file:
        file.write(b'{"prompt": "x"}\n')
        file.truncate(LONGEST + 100)

    with pytest.raises(SourceError, match="line 2: longer than 256 MiB"):
        values(tmp_path / "in.jsonl")


def test_texts_that_are_no_text_in_python(client: Client, echoing: Server, tmp_path: Path) -> None:
    """Half a surrogate pair in a row fails that row alone, and in an id it is said at once."""
    report = client.batch(["ok", "\ud800", {"prompt": "\ud800"}], tmp_path / "out.jsonl", model="fake/m").report

    assert (1, {"ConfigError": 2}) == (report.done, report.errors)
    with pytest.raises(SourceError, match="row 0: id holds half a surrogate"):
        client.batch([{"id": "\ud800", "prompt": "x"}], model="fake/m")
    assert 1 == echoing.calls


# --- files that cannot be read ----------------------------------------------------------------------------------------


def _missing(folder: Path) -> Path:
    return folder / "none.csv"


def _directory(folder: Path) -> Path:
    return folder


def _below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("x")
    return folder / "file" / "in.jsonl"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


def _empty(folder: Path) -> Path:
    (folder / "in.parquet").touch()
    return folder / "in.parquet"


def _circle(folder: Path) -> Path:
    (folder / "a").symlink_to(folder / "a")
    return folder / "a"


def _nul(folder: Path) -> Path:
    return folder / "a\0b"


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (_missing, "cannot read .*none.csv: No such file"),
        (_directory, "is a directory"),
        (_below_a_file, "Not a directory"),
        (_pipe, "is a pipe or a device"),
        (_empty, "is empty"),
        (_circle, "cannot read"),
        (_nul, "cannot read"),
    ],
)
def test_what_is_no_file_of_rows(client: Client, tmp_path: Path, made: Callable[[Path], Path], message: str) -> None:
    """Each is said at once, and a pipe is not waited for."""
    with pytest.raises(SourceError, match=message) as raised:
        client.batch(made(tmp_path), model="fake/m")
    assert "source" == raised.value.field


def test_a_file_without_permission(tmp_path: Path) -> None:
    """The system's word for it is said."""
    write(tmp_path / "in.jsonl", [line(0)]).chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)  # root may read anything
        with pytest.raises(SourceError, match=r"cannot read .*in\.jsonl: Permission denied"):
            Source(tmp_path / "in.jsonl")
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("again", ["in place", "renamed"])
def test_a_file_that_changes_between_the_looks_stops_the_batch(
    client: Client, echoing: Server, tmp_path: Path, again: str
) -> None:
    """What was looked through is what is asked; another file under the name is refused before anything is sent."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(10)))
    batch = client.batch(source, tmp_path / "out.jsonl", start=False)
    if again == "renamed":
        write(tmp_path / "new.jsonl", (line(number) for number in range(10))).rename(source)
    else:
        write(source, (line(number) for number in range(11)))

    with pytest.raises(SourceError, match="was changed while"):
        batch.run()
    assert 0 == echoing.calls


def test_a_file_that_changes_under_the_reading_is_noticed(tmp_path: Path) -> None:
    """Rows that are written over, cut off or added while they are read are an error, not a mixture."""
    path = write(tmp_path / "in.jsonl", (line(number) for number in range(2000)))
    for change in (lambda: os.truncate(path, 200_000), lambda: path.open("a").close() or os.utime(path)):
        source = Source(path)
        rows = iter(source)
        next(rows)
        change()
        with pytest.raises(SourceError, match="was changed while"):
            list(rows)


def test_an_id_that_comes_twice_is_named_with_both_lines(client: Client, echoing: Server, tmp_path: Path) -> None:
    """The lines are those of the file, blank ones counted."""
    rows = [line(0), line(1), line(2), line(1)]
    (tmp_path / "in.jsonl").write_text("\n\n".join(json.dumps(row) for row in rows))

    with pytest.raises(SourceError, match=r"line 7: the id 'c1' is that of line 3, too"):
        client.batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert 0 == echoing.calls


# --- Parquet ----------------------------------------------------------------------------------------------------------


def test_parquet_rows_are_asked(client: Client, tmp_path: Path) -> None:
    """Columns are fields, as in a table of text; null is a field that is not there."""
    table = pa.table(
        {
            "id": pa.array([1, 2, 3]),
            "prompt": pa.array(["one", "two", "three"], pa.large_string()),
            "max_tokens": pa.array([None, 5, None], pa.int32()),
            "model": pa.array([None, "fake/other", None]),
        }
    )
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=2)

    client.batch(tmp_path / "in.parquet", tmp_path / "out.jsonl", model="fake/m")

    assert [("1", "one"), ("2", "two"), ("3", "three")] == texts(tmp_path / "out.jsonl")
    assert {"id": 2, "prompt": "two", "max_tokens": 5, "model": "fake/other"} == values(tmp_path / "in.parquet")[1]


def test_parquet_with_messages_as_lists(client: Client, tmp_path: Path) -> None:
    """A column may hold lists of messages."""
    messages = [[{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]]
    pq.write_table(pa.table({"messages": messages}), tmp_path / "in.parquet")

    client.batch(tmp_path / "in.parquet", tmp_path / "out.jsonl", model="fake/m")

    assert [("row-0", "hi")] == texts(tmp_path / "out.jsonl")


def test_what_is_no_parquet(tmp_path: Path) -> None:
    """A false, cut, or empty table, and one with a column twice, are errors."""
    good = tmp_path / "good.parquet"
    pq.write_table(pa.table({"id": list(range(10_000))}), good)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(good.read_bytes()[:-500])
    (tmp_path / "false.parquet").write_text("id,text\n1,2\n")
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"]), tmp_path / "twice.parquet")
    wanted = {"cut": "cannot read", "false": "cannot read", "none": "is empty", "twice": "two columns are called 'a'"}

    for name, message in wanted.items():
        with pytest.raises(SourceError, match=message):
            values(tmp_path / f"{name}.parquet")


def test_the_form_of_a_file_is_read_from_its_name(tmp_path: Path) -> None:
    """Upper case and `.ndjson` are known."""
    (tmp_path / "IN.CSV").write_text("id\n1\n")
    (tmp_path / "in.ndjson").write_text('{"id": 1}\n')

    assert [{"id": "1"}] == values(tmp_path / "IN.CSV")
    assert [{"id": 1}] == values(tmp_path / "in.ndjson")
