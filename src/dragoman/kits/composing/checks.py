"""
What a text must be, whoever wrote it.

Rule: each check names what it saw.  None judges whether a text is good: people do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dragoman.kits.claims import links, unproved
from dragoman.kits.composing.values import Wanted
from dragoman.kits.findings import Finding
from dragoman.kits.tongues import language_of, length_of, named

# What a mail has where a value should be: [Your Name], {{date}}, <insert link>, XXX, TODO, lorem ipsum.
_PLACEHOLDERS: Final = re.compile(
    r"\[(?!\d+\]|[ xX]\]|\^)[^\]\[\n]{2,60}\](?![(\[:])|\{\{?[^{}\n]{1,60}\}?\}"
    r"|<(?:insert|your|name|date|link|company)\b[^>\n]*>|\b(?:X{3,}|TBD|TODO|FIXME)\b|\blorem ipsum\b"
    r"|【[^】\n]{1,40}】|_{4,}",
    re.IGNORECASE,
)
_OPENING: Final = re.compile(
    r"\A\W*(?:(?:sure|certainly|of course|absolutely|great|okay|no problem)\b[!,. ]"
    r"|here(?:'s| is| are) (?:the|your|a|an|my)\b[^\n]{0,80}:|i(?:'ve| have) (?:written|drafted|prepared|created)"
    r"|as an ai|below is|gerne[!,]|natürlich[!,]|hier ist (?:die|der|das|ihr|dein|ein)|bien sûr"
    r"|voici (?:le|la|votre|un)|claro[!,]|aquí (?:está|tiene)|当然|好的[，,！!]|以下是)",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(
    r"(?:let me know if you(?:'d| would)? (?:like|want|need)[^\n]{0,80}"
    r"(?:change|adjust|revis|edit|tweak|version|shorter|longer|formal)"
    r"|feel free to (?:adjust|edit|modify|customi[sz]e|fill)|would you like me to|i hope this (?:draft|version|helps)"
    r"|remember to replace|(?:soll|kann) ich (?:noch )?(?:etwas|den text|die mail)[^\n]*\?"
    r"|n'hésitez pas à (?:adapter|modifier)"
    r"|如需(?:修改|调整)|希望(?:这|对你|对您)[^\n]*帮助)[^\n]*\W*\Z",
    re.IGNORECASE,
)
_FENCED: Final = re.compile(r"\A\s*(?P<fence>`{3,}|~{3,})[^\n`]*\n.*\n\s*(?P=fence)\s*\Z", re.DOTALL)
_MARKUP: Final = re.compile(r"^#{1,6} |\*\*[^*\n]+\*\*|^```|\]\(https?:|^\s*\|.*\|\s*$", re.MULTILINE)


def check_text(text: str, wanted: Wanted, sources: Sequence[str]) -> list[Finding]:
    """
    What is wrong with a text.

    Args:
        text: It.
        wanted: How it should be.
        sources: What its facts may come from.
    """
    return [finding for check in _CHECKS for finding in check(text, wanted, sources)]


def _length(text: str, wanted: Wanted, sources: Sequence[str]) -> Iterator[Finding]:
    if not text.strip():
        yield Finding(check="empty", message="there is no text")
        return
    words, length = length_of(text), wanted.length
    if length is not None and abs(words - length) > max(length * wanted.tolerance, 5):
        least, most = round(length * (1 - wanted.tolerance)), round(length * (1 + wanted.tolerance))
        yield Finding(
            check="length",
            message=f"it has {words} words, and should have {least} to {most}",
            expected=str(length),
            found=str(words),
        )


def _points(text: str, wanted: Wanted, sources: Sequence[str]) -> Iterator[Finding]:
    there = " ".join(text.casefold().split())
    for point in wanted.points:
        if " ".join(point.casefold().split()) not in there:
            yield Finding(check="point", message=f"{point!r} is missing", expected=point)


def _placeholders(text: str, wanted: Wanted, sources: Sequence[str]) -> Iterator[Finding]:
    for found in _PLACEHOLDERS.finditer(_without_code(text)):
        if not any(found[0] in source for source in sources):
            yield Finding(check="placeholder", message=f"{found[0]!r} was left in it", found=found[0])


def _chatter(text: str, wanted: Wanted, sources: Sequence[str]) -> Iterator[Finding]:
    for pattern in (_OPENING, _CLOSING):
        if found := pattern.search(text):
            yield Finding(check="chatter", message="it has words about itself", found=found[0].strip()[:80])
    if _FENCED.match(text):
        yield Finding(check="chatter", message="it stands in a code fence")


def _language(text: str, wanted: Wanted, sources: Sequence[str]) -> Iterator[Finding]:
    language, found = wanted.language.partition("-")[0].lower(), language_of(text)
    if language and found and found != language:
        yield Finding(
            check="language",
            message=f"it is in {named(found)}, and should be in {named(language)}",
            expected=language,
            found=found,
        )


def _facts(text: str, wanted: Wanted, sources: Sequence[str]) -> Iterator[Finding]:
    if not wanted.strict_facts:
        return
    bare = re.sub(r"^#{1,6}\s+\d+(?:\.\d+)*\.?\s", "", text, flags=re.MULTILINE)
    for claim in unproved(bare, sources):
        yield Finding(check="number", message=f"{claim.text!r} is not in the brief", found=claim.text)
    known = {link.rstrip("/") for source in sources for link in links(source)}
    for link in links(text):
        if link.rstrip("/") not in known:
            yield Finding(check="link", message=f"{link} is not in the brief", found=link)


def _format(text: str, wanted: Wanted, sources: Sequence[str]) -> Iterator[Finding]:
    if wanted.format == "text" and (mark := _MARKUP.search(text)):
        yield Finding(check="format", message=f"it has marks of Markdown: {mark[0]!r}", found=mark[0])


def _without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


_CHECKS: Final[tuple[Callable[[str, Wanted, Sequence[str]], Iterator[Finding]], ...]] = (
    _length,
    _points,
    _placeholders,
    _chatter,
    _language,
    _facts,
    _format,
)
