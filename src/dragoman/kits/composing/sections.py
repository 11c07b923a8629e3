"""
A report as its sections, and what can be said of them.

Rule: the parts, joined, are the report to the last character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from dragoman.kits.findings import Finding
from dragoman.writing.fences import Fence, first_fence
from dragoman.writing.outline import clean_title

_CITED: Final = re.compile(r"(?<!\])\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?![(:\[])")


class Part(msgspec.Struct, frozen=True):
    """A section: its title, the line that has it, and what follows."""

    title: str
    head: str
    body: str

    @property
    def text(self) -> str:
        """All of it."""
        return self.head + self.body


class Parted(msgspec.Struct, frozen=True):
    """A report: what stands before its sections, and they."""

    title: str
    before: str
    sections: tuple[Part, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return self.before + "".join(section.text for section in self.sections)

    def replaced(self, at: int, body: str) -> Parted:
        """The same with another body of one section; the space after it stays."""
        old = self.sections[at]
        space = old.body[len(old.body.rstrip()) :] or "\n"
        new = Part(old.title, old.head, body.strip() + space)
        return Parted(self.title, self.before, (*self.sections[:at], new, *self.sections[at + 1 :]))


def parted(text: str) -> Parted:
    """Cut a report at its headings of level 2; those within code are none."""
    pieces: list[list[str]] = [[]]
    fence: Fence | None = None
    for line in text.splitlines(keepends=True):
        found = first_fence(line.rstrip("\n"))
        if found is not None:
            fence = found if fence is None else None if found.closes(fence) else fence
        if fence is None and line.startswith("## "):
            pieces.append([])
        pieces[-1].append(line)
    before = "".join(pieces[0])
    titled = re.search(r"^# (.+)$", before, re.MULTILINE)
    sections = tuple(_part(piece) for piece in pieces[1:])
    return Parted(titled[1].strip() if titled else "", before, sections)


def _part(lines: Sequence[str]) -> Part:
    rest = "".join(lines[1:])
    body = rest.lstrip("\n")
    head = lines[0] + rest[: len(rest) - len(body)]
    return Part(clean_title(lines[0].lstrip("#").strip()), head, body)


def check_headings(parts: Parted, outline: Sequence[str]) -> list[Finding]:
    """What of an outline is missing, and what is there besides; a section without words is missing, too."""
    found = [section.title for section in parts.sections]
    findings = [
        Finding(check="section", message=f"the section {title!r} is missing", expected=title)
        for title in outline
        if title not in found
    ]
    findings += [
        Finding(check="section", message=f"the section {title!r} is not in the outline", found=title)
        for title in found
        if outline and title not in outline
    ]
    if not findings and outline and found != list(outline):
        findings.append(Finding(check="section", message="the sections are not in the order of the outline"))
    findings += [
        Finding(check="section", message=f"the section {section.title!r} is empty", where=section.title)
        for section in parts.sections
        if not section.body.strip()
    ]
    return findings


def check_citations(text: str, sources: int) -> list[Finding]:
    """Marks that lead to no source."""
    marks = [int(number) for found in _CITED.finditer(text) for number in found[1].split(",")]
    wrong = sorted({number for number in marks if not 1 <= number <= sources})
    findings = [
        Finding(check="citation", message=f"there is no source [{number}]", found=str(number)) for number in wrong
    ]
    if sources and not marks:
        findings.append(Finding(check="citation", message="no source is cited", severity="warning"))
    return findings


def plain(text: str) -> str:
    """Markdown as text: headings are lines of their own, marks are gone, links show where they lead."""
    lines: list[str] = []
    fence: Fence | None = None
    for line in text.splitlines():
        found = first_fence(line)
        if found is not None:
            fence = found if fence is None else None if found.closes(fence) else fence
            continue
        lines.append(line if fence is not None else _plain_line(line))
    return "\n".join(lines).strip() + "\n"


def _plain_line(line: str) -> str:
    line = re.sub(r"^#{1,6}\s+(.*?)\s*#*$", r"\1", line)
    line = re.sub(r"!?\[([^\]\n]+)\]\((\S+?)\)", r"\1 (\2)", line)
    line = re.sub(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", r"\2", line)
    line = re.sub(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])", r"\1", line)
    return re.sub(r"`([^`\n]+)`", r"\1", line)
