"""Lines of JSON: whole lines come out, however the bytes were cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import WireError
from dragoman.wire import ndjson


def split(data: bytes, sizes: list[int], max_line: int = ndjson.MAX_LINE) -> list[bytes]:
    """All lines of `data`, fed in pieces of these sizes and then the rest."""
    splitter = ndjson.Splitter(max_line)
    lines: list[bytes] = []
    start = 0
    for size in [*sizes, len(data)]:
        lines += splitter.feed(data[start : start + size])
        start += size
    rest = splitter.rest()
    return lines + ([rest] if rest else [])


# A line holds any character but its end; surrounding blanks are not part of it.
_lines = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=12).map(str.encode), max_size=6
)


@given(lines=_lines, end=st.sampled_from((b"\n", b"\r\n")), sizes=st.lists(st.integers(1, 9), max_size=40))
def test_lines_do_not_depend_on_where_the_bytes_are_cut(lines: list[bytes], end: bytes, sizes: list[int]) -> None:
    """Cut anywhere, the same lines come out, without their ends and without blank ones."""
    data = b"".join(line + end for line in lines)

    assert split(data, []) == split(data, sizes)
    kept = [line.removeprefix(b"\xef\xbb\xbf" if not i else b"").strip(b" \t\r") for i, line in enumerate(lines)]
    assert [line for line in kept if line] == split(data, [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}'], id="two"),
        pytest.param(b'{"a":1}\r\n\r\n{"b":2}', [b'{"a":1}', b'{"b":2}'], id="crlf, blank, no last end"),
        pytest.param(b'\xef\xbb\xbf{"a":1}\n', [b'{"a":1}'], id="byte order mark"),
        pytest.param('"\u2028\u0085\u2029"\n'.encode(), ['"\u2028\u0085\u2029"'.encode()], id="other line ends"),
        pytest.param(b'{"a":1}\r{"b":2}\n', [b'{"a":1}\r{"b":2}'], id="a lone CR ends nothing"),
        pytest.param(b"\n\n\n", [], id="nothing"),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_what_is_a_line(data: bytes, expected: list[bytes]) -> None:
    """LF ends a line, a CR before it belongs to the end, and nothing else ends one."""
    assert expected == split(data, [])
    assert expected == split(data, [1] * len(data))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_above_the_limit_is_refused_after_the_lines_before_it(size: int) -> None:
    """Memory is bounded: the whole lines before come out, then the error, and from then on only it."""
    splitter = ndjson.Splitter(max_line=10)
    data = b"first\nsecond\n" + b"x" * 11 + b"\nlater\n"
    lines: list[bytes] = []
    for start in range(0, len(data), size):
        if splitter.failure is None:
            lines += splitter.feed(data[start : start + size])

    assert [b"first", b"second"] == lines
    assert isinstance(splitter.failure, WireError)
    with pytest.raises(WireError, match="larger than 10 bytes"):
        splitter.feed(b"{}\n")


def test_a_long_line_in_small_pieces_costs_no_more_than_its_bytes() -> None:
    """Pieces are held, not joined again and again."""
    splitter = ndjson.Splitter()
    for _ in range(200_000):
        assert [] == splitter.feed(b"x")

    assert [b"x" * 200_000] == splitter.feed(b"\n")
