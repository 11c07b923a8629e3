"""Files become text, pieces and places; what cannot be read says why."""

from __future__ import annotations

import io
from pathlib import Path

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from dragoman import ConfigError
from dragoman.knowledge.analysis import asked_terms, terms
from dragoman.knowledge.chunking import Sizes, chunks_of
from dragoman.knowledge.files import Walk
from dragoman.knowledge.reading import Unreadable, read
from dragoman.knowledge.reading.text import Read
from dragoman.tokens import estimate


def pdf(*pages: str, password: str = "") -> bytes:
    """A PDF with these texts, made by hand."""
    writer = pypdf.PdfWriter()
    for text in pages:
        page = writer.add_blank_page(300, 300)
        font = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_markdown_headings():
    """Both forms of headings, none inside of code; what is under them has their path."""
    text = "Intro.\n\n# A **b**\n\none\n\n## C #\n\n```\n# no\n\n\nx\n```\n\nTitle\n=====\n\ntwo\n"
    found = read(text.encode(), "markdown")

    assert [(1, "A b"), (2, "C"), (1, "Title")] == [(head.level, head.title) for head in found.heads]
    pieces = chunks_of(found, Sizes())
    assert [(), ("A b",), ("A b", "C"), ("Title",)] == [piece.headings for piece in pieces]


def test_html_is_what_a_reader_sees():
    """Scripts, comments and hidden parts are out; paragraphs, entities, headings and cells are in."""
    page = (
        b"<!doctype html><head><title>t</title><style>x{}</style></head><body><!-- ignore me --><h1>Caf&eacute;</h1>"
        b"<p>one <b>two</b>\n three<br>four</p><div hidden>secret</div><p style='display: none'>gone</p>"
        b"<script>bad()</script><table><tr><td>a</td><td>b</td></tr></table><pre>x\n  y</pre></body>"
    )
    found = read(page, "html")

    assert "Café\n\none two three\nfour\n\na | b\n\nx\n  y" == found.text.strip()
    assert ["Café"] == [head.title for head in found.heads]


def test_pdf_has_pages():
    """Each piece knows its page."""
    pieces = chunks_of(read(pdf("First page.", "Second page."), "pdf"), Sizes())

    assert [(1, "First page."), (2, "Second page.")] == [(piece.page, piece.text.strip()) for piece in pieces]


@pytest.mark.parametrize(
    ("data", "form", "why"),
    [
        (b"\xff\xfe\xfa\xfb\xfc", "text", "utf-16"),
        (b"caf\xe9", "text", "encoding="),
        (b"a\0b", "markdown", "zero bytes"),
        (b"", "pdf", "damaged"),
        (b"%PDF-1.7 nothing", "pdf", "damaged"),
        (pdf("Hello.")[:400], "pdf", "damaged|no text"),
        (pdf(""), "pdf", "scanned"),
        (pdf("Hello.", password="secret"), "pdf", "encrypted"),
    ],
)
def test_what_cannot_be_read_says_why(data, form, why):
    """Wrong encodings, binary, empty, cut, scanned and encrypted files."""
    with pytest.raises(Unreadable, match=why):
        read(data, form)


def test_other_encodings_are_read_when_they_are_named():
    """A byte order mark and HTML's own word win over the argument."""
    assert "退货" == read("退货".encode("gb18030"), "text", "gb18030").text
    assert "退货" == read("退货".encode("utf-16"), "text").text
    assert "退货" == read("<meta charset=gbk><p>退货".encode("gbk"), "html").text.strip()
    with pytest.raises(ConfigError):
        read(b"x", "text", "nonsense")


TEXTS = st.lists(
    st.sampled_from(
        [
            "# Head\n",
            "## Sub\n",
            "word " * 30,
            "\n\n",
            "A sentence. ",
            "```\ncode\n\n```\n",
            "茶的价格。" * 9,
            "x" * 400,
            " \n",
        ]
    )
).map("".join)


@given(text=TEXTS, size=st.integers(32, 80), overlap=st.integers(0, 16))
def test_pieces_cover_the_text(text, size, overlap):
    """From the pieces the text can be put together; each is its span, and none is too large."""
    found = read(text.encode(), "markdown")
    pieces = chunks_of(found, Sizes(size, overlap))

    whole = ""
    for piece in pieces:
        assert text[piece.start : piece.end] == piece.text
        assert piece.start <= len(whole) <= piece.end
        assert estimate(piece.text.strip()) <= size + overlap + 8
        whole += piece.text[len(whole) - piece.start :]
    assert whole == (text if pieces else "")
    assert bool(pieces) == bool(text.strip())


def test_pages_and_blank_text():
    """A blank text has no pieces; pages without text vanish into their neighbours."""
    assert [] == chunks_of(Read(text=" \n\n "), Sizes())
    assert [1] == [piece.page for piece in chunks_of(Read(text="one\n\n\n\n", pages=(0, 5)), Sizes())]


def test_terms():
    """Stems, accents, widths, pairs of Chinese letters; a question drops what tells nothing."""
    assert ["cafe", "refund", "abc", "上海", "上", "海"] == terms("Café REFUNDS ＡＢＣ 上海")
    assert ["茶"] == asked_terms("茶")
    assert ["long", "refund", "take"] == asked_terms("How long do refunds take?")
    assert ["who", "are", "you"] == asked_terms("who are you")


def test_folders(tmp_path: Path):
    """Hidden files, tools' folders, patterns and a .dragomanignore are obeyed; the order is that of names."""
    for name in ("b.md", "a.txt", "c.bin", ".hidden.md", "node_modules/x.md", "drafts/d.md", "sub/e.md", "sub/f.html"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x", "utf-8")
    (tmp_path / ".dragomanignore").write_text("# ours\ndrafts/\n", "utf-8")
    (tmp_path / "sub" / ".dragomanignore").write_text("f.*\n", "utf-8")

    def names(**walk: object) -> list[str]:
        return [file.source for file in Walk(root=tmp_path, **walk).files([tmp_path])[0]]  # type: ignore[arg-type]

    assert ["a.txt", "b.md", "sub/e.md"] == names()
    assert ["sub/e.md"] == names(include=("sub/*",))
    assert ["a.txt", "b.md"] == names(exclude=("sub",))
    assert ["b.md"] == [file.path.name for file in Walk().files([f"{tmp_path}/*.md"])[0]]
    with pytest.raises(ConfigError, match="no kind"):
        Walk().files([tmp_path / "c.bin"])
    with pytest.raises(ConfigError, match="not below root"):
        Walk(root=tmp_path / "sub").files([tmp_path / "b.md"])
    (tmp_path / ".dragomanignore").write_text("!x\n", "utf-8")
    with pytest.raises(ConfigError, match="!x"):
        names()
