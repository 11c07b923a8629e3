"""
Whether an answer is proved by what it quotes.

A quote holds if its words stand in a passage, one after another, from word to word; only white space, the form of
quotation marks, and Markdown's marks for bold and code may differ.  The citation then gets the words as they stand in
the document.  What does not hold is taken out of the answer, and the findings say so.

Rule: these checks ask nobody, and what they let through is true of the documents' text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dragoman.kits.findings import Finding
from dragoman.knowledge.values import Citation, Hit

LEAST: Final = 6  # letters and digits of a quote; one of a dense script counts two

_MARK: Final = re.compile(r"[ \t]?\[(\d{1,3}(?:\s*[,，、;]\s*\d{1,3})*)\](?!\()")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_DENSE: Final = re.compile(
    "[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\u3000-\u303f]"
)
_SAME: Final = str.maketrans("“”„‟«»‘’‚‛′″–—‑−", '""""""\'\'\'\'\'"----')


class Quoted(msgspec.Struct, frozen=True):
    """A citation as the model gives it: its number in the text, the number of the passage, the words."""

    number: int
    passage: int
    quote: str


class Reply(msgspec.Struct, frozen=True):
    """An answer as the model gives it."""

    found: bool
    answer: str
    citations: list[Quoted]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """
    An answer of which only what holds is left.

    Attributes:
        text: With marks for the citations, numbered in the order in which they stand in it.
        found: Whether a quote proves it.
        citations: Those that hold.
        findings: What did not.
    """

    text: str
    found: bool
    citations: tuple[Citation, ...]
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing had to be taken out."""
        return not any(finding.severity == "error" for finding in self.findings)


class _Place(msgspec.Struct, frozen=True):
    hit: Hit
    start: int
    end: int


def check(reply: Reply, passages: Sequence[Hit], question: str = "") -> Checked:
    """
    Hold an answer to the passages that it was made from.

    Args:
        reply: What the model gave.
        passages: What it was shown, the first is number 1.
        question: Numbers in it may stand in the answer.
    """
    findings: list[Finding] = []
    if not reply.found:
        return Checked(text=_MARK.sub("", reply.answer).strip(), found=False, citations=(), findings=())
    kept = _kept(reply.citations, passages, findings)
    text, citations = _numbered(reply.answer, kept, findings)
    if not citations:
        findings.append(Finding(check="unproved", message="no quote from the documents proves the answer"))
    else:
        findings += _numbers(text, citations, passages, question)
    return Checked(text=text, found=bool(citations), citations=tuple(citations), findings=tuple(findings))


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """
    Where a quote stands in a text, or None.

    >>> locate("open  from nine", "We are **open** from\\nnine to five.")
    (9, 25)
    >>> locate("4 days", "within 14 days") is None
    True
    """
    whole, places = _folded(text)
    wanted = _folded(quote)[0].strip()
    if not wanted:
        return None
    at = whole.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if _is_edge(whole, at) and _is_edge(whole, end):
            return places[at], places[end - 1] + 1
        at = whole.find(wanted, at + 1)
    return None


# --- quotes -----------------------------------------------------------------------------------------------------------


def _kept(cited: Iterable[Quoted], passages: Sequence[Hit], findings: list[Finding]) -> dict[int, _Place]:
    """The citations that hold, by their numbers."""
    kept: dict[int, _Place] = {}
    for one in cited:
        where = f"[{one.number}]"
        place = _resolved(one, passages, findings)
        if place is None:
            continue
        if one.number in kept:
            findings.append(
                Finding(check="citation_number", message="two citations have this number", where=where, found=one.quote)
            )
        else:
            kept[one.number] = place
    return kept


def _resolved(one: Quoted, passages: Sequence[Hit], findings: list[Finding]) -> _Place | None:
    where = f"[{one.number}]"
    if _weight(one.quote) < LEAST:
        findings.append(
            Finding(
                check="citation_short", message="the quote is too short to prove anything", where=where, found=one.quote
            )
        )
        return None
    named = passages[one.passage - 1] if 1 <= one.passage <= len(passages) else None
    if named is not None and (span := locate(one.quote, named.text)):
        return _Place(named, *span)
    for number, hit in enumerate(passages, 1):
        if span := locate(one.quote, hit.text):
            findings.append(
                Finding(
                    check="citation_passage",
                    message="the quote stands in another passage than the one named",
                    where=where,
                    expected=str(number),
                    found=str(one.passage),
                    severity="warning",
                )
            )
            return _Place(hit, *span)
    findings.append(
        Finding(check="citation_quote", message="the quote is in none of the documents", where=where, found=one.quote)
    )
    return None


def _folded(text: str) -> tuple[str, list[int]]:
    """A text without what may differ, and where each letter of it stood."""
    letters: list[str] = []
    places: list[int] = []
    same = text.translate(_SAME)
    at, size = 0, len(same)
    while at < size:
        letter = same[at]
        if letter == "`" or same.startswith("**", at):
            at += 1 if letter == "`" else 2
            continue
        if not letter.isspace():
            letters.append(letter)
            places.append(at)
            at += 1
            continue
        begin = at
        while at < size and same[at].isspace():
            at += 1
        between = bool(letters) and at < size and _DENSE.match(letters[-1]) and _DENSE.match(same[at])
        if not between and not (letters and letters[-1] == " "):
            letters.append(" ")
            places.append(begin)
    return "".join(letters), places


def _is_edge(text: str, at: int) -> bool:
    """Whether a word, or a number with its decimals, may begin or end here."""
    if at <= 0 or at >= len(text):
        return True
    before, behind = text[at - 1], text[at]
    if before.isalnum() and behind.isalnum():
        if _DENSE.match(before) or _DENSE.match(behind):
            return not (before.isdigit() and behind.isdigit())
        return False
    if behind in ".," and before.isdigit():
        return not text[at + 1 : at + 2].isdigit()
    if before in ".," and behind.isdigit():
        return not text[at - 2 : at - 1].isdigit()
    return True


def _weight(quote: str) -> int:
    return sum(2 if _DENSE.match(letter) else 1 for letter in quote if letter.isalnum())


# --- marks ------------------------------------------------------------------------------------------------------------


def _numbered(text: str, kept: dict[int, _Place], findings: list[Finding]) -> tuple[str, list[Citation]]:
    """Number the marks anew, in their order, and take out those without a citation."""
    new: dict[int, int] = {}
    lost: dict[int, None] = {}
    text = _MARK.sub(lambda found: _marked(found, kept, new, lost), text).strip()
    findings += [
        Finding(check="citation_number", message="the text has a mark without a citation", where=f"[{number}]")
        for number in lost
    ]
    unused = [number for number in kept if number not in new]
    if new or not unused:
        findings += map(_unused, unused)
    else:
        findings.append(
            Finding(
                check="citation_unmarked", message="the text has no marks: they stand at its end", severity="warning"
            )
        )
        new = {number: at for at, number in enumerate(unused, 1)}
        text = f"{text} {''.join(f'[{at}]' for at in new.values())}"
    return text, [_citation(at, kept[number]) for number, at in new.items()]


def _marked(found: re.Match[str], kept: dict[int, _Place], new: dict[int, int], lost: dict[int, None]) -> str:
    """A mark with the new numbers of its citations; those that it names in vain are noted as lost."""
    numbers: list[int] = []
    for number in map(int, re.findall(r"\d+", found[1])):
        if number in kept:
            numbers.append(new.setdefault(number, len(new) + 1))
        else:
            lost[number] = None
    space = found[0][0] if found[0][0] in " \t" and numbers else ""
    return space + "".join(f"[{number}]" for number in numbers)


def _unused(number: int) -> Finding:
    return Finding(
        check="citation_unused", message="nothing in the text refers to it", where=f"[{number}]", severity="warning"
    )


def _citation(number: int, place: _Place) -> Citation:
    hit = place.hit
    return Citation(
        number=number,
        source=hit.source,
        quote=hit.text[place.start : place.end],
        start=hit.start + place.start,
        end=hit.start + place.end,
        headings=hit.headings,
        page=hit.page,
    )


def _numbers(text: str, citations: Sequence[Citation], passages: Sequence[Hit], question: str) -> list[Finding]:
    """Numbers of the answer that stand neither in a passage that it cites nor in the question."""
    shown = [
        hit.text
        for hit in passages
        if any(one.source == hit.source and hit.start <= one.start < hit.end for one in citations)
    ]
    known = {_bare(number) for words in (*shown, question) for number in _NUMBER.findall(words)}
    said = dict.fromkeys(_NUMBER.findall(_MARK.sub("", text)))
    return [
        Finding(check="number", message="the number is in none of the passages cited", found=number, severity="warning")
        for number in said
        if _bare(number) not in known
    ]


def _bare(number: str) -> str:
    return number.replace(",", "").lstrip("0") or "0"
