"""What a batch is told that cannot be, and files that it must not write over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.errors import ConfigError, ManifestError, SourceError

LINES = '{"id": 1, "prompt": "one"}\n{"id": 2, "prompt": "two"}\n'


def _source(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text(LINES)
    return path


@pytest.mark.parametrize("how", ["same", "link", "symlink"])
def test_the_output_is_not_the_input(tmp_path: Path, how: str) -> None:
    """An output that is the input, by whatever name, is refused, and the input is as it was."""
    source = sink = _source(tmp_path, "in.jsonl")
    if how != "same":
        sink = tmp_path / "other.jsonl"
        (os.link if how == "link" else os.symlink)(source, sink)
    with Client() as client, pytest.raises(ConfigError, match="is the input") as caught:
        client.batch(source, sink, model="sim/echo")
    assert "sink" == caught.value.field
    assert LINES == source.read_text()
    assert not Path(f"{sink}.job").exists()


def test_the_errors_file_is_not_the_input(tmp_path: Path) -> None:
    """The errors file of one batch may be the input of another, but not of one with the same output."""
    source = _source(tmp_path, "out.errors.jsonl")
    with Client() as client:
        with pytest.raises(ConfigError, match="is the input"):
            client.batch(source, tmp_path / "out.jsonl", model="sim/echo")
        assert LINES == source.read_text()
        assert 2 == client.batch(source, tmp_path / "second.jsonl", model="sim/echo").report.done
    assert LINES == source.read_text()


def test_the_output_is_a_file(tmp_path: Path) -> None:
    """A pipe or a device would be replaced by a file, so it is refused."""
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    for sink in (pipe, Path("/dev/null")):
        with Client() as client, pytest.raises(ConfigError, match="is a pipe or a device"):
            client.batch(["x"], sink, model="sim/echo")


@pytest.mark.parametrize("name", ["a\0b", "\ud800", b"x", 5], ids=repr)
def test_a_name_that_no_file_can_have_is_refused(name: Any) -> None:
    """As an output, as a journal, and to go on with."""
    with Client() as client:
        with pytest.raises(ConfigError) as caught:
            client.batch(["x"], name, model="sim/echo")
        assert "sink" == caught.value.field
        with pytest.raises(ConfigError) as caught:
            client.resume_batch(name)
        assert "sink" == caught.value.field
        with pytest.raises(ConfigError) as caught:
            client.batch(["x"], model="sim/echo", job=f"{name}.job" if isinstance(name, str) else name)
        assert "job" == caught.value.field
        with pytest.raises(ConfigError):
            client.resume_batch(None)  # type: ignore[arg-type]


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    """What the system refuses is an error of ours."""
    with Client() as client, pytest.raises(ManifestError, match="no journal"):
        client.resume_batch(tmp_path / ("x" * 5000))


BODY = {"model": "sim/echo", "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize("bad", ["\ud800", object(), ...], ids=["surrogate", "object", "ellipsis"])
def test_a_body_that_is_no_json_fails_its_row(bad: object) -> None:
    """It is a row's fault, and stops no other."""
    rows: list[Any] = [
        {"custom_id": "a", "url": "/v1/chat/completions", "body": {**BODY, "messages": bad}},
        {"custom_id": "b", "url": "/v1/chat/completions", "body": BODY},
        {"custom_id": "c", "url": "/v1/embeddings", "body": {"model": "sim/echo", "input": bad}},
    ]
    with Client() as client:
        found = list(client.batch(rows).results())
    assert [None, "x", None] == [row.text for row in found]
    assert ["ConfigError", "ConfigError"] == [row.error.kind for row in found if row.error]
    assert all("body is no JSON value" in row.error.message for row in found if row.error)


def test_a_field_that_is_no_json_is_told_before_anything_is_sent() -> None:
    """A template needs a value that can be written."""
    with Client() as client, pytest.raises(SourceError, match="row 1: a is no JSON value") as caught:
        client.batch([{"a": 1}, {"a": object()}], model="sim/echo", template="{a}")
    assert "a" == caught.value.field


@pytest.mark.parametrize("field", ["model", "template", "system", "key"])
def test_half_a_surrogate_pair_is_no_option(field: str) -> None:
    """No journal could keep it."""
    given: dict[str, Any] = {"model": "sim/echo", field: "\ud800 {prompt}"}
    with Client() as client, pytest.raises(ConfigError) as caught:
        client.batch([{"prompt": "x"}], **given)
    assert field == caught.value.field


def test_a_setting_that_no_journal_can_keep_stops_nothing(tmp_path: Path) -> None:
    """It is asked for again by `resume_batch`, as a type is."""
    with Client() as client:
        batch = client.batch([{"prompt": "x"}], tmp_path / "out.jsonl", model="sim/echo", user="\ud800")
        assert 1 == batch.report.failed
        with pytest.raises(ManifestError) as caught:
            client.resume_batch(tmp_path / "out.jsonl", [{"prompt": "x"}])
        assert "user" == caught.value.field


def test_more_money_than_there_is_names_the_argument() -> None:
    """A budget holds nine million dollars."""
    with Client() as client, pytest.raises(ConfigError) as caught:
        client.batch(["x"], model="sim/echo", max_cost="1e400")
    assert "max_cost" == caught.value.field
