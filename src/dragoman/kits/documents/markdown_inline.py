"""
Markdown within a paragraph: code, links, images, tags, escapes and formulas stay; emphasis is part of the text.

    See **the [guide](/a "More")** and `x`.      See **the ⟦1⟧guide⟦2⟧** and ⟦3⟧.

A link is two pieces, so its words are translated; its title and a picture's alternative text are segments of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from typing import Final

from dragoman.kits.documents.attributes import attribute_parts
from dragoman.kits.documents.base import Piece, Weaver
from dragoman.kits.documents.maker import Joined, Maker
from dragoman.kits.documents.protect import ENTITY, protected
from dragoman.kits.documents.tags import CODE, WHOLE, Tag, end_of, tag_at

_SPECIAL: Final = re.compile(r"[`\\<&$!\[\]\n]|(?<! ) {2,}+\n")
_AUTO: Final = re.compile(r"<(?:[A-Za-z][A-Za-z0-9+.\-]{1,31}:[^\s<>]{0,2000}|[^\s<>@]{1,64}@[^\s<>@]{1,255})>")
_TARGET: Final = re.compile(
    r"\]\(\s*(?:<[^<>\n]*>|(?:[^\s()\\]|\\.|\([^\s()]*\))*+)"
    r"(?P<title>\s+(?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\)))?\s*\)"
)
_REFERENCE: Final = re.compile(r"\]\[([^\[\]\n]{0,999})\]")
_LONGEST: Final = 1000  # a name of a link has 999 characters at most (CommonMark 0.31, "link label"), and its bracket
_FOOTNOTE: Final = re.compile(r"\[\^[^\[\]\s]{1,200}\]")
_FORMULA: Final = re.compile(r"\$\$[^$]{1,2000}\$\$|\$(?![\s\d])[^$\n]{1,500}?(?<![\s\\])\$(?!\d)")
_DIGIT_FORMULA: Final = re.compile(r"\$\d[^$\n]{0,200}?[\\^_=+*{][^$\n]{0,200}?(?<![\s\\])\$(?!\d)")
_FORMULA_ENDS: Final = {"(": "\\)", "[": "\\]"}
_BACKTICKS: Final = re.compile(r"`+")


class Inline:
    """
    Cuts the text of one paragraph.

    Args:
        maker: Of the document.
        joined: The paragraph.
        at: Where it begins in the source.
        known: Names of link definitions, in small letters.
        form: Of the segment.
    """

    def __init__(self, maker: Maker, joined: Joined, at: int, known: Container[str], form: str) -> None:
        self._maker = maker
        self._joined = joined
        self._text = joined.text
        self._at = at
        self._known = known
        self._form = form
        self._weaver = Weaver()
        self._words = 0  # where words begin that are not given yet
        self._closing: dict[int, Callable[[], int]] = {}  # what to do at the bracket that ends a link
        self._ends = _brackets(self._text)
        self._absent: set[str] = set()  # what ends a formula, and is not in the rest of the text

    def cut(self) -> tuple[str, tuple[Piece, ...]]:
        """The text with marks, and the pieces."""
        at = 0
        while found := _SPECIAL.search(self._text, at):
            begin = found.start()
            end = _TABLE[found[0][0]](self, begin)
            at = end or found.start() + 1
        self._flush(len(self._text))
        return self._weaver.result, tuple(self._weaver.pieces)

    def _flush(self, end: int) -> None:
        """Give the words before something special."""
        if end > self._words:
            self._joined.cut(self._weaver, self._words, protected(self._text[self._words : end]))
        self._words = end

    def _keep(self, kind: str, begin: int, end: int) -> int:
        self._flush(begin)
        self._weaver.piece(Piece(kind=kind, source=self._joined.raw(begin, end)))
        self._words = end
        return end

    # --- each of them: where it ends, or 0 if it is none ------------------------------------------------------------

    def code(self, begin: int) -> int:
        """A span of code."""
        end = _code_end(self._text, begin)
        return self._keep("code", begin, end) if end else begin + len(_ticks(self._text, begin))

    def escape(self, begin: int) -> int:
        r"""A sign that is not meant: `\*`; or a line break."""
        following = self._text[begin + 1 : begin + 2]
        if following == "\n":
            return self._keep("break", begin, begin + 2)
        closing = _FORMULA_ENDS.get(following)
        if closing is not None and (end := self._formula_end(begin + 2, closing)):
            return self._keep("formula", begin, end)
        return self._keep("escape", begin, begin + 2) if following and following in _SIGNS else 0

    def _formula_end(self, begin: int, sign: str) -> int:
        """Behind the sign that closes a formula, or 0; a sign that was not found once is not looked for again."""
        if sign in self._absent:
            return 0
        end = self._text.find(sign, begin)
        if end < 0:
            self._absent.add(sign)
        return end + len(sign) if end > 0 else 0

    def entity(self, begin: int) -> int:
        """A sign that is written as its name."""
        found = ENTITY.match(self._text, begin)
        return self._keep("entity", begin, found.end()) if found else 0

    def formula(self, begin: int) -> int:
        """A formula."""
        found = _FORMULA.match(self._text, begin) or _DIGIT_FORMULA.match(self._text, begin)
        return self._keep("formula", begin, found.end()) if found else 0

    def spaces(self, begin: int) -> int:
        """A line break by two spaces."""
        end = self._text.index("\n", begin) + 1
        return self._keep("break", begin, end)

    def line(self, begin: int) -> int:
        """A line break that is none for readers."""
        return begin + 1

    def angle(self, begin: int) -> int:
        """An address in angles, or a tag."""
        if found := _AUTO.match(self._text, begin):
            return self._keep("url", begin, found.end())
        tag = tag_at(self._text, begin)
        if tag is None:
            return 0
        if not tag.closes and (tag.kept or tag.name in CODE or tag.name in WHOLE):
            return self._keep("code", begin, end_of(self._text, tag))
        return self._tag(tag)

    def _tag(self, tag: Tag) -> int:
        self._flush(tag.begin)
        role = "" if tag.alone else "close" if tag.closes else "open"
        source = self._joined.raw(tag.begin, tag.end)
        parts = attribute_parts(self._maker, source, self._at)
        self._weaver.piece(Piece(kind="tag", source=source, parts=parts, role=role))  # type: ignore[arg-type]
        self._words = tag.end
        return tag.end

    def bang(self, begin: int) -> int:
        """A picture."""
        end = self._ends.get(begin + 1) if self._text.startswith("[", begin + 1) else None
        found = _TARGET.match(self._text, end) or _REFERENCE.match(self._text, end) if end else None
        if end is None or found is None:
            return begin + 1
        self._flush(begin)
        inside = begin + 2, end
        short = found.re is _REFERENCE and not found[1]
        head = (self._part(*inside),) if not short else (self._joined.raw(*inside),)
        parts = ("![", *head, *self._target(end, found))
        self._weaver.piece(Piece(kind="image", source=self._joined.raw(begin, found.end()), parts=_packed(parts)))
        self._words = found.end()
        return found.end()

    def bracket(self, begin: int) -> int:
        """A link, or a footnote."""
        if note := _FOOTNOTE.match(self._text, begin):
            return self._keep("link", begin, note.end())
        end = self._ends.get(begin)
        if end is None:
            return 0
        if (found := _TARGET.match(self._text, end)) or ((found := _REFERENCE.match(self._text, end)) and found[1]):
            self._link(begin, end, found)
        elif end - begin <= _LONGEST and (label := self._text[begin + 1 : end]).casefold() in self._known:
            stop = found.end() if found else end + 1
            self._named(begin, end, stop, label)
        else:
            return 0
        return begin + 1

    def _link(self, begin: int, end: int, found: re.Match[str]) -> None:
        self._open(begin)
        source, parts = self._joined.raw(end, found.end()), _packed(self._target(end, found))
        self._close(end, found.end(), Piece(kind="link", source=source, parts=parts, role="close"))

    def _named(self, begin: int, end: int, stop: int, label: str) -> None:
        """A link by its own words: with other words it needs its name."""
        self._open(begin)
        piece = Piece(kind="link", source=self._joined.raw(end, stop), changed=f"][{label}]", role="close")
        self._close(end, stop, piece)

    def _open(self, begin: int) -> None:
        self._flush(begin)
        self._weaver.piece(Piece(kind="link", source="[", role="open"))
        self._words = begin + 1

    def _close(self, at: int, end: int, piece: Piece) -> None:
        def closed() -> int:
            self._flush(at)
            self._weaver.piece(piece)
            self._words = end
            return end

        self._closing[at] = closed

    def closing(self, begin: int) -> int:
        """The end of a link's words."""
        closed = self._closing.pop(begin, None)
        return closed() if closed else 0

    # --- what is inside of pieces -------------------------------------------------------------------------------------

    def _target(self, end: int, found: re.Match[str]) -> tuple[str | int, ...]:
        """What follows the words of a link; its title is a segment."""
        begin, stop = found.span("title") if found.re is _TARGET else (-1, -1)
        if begin < 0:
            return (self._joined.raw(end, found.end()),)
        begin += len(self._text[begin:stop]) - len(self._text[begin:stop].lstrip()) + 1
        stop -= 1
        quote = self._text[stop]
        title = self._part(begin, stop, form=f"title{quote}")
        return self._joined.raw(end, begin), title, self._joined.raw(stop, found.end())

    def _part(self, begin: int, end: int, form: str = "alt") -> str | int:
        raw = self._joined.raw(begin, end)
        if not raw.strip():
            return raw
        weaver = Weaver()
        for token in protected(raw):
            weaver.text(token) if isinstance(token, str) else weaver.piece(token)
        return self._maker.add(
            weaver.result,
            raw,
            at=self._at,
            form=form,
            kind="attribute",
            pieces=tuple(weaver.pieces),
            note=_NOTES[form[:3]],
        )


_NOTES: Final = {"alt": "text of a picture", "tit": "title of a link"}
_SIGNS: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_TABLE: Final[dict[str, Callable[[Inline, int], int]]] = {
    "`": Inline.code,
    "\\": Inline.escape,
    "&": Inline.entity,
    "$": Inline.formula,
    " ": Inline.spaces,
    "\n": Inline.line,
    "<": Inline.angle,
    "!": Inline.bang,
    "[": Inline.bracket,
    "]": Inline.closing,
}


def _packed(parts: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """Parts, or nothing if there is no segment among them."""
    return parts if any(isinstance(part, int) for part in parts) else ()


def _ticks(text: str, begin: int) -> str:
    found = _BACKTICKS.match(text, begin)
    return found[0] if found else ""


def _code_end(text: str, begin: int) -> int:
    """Where the code ends that begins there; 0 if it never does."""
    ticks = _ticks(text, begin)
    for found in _BACKTICKS.finditer(text, begin + len(ticks)):
        if found[0] == ticks:
            return found.end()
    return 0


_BRACKETS: Final = re.compile(r"[`\\\[\]]")


def _brackets(text: str) -> dict[int, int]:
    """Each bracket that opens, and the one that closes it; not those in code or behind a backslash."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    at = 0
    while found := _BRACKETS.search(text, at):
        at = found.end()
        sign = found[0]
        if sign == "\\":
            at += 1
        elif sign == "`":
            at = _code_end(text, found.start()) or found.start() + len(_ticks(text, found.start()))
        elif sign == "[":
            opened.append(found.start())
        elif opened:
            ends[opened.pop()] = found.start()
    return ends
