"""Two pieces of a text are one text, wherever it was cut and whatever was repeated."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.writing.fences import first_heading, open_fence
from dragoman.writing.joint import Format, JsonJoint, joint_of
from dragoman.writing.repeats import weight
from dragoman.writing.whole_json import WholeJson
from tests.writing.texts import CODE, JSON, MARKDOWN, TEXTS, TOLD, repeated, tokens

FORMS: list[tuple[Format | None, str]] = [
    (None, MARKDOWN),
    ("text", MARKDOWN),
    ("markdown", MARKDOWN),
    ("code", CODE),
    ("json", JSON),
]


def joined(form: Format | None, *pieces: str, chunk: int = 4, trusted: bool = False) -> str:
    """All pieces, each coming `chunk` characters at a time."""
    joint, text = joint_of(form), ""
    for piece in pieces:
        joint.begin(text, trusted=trusted)
        parts = [joint.feed(piece[at : at + chunk]) for at in range(0, len(piece), chunk)]
        text += "".join(parts) + joint.close()
    return text


@pytest.mark.parametrize("least", [0, 1, 10, 16, 30, 100_000])
@pytest.mark.parametrize(("form", "text"), FORMS, ids=lambda value: str(value)[:8])
def test_a_text_is_whole_wherever_it_was_cut(form: Format | None, text: str, least: int) -> None:
    """At every token, with nothing repeated, some tokens, or all: the joined text is the text."""
    pieces = tokens(text)
    wrong: list[tuple[int, int]] = []
    for cut in range(1, len(pieces)):
        back = repeated(pieces, cut, min(least, cut)) if least else 0
        if text != joined(form, "".join(pieces[:cut]), "".join(pieces[cut - back :])):
            wrong.append((cut, back))
    assert [] == wrong


@pytest.mark.parametrize(("form", "text"), FORMS[2:], ids=lambda value: str(value)[:8])
def test_it_does_not_matter_how_the_piece_comes(form: Format | None, text: str) -> None:
    """A piece that comes whole, or letter by letter, is joined as one that comes in between."""
    pieces = tokens(text)
    for cut in range(7, len(pieces), 9):
        back = repeated(pieces, cut, 5)
        first, second = "".join(pieces[:cut]), "".join(pieces[cut - back :])
        assert [text] * 3 == [joined(form, first, second, chunk=chunk) for chunk in (1, 13, 10_000)]


@pytest.mark.parametrize(("form", "text"), FORMS[1:], ids=lambda value: str(value)[:8])
def test_white_space_may_differ(form: Format | None, text: str) -> None:
    """A repetition with other line breaks and spaces is still one."""
    pieces = tokens(text)
    lost: list[int] = []
    for cut in range(5, len(pieces)):
        back = repeated(pieces, cut, 12)
        if not back:
            continue
        again = " ".join("".join(pieces[cut - back : cut]).split())
        rest = "".join(pieces[cut:])
        whole = joined(form, "".join(pieces[:cut]), again + rest)
        if "".join(text.split()) != "".join(whole.split()):
            lost.append(cut)
    assert [] == lost


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("He said “it is over”", 'He said "it is over" and left.', " and left.", id="other quotes"),
        pytest.param("**It is over** for", "It is over for them.", " them.", id="no marks"),
        pytest.param("It is over for", "IT IS OVER FOR them.", " them.", id="other case"),
        pytest.param("an interna", "international one", "tional one", id="a word that was begun"),
        pytest.param("Then\n- a second it", "- a second item", "em", id="a line that was begun"),
        pytest.param("The quick brown ", "brown fox", "fox", id="a long word"),
        pytest.param("It is very ", "very good", "very good", id="a short word is an accident"),
        pytest.param("the cat", "at the door", "at the door", id="two letters are an accident"),
        pytest.param("today. 今天天气很好", "今天天气很好，走吧。", "，走吧。", id="without spaces"),
        pytest.param("| a | b |\n| --- | ", "--- |\n", "--- |\n", id="the line of a table"),
        pytest.param("<div><div>x</div>", "</div>", "</div>", id="signs"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_repetitions_and_accidents(first: str, second: str, expected: str, chunk: int) -> None:
    """What can be told to be a repetition is taken out, what may be an accident stays."""
    assert first + expected == joined("markdown", first, second, chunk=chunk)


FENCED = "Look:\n\n```python\nx = 1\nfor value in range(10):\n    print(value"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(FENCED, "```python\n)\n```\n\nDone.\n", ")\n```\n\nDone.\n", id="the block is opened again"),
        pytest.param(
            FENCED,
            "```python\nfor value in range(10):\n    print(value)\n```\n",
            ")\n```\n",
            id="and its last lines repeated",
        ),
        pytest.param(FENCED + ")\n", "```\n\nDone.\n", "```\n\nDone.\n", id="the block is closed"),
        pytest.param("One sentence and ", "```markdown\nanother.\n```\n", "another.\n", id="the piece is wrapped"),
        pytest.param(
            "One sentence and ",
            "```markdown\nanother:\n\n```python\nx = 1\n```\n\nEnd.\n```\n",
            "another:\n\n```python\nx = 1\n```\n\nEnd.\n",
            id="and has a block of its own",
        ),
        pytest.param("Look:\n\n", "```json\n{}\n```\n", "```json\n{}\n```\n", id="a block of the text's own"),
        pytest.param("Look:", "\n\n```json\n{}\n```\n", "\n\n```json\n{}\n```\n", id="behind a line break"),
        pytest.param("## Use\n\nIt is ", "## Use\n\neasy.", "easy.", id="the heading is repeated"),
        pytest.param("## Use\n\nIt is ", "## Use (continued)\n\neasy.", "easy.", id="continued"),
        pytest.param("### Use\n\nOne.\n\n", "### Use\n\nTwo.", "### Use\n\nTwo.", id="a heading of its own"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_blocks_and_headings_stay_whole(first: str, second: str, expected: str, chunk: int) -> None:
    """A fence or a heading that the model opens again is no part of the text."""
    assert first + expected == joined("markdown", first, second, chunk=chunk)


def test_code_is_not_wrapped_again() -> None:
    """Code without a fence gets none by a piece that has one."""
    first, second = CODE.split("\n\n    def area", 1)
    assert CODE == joined("code", first + "\n", f"```python\n\n    def area{second}```\n")


@pytest.mark.parametrize("cut", range(10, len(JSON) - 1, 23))
@pytest.mark.parametrize("chunk", [1, 6, 1000])
def test_json_is_taken_out_of_its_wrapping(cut: int, chunk: int) -> None:
    """Words and fences around JSON, at its start, at a seam and at its end, are no part of it."""
    pieces = (f"Here it is:\n\n```json\n{JSON[:cut]}", f"{JSON[cut:]}\n```\nI hope that it helps.")
    assert JSON == joined("json", *pieces, chunk=chunk)


def test_json_is_unwrapped_at_a_seam() -> None:
    """A piece of JSON that comes in a fence, with a word before it, goes on where the JSON stopped."""
    cut = JSON.index('"name": "second')
    again = f"Continuing:\n```json\n{JSON[cut:]}\n```"

    assert [JSON] * 3 == [joined("json", JSON[:cut], again, chunk=chunk) for chunk in (1, 5, 1000)]


def test_an_element_of_json_that_is_begun_again_stands_there_once() -> None:
    """A model that begins the object or the key anew repeats it, however short it is."""
    cut = JSON.index("second ")
    start = JSON.rindex("{", 0, cut)

    assert JSON == joined("json", JSON[:cut], JSON[start:])
    assert '{"a": "Alice"}' == joined("json", '{"a": "Al', '"a": "Alice"}')


TABLE = "# Results\n\nWhat was measured, in order.\n\n| name | value | remark |\n| --- | --- | --- |\n"
ROWS = [
    "| first thing | 12 | measured twice |\n",
    "| a | 1 | |\n",
    "| other | 7 | as it was then |\n",
    "| -- | 2 | |\n",
]
REST = "| sum | 99 | of them all |\n\nThat is all.\n"


@given(
    rows=st.lists(st.sampled_from(ROWS), min_size=1, max_size=3, unique=True),
    times=st.integers(2, 5),
    form=st.sampled_from(["text", "markdown", "code", None]),
    chunk=st.sampled_from([1, 7, 1000]),
    data=st.data(),
)
def test_rows_that_a_table_has_several_times_are_no_repetition(
    rows: list[str], times: int, form: Format | None, chunk: int, data: st.DataObject
) -> None:
    """
    Cut inside of a row, or behind rows that stand there twice, with nothing repeated: the joined text is the text.

    Behind rows that stand there once, the same rows are taken for a repetition: nobody can tell.
    """
    text = TABLE + "".join(rows) * times + REST
    cut = data.draw(st.integers(1, len(text) - 1))
    row, behind = text[text.rfind("\n", 0, cut) + 1 : cut], text[cut : text.find("\n", cut)]
    inside = any(map(str.isalpha, row)) and any(map(str.isalpha, behind))
    twice = cut >= len(TABLE) + 2 * len("".join(rows))
    assume(inside or twice or cut < len(TABLE))

    assert text == joined(form, text[:cut], text[cut:], chunk=chunk)


@given(
    rows=st.lists(st.sampled_from(ROWS), min_size=1, max_size=3),
    times=st.integers(1, 4),
    begin=st.sampled_from(["# Results", "What was measured", "| name"]),
    data=st.data(),
)
def test_a_table_that_is_begun_anew_stands_there_once(
    rows: list[str], times: int, begin: str, data: st.DataObject
) -> None:
    """A model that repeats the heading of the table, too, repeats all rows behind it, whatever rows there are."""
    text = TABLE + "".join(rows) * times + REST
    cut = data.draw(st.integers(len(TABLE), len(text) - 1))

    assert text == joined("markdown", text[:cut], text[text.index(begin) :])


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_piece_that_only_repeats_brings_nothing(chunk: int) -> None:
    """A model that runs in a circle is seen to: rows that stand there often are no reason to take them again."""
    text = TABLE + ROWS[0] * 9

    assert text == joined("markdown", text, ROWS[0] * 4, chunk=chunk)


def test_a_text_that_was_begun_is_trusted() -> None:
    """A model that goes on in its own words repeats nothing: only white space may come twice."""
    assert "ha ha ha ha ha ha " == joined("text", "ha ha ha ", "ha ha ha ", trusted=True)
    assert "It is over. It is over. " == joined("text", "It is over. ", "It is over. ", trusted=True)
    assert "one two" == joined("text", "one ", " two", trusted=True)
    assert "a:\n\n    b" == joined("text", "a:\n", "\n\n    b", trusted=True)


@given(
    first=st.text("ab \n`#.", max_size=80),
    second=st.text("ab \n`#.", max_size=80),
    chunk=st.integers(1, 9),
    form=st.sampled_from(["text", "markdown", "code", None]),
)
def test_nothing_is_added(first: str, second: str, chunk: int, form: Format | None) -> None:
    """What is delivered of a piece is the piece less what was taken out, however it came."""
    whole = joined(form, first, second, chunk=chunk)

    assert whole == joined(form, first, second, chunk=1000)
    added = whole.removeprefix(joined(form, first, chunk=chunk))
    assert whole.startswith(joined(form, first))
    left = iter(second)
    assert all(sign in left for sign in added)


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    ),
    cut=st.integers(0, 400),
)
def test_every_beginning_of_json_is_one(value: object, cut: int) -> None:
    """JSON is read to its end and no further; each of its beginnings can be gone on with."""
    text = json.dumps([value], indent=1)
    reader = WholeJson()

    assert len(text) == reader.feed(text + " more")
    assert (True, False) == (reader.whole, reader.wrong)
    begun = WholeJson()
    begun.feed(text[:cut])
    assert not begun.wrong
    assert begun.goes_on(text[cut:]) or cut >= len(text)


@pytest.mark.parametrize(
    "text", ['{"a" 1}', "[1,,2]", "[01]", '{"a": tru}', '["\t"]', "[1}", "{1: 2}", '["\\x"]', "[,"]
)
def test_what_is_no_json_is_known_at_once(text: str) -> None:
    """A sign that cannot follow is wrong where it stands."""
    reader = WholeJson()
    reader.feed(text)
    assert reader.wrong


def test_where_a_text_stands() -> None:
    """Blocks are open until their own fence closes them."""
    fence = open_fence(FENCED)
    assert fence is not None
    assert "python" == fence.word
    assert open_fence("````\n```\n") is not None
    assert open_fence("````\n```\n````\n") is None
    assert open_fence("``` a`b\n") is None
    heading = first_heading("\n## A title ##\n\nText")
    assert heading is not None
    assert (2, "A title", "Text") == (heading.level, heading.title, "\n## A title ##\n\nText"[heading.end :])


def test_a_long_text_that_begins_anew_stands_there_once() -> None:
    """A model that writes everything again from the start adds only what is new; time is linear."""
    text = "".join(f"Line number {number} of a long and winding text.\n" for number in range(5000))
    assert text + "The end." == joined("text", text, text + "The end.", chunk=37)


def test_the_texts_can_be_told() -> None:
    """The known texts are of the size that the promise is about."""
    assert all(120 < len(tokens(text)) < 400 for text in TEXTS.values())
    assert weight("It is over for them all") < TOLD
    assert isinstance(joint_of("json"), JsonJoint)
