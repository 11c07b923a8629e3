"""Documents are cut into segments and put together again, and nothing but words is ever another byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman import ConfigError
from dragoman.kits.documents import FORMATS, format_of, read, write
from dragoman.kits.documents.base import Document, skeleton
from dragoman.kits.documents.po import decoded, encoded
from dragoman.kits.rewriting.engine import whole
from dragoman.kits.translation.pseudo import plain, pseudo
from tests.kits.documents.book import book

_BITS = st.sampled_from(
    [
        *"#*_-+>`~|[](){}<>!$%&\\:='\" \t\n",
        *(
            "\r\n",
            "\n\n",
            "a word",
            "1. ",
            "- ",
            "> ",
            "    ",
            "```",
            "](x)",
            "[a]: b\n",
            "<b>",
            "</b>",
            '<img alt="x">',
        ),
        *("<!--", "-->", "<code>", "{name}", "%s", "{n, plural, one {#} other {#s}}", "&lt;", "---\n", "x@y.example"),
        *("| a | b |\n|---|---|\n", "https://a.example/b.", "⟦1⟧", "⟦", "é", "中文", "\ufeff", "\x0b", "\u2028", "$$"),
        *("1\n00:00:01,000 --> 00:00:02,000\n", "`x`", "<script>", "</script>", "<pre>", "[^1]: ", "**b**", "  \n"),
    ]
)
_TEXTS = st.lists(_BITS, max_size=40).map("".join)


def shown(document: Document) -> list[str]:
    """The texts of the segments that have words."""
    return [segment.text for segment in document.segments if not segment.done]


def strings(draw: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    """JSON values with texts in them."""
    return st.recursive(
        draw | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(draw, inner, max_size=4),
        max_leaves=12,
    )


@pytest.mark.parametrize("format", ["markdown", "html", "plain", "srt"])
@given(source=_TEXTS | st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_unchanged_texts_give_the_same_bytes(format: str, source: str):
    """Whatever the text is: written without changes, or with each segment's own text, it is the same."""
    document = read(source, format)

    assert source == write(document, {})
    assert source == write(document, {segment.number: segment.text for segment in document.segments})


@given(value=strings(_TEXTS | st.text(max_size=20)), indent=st.sampled_from([None, 1, 4]), ascii=st.booleans())
@settings(max_examples=200, deadline=None)
def test_unchanged_json_is_the_same(value: object, indent: int | None, ascii: bool):
    """Whatever the values are, and however they are written; changed strings change no other value."""
    source = json.dumps(value, indent=indent, ensure_ascii=ascii)
    document = read(source, "json")

    assert source == write(document, {segment.number: segment.text for segment in document.segments})
    text = write(document, {s.number: pseudo(s.text) for s in document.segments})
    assert _shape(value) == _shape(json.loads(text))


def _shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value]
    return "text" if isinstance(value, str) else value


@given(
    messages=st.lists(_TEXTS.filter(bool), max_size=6),
    comment=st.sampled_from(["", "#, fuzzy\n", "# note\n#: a.py:1\n"]),
)
@settings(max_examples=200, deadline=None)
def test_unchanged_messages_are_the_same(messages: list[str], comment: str):
    """A PO file whose translations are its messages stays; an empty one gets exactly the messages."""
    head = 'msgid ""\nmsgstr "Plural-Forms: nplurals=2;\\n"\n\n'
    full = head + "".join(f"{comment}msgid {encoded(one)}\nmsgstr {encoded(one)}\n\n" for one in messages)
    empty = head + "".join(f'{comment}msgid {encoded(one)}\nmsgstr ""\n\n' for one in messages)

    document = read(full, "po")
    assert full == write(document, {s.number: s.text for s in document.segments})
    document = read(empty, "po")
    assert full == write(document, {s.number: s.text for s in document.segments})
    assert messages == [decoded(encoded(one)) for one in messages]


@pytest.mark.parametrize("format", ["markdown", "html", "plain", "srt"])
@given(source=_TEXTS)
@settings(max_examples=300, deadline=None)
def test_other_words_leave_the_structure(format: str, source: str):
    """With other words the document has the same structure, or the words that would change it are left out."""
    document = read(source, format)
    texts = {segment.number: pseudo(segment.text) for segment in document.segments}

    text, _ = whole(document, texts)

    assert skeleton(document) == skeleton(read(text, format))


@pytest.mark.parametrize(
    "words", ["- a", "# a", "1. a", "> a", "a\n- b", "a\n\n# b", "```\na", "a | b", "| a |", "===", "[x]: y"]
)
def test_words_cannot_become_structure(words: str):
    """A text that looks like a list, a heading, a quote or a table is none where it is put."""
    for source in (
        "A paragraph.\n",
        "> A quote\n> of two lines.\n",
        "- an item\n",
        "| a cell | b |\n|---|---|\n| c | d |\n",
    ):
        document = read(source, "markdown")
        text, left = whole(document, {segment.number: words for segment in document.segments})

        assert skeleton(document) == skeleton(read(text, "markdown")), text
        assert source != text or left


@pytest.mark.parametrize("seed", range(6))
def test_book_comes_back(seed: int):
    """All words of a book with everything hard in it are others, nothing else is, and the way back gives its bytes."""
    source = book(seed, pages=4)
    document = read(source, "markdown")

    text, left = whole(document, {s.number: pseudo(s.text) for s in document.segments if not s.done})

    assert set() == left
    assert source == plain(text)
    assert skeleton(document) == skeleton(read(text, "markdown"))
    for kept in ("```", "code_", "https://", "{name}", "<script>", "title: The book"):
        assert source.count(kept) == text.count(kept)


def test_markdown_is_cut_where_words_are():
    """Code, targets, tags and formulas are pieces; titles, alternative texts and cells are segments."""
    source = (
        "---\nname: kept\n---\n# Hello **world** #\n\n"
        'See [the guide](/a "More"), `code` and ![pic](x.png).\nNext, {name}.\n\n'
        "> quote\n> more\n\n- [x] item\n\n      code\n\n"
        "| a | b |\n|---|:-:|\n| c \\| d | $x$ e |\n\n```\nno\n```\n\nA\n===\n"
    )
    texts = shown(read(source, "markdown"))

    assert ["Hello **world**", "More", "pic", "See ⟦1⟧the guide⟦2⟧, ⟦3⟧ and ⟦4⟧.\nNext, ⟦5⟧."] == texts[:4]
    assert ["quote\nmore", "item", "a", "b", "c ⟦1⟧ d", "⟦1⟧ e", "A"] == texts[4:]


def test_short_reference_keeps_its_name():
    """A link that is named by its own words gets its name when they change."""
    source = "Read [the notes] now.\n\n[the notes]: https://a.example\n"
    document = read(source, "markdown")

    assert ["Read ⟦1⟧the notes⟦2⟧ now."] == shown(document)
    assert "Lies [die Notizen][the notes] jetzt.\n" in write(document, {0: "Lies ⟦1⟧die Notizen⟦2⟧ jetzt."})


def test_html_is_cut_where_words_are():
    """Blocks part sentences, tags in them are pieces, readers' attributes are segments, scripts and code stay."""
    source = (
        '<html><head><title>A title</title><meta name="description" content="About"></head><body>\n'
        '<p class="x">caf&eacute; <b>is</b> open &lt; <code>now()</code>\n   <img src="a" alt="A view"></p>'
        '<script>var a = "<p>no</p>";</script><p translate="no">kept</p><input placeholder="Name"></body></html>'
    )
    document = read(source, "html")

    assert ["A title", "About", "A view", "café ⟦1⟧is⟦2⟧ open ⟦3⟧ ⟦4⟧\n⟦5⟧", "Name"] == shown(document)
    text = write(document, {s.number: f'{s.text} "&<' for s in document.segments if not s.done})
    assert 'alt="A view &quot;&amp;&lt;"' in text
    assert '<title>A title "&amp;&lt;</title>' in text
    assert '<script>var a = "<p>no</p>";</script><p translate="no">kept</p>' in text


def test_bare_signs_in_html_stay():
    """A sign that should have been written as its name stays as it is, and the words around it change."""
    document = read("<p>If a < b & c > d, stop.</p>", "html")
    text, left = whole(document, {0: pseudo(document.segments[0].text)})

    assert ("<p>Îƒ à < ƀ &amp; ç > đ, šţöþ.</p>", set()) == (text, left)


def test_json_shows_messages_and_not_keys():
    """Placeholders, choices in ICU's form and tags are pieces; keys, addresses and what is skipped stay."""
    choice = "{n, plural, one {# item} other {# items}}"
    source = json.dumps({"title": "Hi {name}", "n": {"x": choice}, "url": "https://a.example", "id": "abc"})

    assert ["Hi ⟦1⟧", "⟦1⟧ item⟦2⟧ items⟦3⟧"] == shown(read(source, "json", ["id"]))
    assert ["Hi ⟦1⟧"] == shown(read(source, "json", ["id", "n.*"]))


def test_subtitles_keep_numbers_and_times():
    """Only what is said is a segment, and it knows how long it is shown."""
    source = (
        "\ufeff1\r\n00:00:01,000 --> 00:00:03,500\r\n<i>Hi</i> there\r\nyou\r\n\r\n"
        "2\r\n00:00:05,000 --> 00:00:06,000\r\n- Yes\r\n"
    )
    document = read(source, "srt")

    assert ["⟦1⟧Hi⟦2⟧ there\nyou", "- Yes"] == shown(document)
    assert [2.5, 1.0] == [segment.seconds for segment in document.segments]
    assert source.replace("- Yes", "- Ja\r\nnein") == write(document, {1: "- Ja\n\nnein"})


def test_messages_of_gettext():
    """Empty translations are filled, in each form of a plural; contexts, flags and what is translated stay."""
    source = (
        'msgid ""\nmsgstr ""\n"X: y\\n"\n\n#, c-format\nmsgctxt "menu"\nmsgid "Open"\nmsgstr ""\n\n'
        'msgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] ""\nmsgstr[1] ""\n\n#~ msgid "old"\n#~ msgstr ""\n\n'
        'msgid "done"\nmsgstr "fertig"\n'
    )
    document = read(source, "po")

    assert ["Open", "⟦1⟧ file", "⟦1⟧ files"] == shown(document)
    assert "context: menu" == document.segments[0].note
    text = write(document, {0: 'Öffnen "x"', 1: "⟦1⟧ Datei", 2: "⟦1⟧\nDateien"})
    assert 'msgstr "Öffnen \\"x\\""\n' in text
    assert 'msgstr[0] "%d Datei"\nmsgstr[1] ""\n"%d\\n"\n"Dateien"\n' in text
    assert text.endswith('#~ msgstr ""\n\nmsgid "done"\nmsgstr "fertig"\n')


@pytest.mark.parametrize(
    ("source", "format", "field"),
    [("{", "json", "source"), ("", "json", "source"), ("x", "po", "source"), ("x", "docx", "format")],
)
def test_wrong_documents_are_named(source: str, format: str, field: str):
    """What is not of its format, and a format that is not there, are errors that name the argument."""
    with pytest.raises(ConfigError) as caught:
        read(source, format)
    assert field == caught.value.field


def test_names_say_the_format():
    """A file's name says its format; one that does not is an error."""
    assert ("markdown", "srt", "po") == (format_of("a.MD"), format_of("b/c.srt"), format_of("d.pot"))
    with pytest.raises(ConfigError):
        format_of("a.bin")


@pytest.mark.parametrize("format", [format for format in FORMATS if format not in ("json", "po")])
@pytest.mark.parametrize(
    "bit",
    [
        "<",
        "[",
        "`",
        "{",
        "<a ",
        "![",
        "$",
        "a@",
        "**",
        "&",
        "{n, plural, one {",
        "<!--",
        "> ",
        "a.b-",
        "\\(",
        " ",
        "\t",
    ],
)
def test_time_does_not_explode(format: str, bit: str):
    """Ten thousand times the beginning of something that never ends is read in a moment."""
    source = bit * 10_000

    assert source == write(read(source, format), {})
