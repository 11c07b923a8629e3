"""
Markdown's blocks: which lines are text, and where in them the text begins.

Front matter, code, formulas, definitions, comments and the marks of lists, quotes, headings and tables stay; what is
left are paragraphs, headings and cells.

Rule: a line that could be read in two ways is kept as text whose marks stay, so that no reading can change a byte of
what is not words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dragoman.kits.documents.base import Document
from dragoman.kits.documents.maker import Joined, Maker, Span
from dragoman.kits.documents.markdown_inline import Inline
from dragoman.kits.documents.tags import WHOLE

_LINES: Final = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_PREFIX: Final = re.compile(
    r"(?:[ \t]*(?:>[ ]?|[-*+](?:[ \t]+|$)|[0-9]{1,9}[.)](?:[ \t]+|$)|\[\^[^\[\]\s]{1,200}\]:[ \t]*))*"
    r"[ \t]*(?:\[[ xX]\][ \t]+)?"
)
_QUOTES: Final = re.compile(r"(?:[ \t]*>[ ]?)*")
_FENCE: Final = re.compile(r"(?:>|[-*+][ \t]|[0-9]{1,9}[.)][ \t]|[ \t])*+(`{3,}(?=[^`]*$)|~{3,}|\${2}(?=[^$]*$)|:{3,})")
_HEADING: Final = re.compile(r"(#{1,6})([ \t]+|$)")
_HEADING_END: Final = re.compile(r"[ \t]+#+[ \t]*$|[ \t]*\{#[^{}]*\}[ \t]*$")
_UNDERLINE: Final = re.compile(r"(?:=+|-+)[ \t]*$")
_RULE: Final = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_DELIMITERS: Final = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_DEFINITION: Final = re.compile(r" {0,3}\[(?!\^)([^\[\]\n]{1,999})\]:[ \t]*\S")
_BOX: Final = re.compile(r"\[[ xX]\][ \t]+$")
_FRONT: Final = re.compile(r"\ufeff?(?:---|\+\+\+)[ \t]*\r?\n")
_WHOLE: Final = re.compile(rf"<(?P<name>{'|'.join(sorted(WHOLE))})[\s>]", re.IGNORECASE)
_COMMENT: Final = "<!--"
_STARTS: Final = re.compile(
    r"#{1,6}(?:[ \t]|$)|[-*+](?:[ \t]|$)|[0-9]{1,9}[.)](?:[ \t]|$)|>|`{3}|~{3}|\${2}|:{3}|<[/!A-Za-z]|\|"
)


class _Line:
    """
    A line.

    Attributes:
        begin: Where it begins.
        text: Where its own text begins, behind marks of lists and quotes.
        end: Where its text ends.
        next: Where the next line begins.
    """

    __slots__ = ("begin", "end", "next", "prefix", "source", "text")

    def __init__(self, source: str, begin: int, next: int) -> None:
        self.source, self.begin, self.next = source, begin, next
        self.end = begin + len(source[begin:next].rstrip("\r\n"))
        found = _PREFIX.match(source, begin, self.end)
        self.text = found.end() if found else begin
        self.prefix = source[begin : self.text]

    @property
    def own(self) -> str:
        """Its text."""
        return self.source[self.text : self.end]

    @property
    def marked(self) -> bool:
        """Whether a list item or a note begins here."""
        return any(sign in self.prefix for sign in "-*+.)[")

    @property
    def depth(self) -> int:
        """How many quotes it is in."""
        return self.prefix.count(">")

    @property
    def indent(self) -> int:
        """Columns of white space behind the marks of quotes."""
        found = _QUOTES.match(self.prefix)
        rest = self.prefix[found.end() :] if found else self.prefix
        return len(rest.expandtabs(4)) - len(rest.expandtabs(4).lstrip())


class _Reader:
    def __init__(self, source: str) -> None:
        self._maker = Maker("markdown", source)
        self._source = source
        self._lines = [_Line(source, m.start(), m.end()) for m in _LINES.finditer(source) if m.end() > m.start()]
        self._known = {
            m[1].casefold() for line in self._lines if (m := _DEFINITION.match(source, line.begin, line.end))
        }
        self._blank = True  # whether the last line was blank
        self._item: int | None = None  # column where the text of the innermost item begins

    def read(self) -> Document:
        number = self._front()
        while number < len(self._lines):
            number = self._block(number)
        return self._maker.document()

    def _front(self) -> int:
        if not self._lines or not _FRONT.match(self._source):
            return 0
        sign = self._lines[0].source[self._lines[0].begin : self._lines[0].end].strip("\ufeff \t")
        for number, line in enumerate(self._lines[1:], 1):
            if self._source[line.begin : line.end].rstrip() in (sign, "..."):
                return number + 1
        return 0

    def _block(self, number: int) -> int:
        line = self._lines[number]
        if not line.own.strip():
            self._note_item(line)
            self._blank = True
            return number + 1
        for kind in _KINDS:
            after = kind(self, number)
            if after is not None:
                self._blank = False
                return after
        raise AssertionError("every line is at least a paragraph")

    def _note_item(self, line: _Line) -> None:
        if line.marked:
            self._item = len(_BOX.sub("", line.prefix).expandtabs(4))
        elif line.own.strip() and self._blank and self._item is not None and line.indent < 2:
            self._item = None

    # --- what stays ---------------------------------------------------------------------------------------------------

    def fence(self, number: int) -> int | None:
        """Code or a formula between fences."""
        line = self._lines[number]
        found = _FENCE.match(self._source, line.begin, line.end)
        if found is None:
            return None
        self._note_item(line)
        mark = found[1]
        if mark[0] == ":":
            return number + 1
        closing = re.compile(rf"[ \t>]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
        for later in range(number + 1, len(self._lines)):
            one = self._lines[later]
            if closing.match(self._source, one.begin, one.end):
                return later + 1
            if found[0].count(">") > one.depth:
                return later  # the quote is at its end, and the code with it
        return len(self._lines)

    def indented(self, number: int) -> int | None:
        """Code that is indented."""
        line = self._lines[number]
        least = 4 + (self._item or 0)
        if not self._blank or line.marked or line.indent < least:
            return None
        later = number + 1
        while later < len(self._lines) and self._is_code(self._lines[later], least):
            later += 1
        return later

    @staticmethod
    def _is_code(line: _Line, least: int) -> bool:
        return not line.own.strip() or (not line.marked and line.indent >= least)

    def definition(self, number: int) -> int | None:
        """The target of links that name it."""
        line = self._lines[number]
        return number + 1 if _DEFINITION.match(self._source, line.begin, line.end) else None

    def rule(self, number: int) -> int | None:
        """A line across."""
        line = self._lines[number]
        found = _QUOTES.match(self._source, line.begin, line.end)
        return (
            number + 1 if _RULE.match(self._source[found.end() if found else line.begin : line.end].strip()) else None
        )

    def whole(self, number: int) -> int | None:
        """A comment, script or such, to its end."""
        own = self._lines[number].own
        found = _WHOLE.match(own)
        closing = "-->" if own.startswith(_COMMENT) else f"</{found['name'].lower()}" if found else None
        if closing is None:
            return None
        for later in range(number, len(self._lines)):
            one = self._lines[later]
            if closing in self._source[one.begin : one.end].lower():
                return later + 1 if self._source[one.begin : one.end].rstrip().endswith(">") else None
        return None

    # --- text ---------------------------------------------------------------------------------------------------------

    def heading(self, number: int) -> int | None:
        """A heading with its marks before it."""
        line = self._lines[number]
        found = _HEADING.match(line.own)
        if found is None:
            return None
        self._note_item(line)
        begin, end = line.text + found.end(), line.end
        if tail := _HEADING_END.search(self._source[begin:end]):
            end = begin + tail.start()
        self._text([(begin, end)], "line", "heading")
        return number + 1

    def table(self, number: int) -> int | None:
        """A table: each cell is a segment."""
        if number + 1 >= len(self._lines) or "|" not in self._lines[number].own:
            return None
        below = self._lines[number + 1].own
        if "-" not in below or not _DELIMITERS.match(below) or not ("|" in below or ":" in below):
            return None
        self._note_item(self._lines[number])
        self._row(self._lines[number])
        number += 2
        while number < len(self._lines) and "|" in self._lines[number].own:
            self._row(self._lines[number])
            number += 1
        return number

    def _row(self, line: _Line) -> None:
        for begin, end in _cells(self._source, line.text, line.end):
            self._text([(begin, end)], "cell", "cell")

    def paragraph(self, number: int) -> int:
        """Lines of text."""
        first = self._lines[number]
        self._note_item(first)
        lines = [(first.text, first.end)]
        after = number + 1
        while after < len(self._lines) and self._goes_on(first, self._lines[after]):
            lines.append((self._lines[after].text, self._lines[after].end))
            after += 1
        self._text(lines, "markdown", "paragraph")
        return after

    def _goes_on(self, first: _Line, line: _Line) -> bool:
        own = line.own
        if not own.strip() or line.marked or (line.depth > first.depth):
            return False
        if _UNDERLINE.match(own) or _RULE.match(own):
            return False
        return not _STARTS.match(own) or _is_inline_tag(own)

    def _text(self, lines: list[Span], form: str, kind: str) -> None:
        lines = _trimmed(self._source, lines)
        if not lines:
            return
        joined, begin = Joined(self._source, lines), lines[0][0]
        text, pieces = Inline(self._maker, joined, begin, self._known, form).cut()
        self._maker.slot(begin, lines[-1][1], text, pieces=pieces, form=form, kind=kind, joiner=joined.joiner)


_KINDS: Final[tuple[Callable[[_Reader, int], int | None], ...]] = (
    _Reader.fence,
    _Reader.indented,
    _Reader.definition,
    _Reader.rule,
    _Reader.whole,
    _Reader.heading,
    _Reader.table,
    _Reader.paragraph,
)


def read_markdown(source: str) -> Document:
    """Read a document.  Nothing is an error in Markdown."""
    return _Reader(source).read()


def starts_block(line: str) -> bool:
    """Whether a line of text would be taken for something else."""
    return bool(_STARTS.match(line) or _UNDERLINE.match(line) or _RULE.match(line) or _DEFINITION.match(line))


def _is_inline_tag(own: str) -> bool:
    return (
        own.startswith("<")
        and re.match(r"</?(?:a|abbr|b|br|code|em|i|img|kbd|mark|small|span|strong|sub|sup|u)\b", own, re.IGNORECASE)
        is not None
    )


def _cells(source: str, begin: int, end: int) -> list[Span]:
    """Where the cells of a row are; a bar behind a backslash or in code is no border."""
    cells: list[Span] = []
    at = begin
    for found in re.finditer(r"\\.|\|", source[begin:end]):
        if found[0] == "|":
            cells.append((at, begin + found.start()))
            at = begin + found.end()
    return [*cells, (at, end)]


def _trimmed(source: str, lines: list[Span]) -> list[Span]:
    """Without the white space at both ends."""
    first, last = lines[0], lines[-1]
    lead = len(source[first[0] : first[1]]) - len(source[first[0] : first[1]].lstrip())
    lines = [(first[0] + lead, first[1]), *lines[1:]]
    begin, end = lines[-1]
    end = begin + len(source[begin:end].rstrip()) if last else end
    lines[-1] = (begin, end)
    return lines if any(begin < end for begin, end in lines) else []
