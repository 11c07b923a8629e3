"""
Cutting a text into pieces that are found and shown.

A piece never reaches over a heading or a page.  Within a section, paragraphs, code blocks and tables are put together
up to a size; one that is larger is cut between lines, sentences, words.  A piece begins a little earlier than where
the one before it ended, at a sentence if there is one, so that what stands at a cut is whole in one of both.

Rule: the pieces of a text cover all of it, in order, so that the text can be put together from them.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.knowledge.reading.text import Read
from dragoman.knowledge.values import Chunk, embedded
from dragoman.tokens import estimate

VERSION: Final = 1

_GAP: Final = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n+")
_WORD: Final = re.compile(r"\s+")

_Span = tuple[int, int]


class Sizes(msgspec.Struct, frozen=True):
    """
    How large pieces are, in tokens (an estimate).

    Attributes:
        size: Most of one.
        overlap: How much of the piece before is repeated.
    """

    size: int = 320
    overlap: int = 32

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 8000:
            raise ConfigError(f"size is {self.size}: give 32 to 8000 tokens", field="size")
        if not 0 <= self.overlap <= self.size // 2:
            raise ConfigError(f"overlap is {self.overlap}: give 0 to half of size ({self.size})", field="overlap")

    @property
    def recipe(self) -> str:
        """How a text is cut, in a word; another one cuts otherwise."""
        return f"{VERSION}/{self.size}/{self.overlap}"


def chunks_of(read: Read, sizes: Sizes) -> list[Chunk]:
    """Cut a text; nothing for one that is blank."""
    found: list[Chunk] = []
    covered = 0
    for section, headings in _sections(read):
        page = bisect_right(read.pages, section[0]) if read.pages else None
        for start, end in _packed(read, section, sizes.size):
            if not read.text[start:end].strip() and found:
                found[-1] = _made(read.text, found[-1], found[-1].start, end)
                covered = end
                continue
            begin = _earlier(read.text, start, section[0], sizes.overlap) if start > section[0] else start
            begin = min(begin, covered)
            bare = Chunk(number=len(found), start=0, end=0, text="", headings=headings, page=page, digest=b"")
            found.append(_made(read.text, bare, begin, end))
            covered = end
    return found if any(chunk.text.strip() for chunk in found) else []


def _made(text: str, chunk: Chunk, start: int, end: int) -> Chunk:
    words = text[start:end]
    digest = hashlib.sha256(embedded(chunk.headings, words).encode("utf-8", "surrogatepass")).digest()[:16]
    return msgspec.structs.replace(chunk, start=start, end=end, text=words, digest=digest)


def _sections(read: Read) -> Iterator[tuple[_Span, tuple[str, ...]]]:
    """Spans between headings and pages; a heading with nothing under it goes with the next section."""
    path: list[tuple[int, str]] = []
    marks = sorted([*((head.at, head) for head in read.heads), *((at, None) for at in read.pages)], key=_at)
    begin = bare_until = 0
    headings: tuple[str, ...] = ()
    for at, head in marks:
        if read.text[bare_until:at].strip():
            yield (begin, at), headings
            begin = at
        if head is not None:
            path = [*(one for one in path if one[0] < head.level), (head.level, head.title)]
            headings = tuple(title for _, title in path if title)
            line_end = read.text.find("\n", at)
            bare_until = len(read.text) if line_end < 0 else line_end + 1
        else:
            bare_until = max(bare_until, at)
    if begin < len(read.text):
        yield (begin, len(read.text)), headings


def _at(mark: tuple[int, object]) -> int:
    return mark[0]


def _packed(read: Read, section: _Span, size: int) -> Iterator[_Span]:
    """Put blocks together up to a size."""
    start = end = section[0]
    used = 0
    for block in _blocks(read, section):
        for piece in _cut(read.text, block, size):
            tokens = estimate(read.text[piece[0] : piece[1]])
            if used and used + tokens > size:
                yield start, end
                start, used = end, 0
            end, used = piece[1], used + tokens
    if end > start:
        yield start, end


def _blocks(read: Read, section: _Span) -> Iterator[_Span]:
    """Paragraphs with the blank lines behind them; what is solid is one."""
    begin, end = section
    solid = [span for span in read.solid if span[0] >= begin and span[1] <= end]
    at = begin
    for gap in _GAP.finditer(read.text, begin, end):
        if any(start < gap.start() and gap.end() <= stop for start, stop in solid):
            continue
        if gap.end() > at:
            yield at, gap.end()
            at = gap.end()
    if at < end:
        yield at, end


def _cut(text: str, block: _Span, size: int) -> Iterator[_Span]:
    """Cut a block that is too large: between sentences or lines, else words, else anywhere."""
    if estimate(text[block[0] : block[1]]) <= size:
        yield block
        return
    at, end = block
    # Letters that surely fit: no script takes much more than one and a half tokens for each.
    most = size * 4 if text[at:end].isascii() else size
    while at < end:
        stop = min(at + most, end)
        while estimate(text[at:stop]) > size and stop - at > 16:
            stop = at + (stop - at) * 3 // 4
        if stop < end:
            stop = _last(_SENTENCE, text, at, stop) or _last(_WORD, text, at, stop) or stop
        yield at, stop
        at = stop


def _last(where: re.Pattern[str], text: str, begin: int, end: int) -> int | None:
    """The last place to cut in the second half of a span."""
    found = [match.end() for match in where.finditer(text, begin + (end - begin) // 2, end)]
    return found[-1] if found and found[-1] > begin else None


def _earlier(text: str, at: int, least: int, overlap: int) -> int:
    """Where the repetition begins: at a sentence, else at a word."""
    if not overlap:
        return at
    window = text[max(least, at - 4 * overlap) : at]
    while window and estimate(window) > overlap:
        window = window[max(1, len(window) // 8) :]
    begin = at - len(window)
    if begin <= least:
        return least
    for where in (_SENTENCE, _WORD):
        found = next((match.end() for match in where.finditer(text, begin, at) if match.end() < at), None)
        if found is not None:
            return found
    return at
