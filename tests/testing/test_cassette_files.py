"""The file: that it is read by people, gives the same bytes again, may be edited, and is checked when it is read."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus.recording import SAMPLE, Recording

from dragoman import Client
from dragoman.testing import Server, says
from dragoman.testing.cassette import CassetteError, cassette
from dragoman.testing.cassette.bodies import answer_fields, answer_pieces, request_fields
from dragoman.testing.cassette.layout import laid_out
from dragoman.testing.cassette.model import Answered
from dragoman.testing.cassette.scrub import Scrubber
from dragoman.testing.cassette.storage import read_cassette, write_cassette

NOTHING = Scrubber()
_ACCOUNT = re.compile(rb"(arn:aws:[a-z]+:[a-z0-9-]+:)\d{12}")


def written(pieces: list[tuple[float, bytes]]) -> Answered:
    """A body as it is read back from a file."""
    answered = Answered(status=200, **answer_fields(pieces, NOTHING))
    return msgspec.convert(json.loads(laid_out(msgspec.to_builtins(answered))), Answered)


def cut(data: bytes, sizes: list[int]) -> list[tuple[float, bytes]]:
    pieces: list[tuple[float, bytes]] = []
    for size in sizes:
        pieces.append((0.25, data[:size]))
        data = data[size:]
    return [(after, piece) for after, piece in [*pieces, (0.5, data)] if piece]


BODIES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(str.encode),
    st.sampled_from(
        [
            'data: {"a":"好的","b":1}\n\ndata: {"a": "spaced"}\n\ndata: [DONE]\n\n'.encode(),
            b'event: ping\ndata: {"type": "ping"}\n\nevent: x\r\ndata: {}\r\n\r\n: comment\n\n',
            b'{"model":"x","done":false}\n{"model":"x","done":true}\n',
            b'{"a": [1, 2.0, 1e3], "b": "\\u00e9"}',
            json.dumps({"a": [1, 2], "b": {"c": "é"}}, indent=2).encode() + b"\n",
            '[{"a":"好"}]'.encode(),
            b'{"a":1,"a":2}',
        ]
    ),
)


@given(data=BODIES, sizes=st.lists(st.integers(1, 12), max_size=20))
def test_a_body_comes_back_byte_for_byte(data: bytes, sizes: list[int]) -> None:
    """Whatever it is and however it was cut, the bytes are the same and no time is lost."""
    pieces = cut(data, sizes)
    back = answer_pieces(written(pieces))

    assert data == b"".join(piece for _, piece in back)
    assert all(piece for _, piece in back)
    assert sum(after for after, _ in pieces) == sum(after for after, _ in back)


@pytest.mark.parametrize("path", sorted(SAMPLE.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recorded_answers_of_providers_come_back(path: Path) -> None:
    """Real traffic is readable in a cassette, and nothing of an answer is taken for a secret."""
    body = Recording(path).body
    answered = written([(0.0, body)])

    assert _ACCOUNT.sub(rb"\1[redacted]", body) == b"".join(piece for _, piece in answer_pieces(answered))


def test_a_character_that_is_cut_goes_with_its_end() -> None:
    """A piece is never half a character, so that it can be read."""
    data = "a好b".encode()
    assert [(0.25, b"a"), (0.5, "好b".encode())] == answer_pieces(written([(0.25, data[:2]), (0.5, data[2:])]))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", {}),
        (b'{"b":1,"a":[]}', {"json": {"b": 1, "a": []}}),
        (b"a=1&b=2", {"text": "a=1&b=2"}),
        (b"\xff\x00", {"base64": "/wA="}),
    ],
)
def test_a_request_is_written_as_what_it_is(body: bytes, expected: dict[str, Any]) -> None:
    """JSON as JSON, text as text, the rest as base64."""
    assert expected == request_fields(body, NOTHING)


def test_a_picture_in_a_request_is_written_as_its_hash() -> None:
    """A diff of a cassette does not show megabytes; another picture is another request."""
    one, other = (
        request_fields(
            json.dumps({"url": f"data:image/png;base64,{base64.b64encode(data).decode()}"}).encode(), NOTHING
        )
        for data in (b"1" * 5000, b"2" * 5000)
    )
    assert one["json"]["url"].startswith("data:image/png;base64,[6668 characters, sha256 ")
    assert one != other


def test_the_layout_shows_a_thing_a_line() -> None:
    """What fits stands in a line; each event of a stream has its own, however long."""
    value = {
        "short": {"a": 1},
        "empty": {},
        "record": {"inner": {"a": [1, 2]}},
        "long": ["x" * 60, "y" * 60],
        "pieces": [[0.1, {"data": {"text": "z" * 120}}], [0.25, [{"raw": "a"}, {"raw": "z" * 120}]]],
    }
    lines = [
        "{",
        '  "short": {"a": 1},',
        '  "empty": {},',
        '  "record": {',
        '    "inner": {"a": [1, 2]}',
        "  },",
        '  "long": [',
        f'    "{"x" * 60}",',
        f'    "{"y" * 60}"',
        "  ],",
        '  "pieces": [',
        f'    [0.1, {{"data": {{"text": "{"z" * 120}"}}}}],',
        "    [0.25, [",
        '      {"raw": "a"},',
        f'      {{"raw": "{"z" * 120}"}}',
        "    ]]",
        "  ]",
        "}",
        "",
    ]
    assert lines == laid_out(value).split("\n")


VALUES = st.recursive(
    st.none() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=20,
)


@given(VALUES)
def test_the_layout_is_json(value: Any) -> None:
    """Whatever is laid out is read back the same, halves of characters included."""
    assert value == json.loads(laid_out(value).encode().decode())


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(server: Server, tmp_path: Path) -> Path:
    """A cassette of one plain and one streamed answer."""
    made = tmp_path / "one.json"
    server.script(says("plain answer"), says("streamed answer"))
    with cassette(made, mode="once"), Client(providers=rows(server)) as client:
        client.chat("fake/m", "Hi")
        client.stream("fake/m", "Ho").drain()
    return made


def rows(server: Server) -> dict[str, Any]:
    return {"fake": {"base_url": server.base_url(), "api_key": "any-key-1"}}


def test_an_edited_cassette_plays_what_it_says(server: Server, path: Path) -> None:
    """Words may be changed by hand, in an answer and in an event; nothing need be counted."""
    text = path.read_text("utf-8")
    path.write_text(text.replace("plain answer", "edited by hand").replace('"streamed "', '"written "'), "utf-8")
    with cassette(path), Client(providers=rows(server)) as client:
        assert "edited by hand" == client.chat("fake/m", "Hi").text
        assert "written answer" == client.stream("fake/m", "Ho").drain().text


def test_a_cassette_that_is_written_again_is_the_same(path: Path) -> None:
    """Reading and writing change nothing, so that an added recording is the only change of a diff."""
    before = path.read_text("utf-8")
    write_cassette(path, read_cassette(path))
    assert before == path.read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(None, "", "cannot be understood: Expecting value", id="empty"),
        pytest.param(None, "[]", "Expected `object`, got `array`", id="no object"),
        pytest.param(
            '"dragoman-cassette": 1', '"dragoman-cassette": 9', r"has version 9, .* for version 1", id="version"
        ),
        pytest.param('"dragoman-cassette": 1,', "", "missing required field `dragoman-cassette`", id="another file"),
        pytest.param('"status": 200', '"status": "ok"', r"Expected `int`, got `str` - at `\$\.exchanges", id="type"),
        pytest.param('"method"', '"methode"', "unknown field `methode`", id="unknown field"),
        pytest.param('"end": "enough"', '"end": "soon"', "Invalid enum value 'soon'", id="end"),
        pytest.param('"end": "enough"', '"end": "failed"', "exchange 2: end is 'failed'", id="no failure"),
        pytest.param('"pieces": [[', '"form": "curly", "pieces": [[', "exchange 1: form is 'curly'", id="form"),
        pytest.param('"pieces": [\n', '"pieces": [[0.0, 5],\n', "exchange 2: a piece is the number 5", id="number"),
        pytest.param('"pieces": [\n', '"pieces": [[0.0, {"base64": "?"}],\n', r"exchange 2: .*base64", id="base64"),
    ],
)
def test_a_damaged_cassette_is_told_with_its_place(path: Path, old: str | None, new: str, expected: str) -> None:
    """Before anything is played, and by name."""
    text = path.read_text("utf-8")
    assert old is None or old in text
    path.write_text(new if old is None else text.replace(old, new), "utf-8")
    with pytest.raises(CassetteError, match=expected) as caught:
        cassette(path).start()
    assert str(path) in caught.value.message


def test_every_cut_of_a_cassette_is_told(path: Path) -> None:
    """A file that a dead machine left half written is no shorter cassette."""
    data = path.read_bytes()
    for size in range(0, len(data) - 2, 37):
        path.write_bytes(data[:size])
        with pytest.raises(CassetteError, match=r"cannot be understood|is no UTF-8"):
            cassette(path).start()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A folder where the file should be; bytes that are no text."""
    with pytest.raises(CassetteError, match="cannot be read: Is a directory"):
        cassette(tmp_path).start()
    (tmp_path / "x.json").write_bytes(b"\xff")
    with pytest.raises(CassetteError, match="is no UTF-8"):
        cassette(tmp_path / "x.json").start()


def test_failures_of_unknown_kinds_are_told(path: Path) -> None:
    """A failure names a class of ours, and facts that it has."""
    data = json.loads(path.read_text("utf-8"))
    data["exchanges"][0]["end"] = "failed"
    for failure, expected in (
        ({"kind": "error", "error": "KeyboardInterrupt"}, "error is 'KeyboardInterrupt'"),
        ({"kind": "error", "error": "ServerError", "facts": {"colour": 1}}, "facts of ServerError"),
    ):
        data["exchanges"][0]["failure"] = failure
        path.write_text(json.dumps(data), "utf-8")
        with pytest.raises(CassetteError, match=f"exchange 1: {expected}"):
            cassette(path).start()
