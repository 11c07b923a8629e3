"""Files in, files out: what stands in them, and what is run again."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from dragoman import Client, ConfigError, ManifestError, SourceError, UnknownModelError
from dragoman.testing import Server, says, status
from tests.batch.rows import expected, line, read, texts, write


def test_every_row_has_one_answer_in_input_order(client: Client, echoing: Server, tmp_path: Path) -> None:
    """An OpenAI batch file gives one line for each of its own, in its order, with usage, ledger and latency."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(300)))

    batch = client.batch(source, tmp_path / "out.jsonl")

    assert (300, 300, 0, 0) == (batch.report.rows, batch.report.done, batch.report.failed, batch.report.left)
    assert expected(300) == texts(tmp_path / "out.jsonl")
    first = read(tmp_path / "out.jsonl")[0]
    assert {"id", "custom_id", "response", "error", "usage", "cost", "attempts", "latency_ms"} <= set(first)
    assert (None, 200, 2) == (first["error"], first["response"]["status_code"], first["usage"]["input_tokens"])
    assert "batch" == (echoing.requests[0].chat and "batch")
    assert not (tmp_path / "out.errors.jsonl").exists()


def test_the_same_batch_again_costs_nothing(client: Client, echoing: Server, tmp_path: Path) -> None:
    """A batch that is done is not asked again, and its output is the same."""
    source = write(tmp_path / "in.jsonl", (line(number) for number in range(20)))
    client.batch(source, tmp_path / "out.jsonl")
    before = (tmp_path / "out.jsonl").read_bytes()

    report = client.batch(source, tmp_path / "out.jsonl").report

    assert (20, 20, 20) == (echoing.calls, report.done, report.reused)
    assert before == (tmp_path / "out.jsonl").read_bytes()


def test_only_rows_that_changed_are_asked_again(client: Client, echoing: Server, tmp_path: Path) -> None:
    """Another prompt or model costs its own rows; rows that moved cost nothing."""
    rows = [line(number) for number in range(20)]
    client.batch(write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    rows[3] = line(3, "another question")
    rows[5] = line(5, model="fake/other")

    client.batch(write(tmp_path / "in.jsonl", [line(99), *rows]), tmp_path / "out.jsonl")

    assert 20 + 3 == echoing.calls
    wanted = [("c99", "hello 99"), *expected(20)]
    wanted[4] = ("c3", "another question")
    assert wanted == texts(tmp_path / "out.jsonl")


def test_a_template_makes_prompts_of_plain_rows(client: Client, tmp_path: Path) -> None:
    """`{text}` stands for a row's field; changing the template asks again."""
    source = write(tmp_path / "in.jsonl", [{"id": "a", "text": "one"}, {"id": "b", "text": "two {x}"}])

    client.batch(source, tmp_path / "out.jsonl", model="fake/m", template="Say {text}", system="Be brief")

    assert [("a", "Say one"), ("b", "Say two {x}")] == texts(tmp_path / "out.jsonl")


def test_tables_are_read(client: Client, tmp_path: Path) -> None:
    """CSV with quotes, line feeds in cells and a byte order mark is read as it is meant."""
    (tmp_path / "in.csv").write_bytes('\ufeffid,text\n1,"a, ""b""\nc"\n2,d\n'.encode())

    client.batch(tmp_path / "in.csv", tmp_path / "out.jsonl", model="fake/m", template="{text}")

    assert [("1", 'a, "b"\nc'), ("2", "d")] == texts(tmp_path / "out.jsonl")


def test_utf_16_is_read(client: Client, tmp_path: Path) -> None:
    """Files of other systems come in UTF-16."""
    (tmp_path / "in.jsonl").write_text(json.dumps({"id": "a", "prompt": "grüß"}, ensure_ascii=False), "utf-16")

    client.batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl", model="fake/m")

    assert [("a", "grüß")] == texts(tmp_path / "out.jsonl")


def test_rows_that_fail_end_in_the_errors_file(client: Client, echoing: Server, tmp_path: Path) -> None:
    """A poison row has its class and attempts in the errors file, and the others their answers."""
    rows = [line(0), line(1, temperature="hot"), line(2), {"custom_id": "c3", "body": {"model": "fake/m"}}]

    report = client.batch(write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl").report

    assert (2, 2, {"ConfigError": 2}) == (report.done, report.failed, report.errors)
    assert [("c0", "hello 0"), ("c2", "hello 2")] == texts(tmp_path / "out.jsonl")
    failures = read(tmp_path / "out.errors.jsonl")
    assert [("c1", "ConfigError", "temperature"), ("c3", "ConfigError", "messages")] == [
        (row["custom_id"], row["error"]["kind"], row["error"]["field"]) for row in failures
    ]
    assert rows[1] == failures[0]["row"]
    assert 2 == echoing.calls


def test_what_the_provider_refuses_is_a_failed_row_with_its_attempts(client: Client, tmp_path: Path) -> None:
    """A 400 is the row's; it is tried again when that is asked for, and the errors file can be the input."""
    with Server(status(400), default=says("ok")) as server:
        options = {"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}}
        source = write(tmp_path / "in.jsonl", (line(number) for number in range(5)))
        with Client(providers=options) as own:
            first = own.batch(source, tmp_path / "out.jsonl", window=1).report
            failure = read(tmp_path / "out.errors.jsonl")[0]
            second = own.batch(source, tmp_path / "out.jsonl").report
            again = own.batch(tmp_path / "out.errors.jsonl", tmp_path / "again.jsonl").report
            third = own.batch(source, tmp_path / "out.jsonl", retry_failed=True).report

    assert (4, 1, {"BadRequestError": 1}) == (first.done, first.failed, first.errors)
    assert ("c0", 400, 1) == (failure["custom_id"], failure["error"]["status"], len(failure["attempts"]))
    assert (4, 1, 5) == (second.done, second.failed, second.reused)
    assert (1, 0) == (again.done, again.failed)
    assert (5, 0) == (third.done, third.failed)
    assert not (tmp_path / "out.errors.jsonl").exists()


@pytest.mark.parametrize(
    ("text", "names", "field"),
    [
        pytest.param('{"custom_id": "a", "prompt": "x"}\n{"custom_id": "a", "prompt": "y"}', "line 2", "custom_id"),
        pytest.param('{"prompt": "x"}\n{"prompt": ', "line 2", "line 2"),
        pytest.param('{"prompt": "x"}\n[1]\n7', "line 3", "line 3"),
        pytest.param('{"text": "x"}', "line 1", "prompt"),
        pytest.param('{"body": {}, "url": "/v1/moderations"}', "line 1", "url"),
        pytest.param('{"body": 7}', "line 1", "body"),
        pytest.param('{"id": [], "prompt": "x"}', "line 1", "id"),
        pytest.param("", "empty", "source"),
    ],
)
def test_bad_input_is_said_before_anything_is_spent(
    client: Client, echoing: Server, tmp_path: Path, text: str, names: str, field: str
) -> None:
    """A line that can be no row is named, with its field, and nothing is sent."""
    (tmp_path / "in.jsonl").write_text(text)

    with pytest.raises(SourceError, match=names) as raised:
        client.batch(tmp_path / "in.jsonl", tmp_path / "out.jsonl", model="fake/m")

    assert (field, 0) == (raised.value.field, echoing.calls)


def test_sources_that_are_none(client: Client, tmp_path: Path) -> None:
    """A directory, a file that is not there and a number are refused."""
    for given in (tmp_path, tmp_path / "none.jsonl", 7):
        with pytest.raises(SourceError):
            client.batch(given, model="fake/m")  # type: ignore[arg-type]


def test_values_that_cannot_work_are_named(client: Client, tmp_path: Path) -> None:
    """Each keyword is checked before anything is opened."""
    wrong = {"window": 0, "order": "random", "max_cost": "much", "template": "no place", "temperatur": 1}
    for name, value in wrong.items():
        with pytest.raises(ConfigError) as raised:
            client.batch(["x"], model="fake/m", **{name: value})  # type: ignore[arg-type]
        assert name == raised.value.field
    with pytest.raises(UnknownModelError):
        client.batch(["x"], model="nobody/m")


def test_resume_knows_how_it_was_begun(client: Client, echoing: Server, tmp_path: Path) -> None:
    """The journal names input, template and settings, and goes with its files to another place."""
    (tmp_path / "here").mkdir()
    source = write(tmp_path / "here" / "in.jsonl", [{"id": number, "text": f"t{number}"} for number in range(5)])
    client.batch(source, tmp_path / "here" / "out.jsonl", model="fake/m", template="Say {text}", temperature=0.5)
    (tmp_path / "here").rename(tmp_path / "there")
    (tmp_path / "there" / "out.jsonl").unlink()

    report = client.resume_batch(tmp_path / "there" / "out.jsonl").report

    assert (5, 5, 5) == (echoing.calls, report.done, report.reused)
    assert ("0", "Say t0") == texts(tmp_path / "there" / "out.jsonl")[0]


def test_resume_says_what_a_journal_cannot_carry(client: Client, tmp_path: Path) -> None:
    """A type, and rows that were in memory, must be given again."""
    client.batch([{"prompt": "7"}], tmp_path / "out.jsonl", model="fake/m", output=int)

    with pytest.raises(ManifestError) as raised:
        client.resume_batch(tmp_path / "out.jsonl")
    assert "output" == raised.value.field
    with pytest.raises(ManifestError) as raised:
        client.resume_batch(tmp_path / "out.jsonl", output=int)
    assert "source" == raised.value.field
    with pytest.raises(ManifestError, match="no journal"):
        client.resume_batch(tmp_path / "none.jsonl")


def test_trying_failures_again_is_for_one_run(client: Client, tmp_path: Path) -> None:
    """A resumed batch does not try failures again because an earlier run was told to."""
    source = write(tmp_path / "in.jsonl", [line(0), line(1, temperature="hot")])
    client.batch(source, tmp_path / "out.jsonl")

    assert 1 == client.resume_batch(tmp_path / "out.jsonl", retry_failed=True).report.reused
    assert 2 == client.resume_batch(tmp_path / "out.jsonl").report.reused


def test_a_batch_runs_once_at_a_time(client: Client, tmp_path: Path) -> None:
    """A second run of the same output is refused while the first has the journal."""
    first = client.batch(["a"], tmp_path / "out.jsonl", model="fake/m", start=False)

    with pytest.raises(ManifestError, match="another process"):
        client.batch(["a"], tmp_path / "out.jsonl", model="fake/m")
    first.run()

    assert 1 == client.batch(["a"], tmp_path / "out.jsonl", model="fake/m").report.reused


def test_typed_rows_have_values_in_both_forms(tmp_path: Path) -> None:
    """With `output` the file has the value as JSON, and the row has it as its type."""

    class City(msgspec.Struct):
        name: str

    with (
        Server(default=says('{"name": "Oslo"}')) as server,
        Client(providers={"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}}) as client,
    ):
        batch = client.batch(["where?"], tmp_path / "out.jsonl", model="fake/m", output=City)

    assert [City("Oslo")] == [row.output for row in batch.results()]
    assert {"name": "Oslo"} == read(tmp_path / "out.jsonl")[0]["output"]


def test_each_row_may_have_a_form_of_its_own(tmp_path: Path) -> None:
    """With `verb="parse"` the schema in a row's body is enough; an answer that is no value is asked for again."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    said = {"type": "json_schema", "json_schema": {"name": "City", "schema": schema}}
    rows = [line(0, response_format=said), line(1, response_format={"type": "json_object"}), line(2)]
    source = write(tmp_path / "in.jsonl", rows)
    with (
        Server(says("Oslo"), default=says('{"name": "Oslo"}')) as server,
        Client(providers={"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}}) as client,
    ):
        batch = client.batch(source, tmp_path / "out.jsonl", verb="parse", window=1)
        with pytest.raises(ConfigError, match="output is missing"):
            client.batch(["where?"], model="fake/m", verb="parse")

    first, second, third = batch.results()
    assert ({"name": "Oslo"}, {"name": "Oslo"}) == (first.output, second.output)
    assert (2, "output") == (len(first.attempts), third.error and third.error.field)
    assert {"name": "Oslo"} == read(tmp_path / "out.jsonl")[0]["output"]
