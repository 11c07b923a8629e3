"""
HTML's tags in a text: where they are, what they are called, and which of their attributes are for readers.

Rule: nothing is repaired.  What is no whole tag is text.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

_ATTRIBUTE: Final = r"""\s+[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
TAG: Final = re.compile(
    rf"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<![A-Za-z][^>]*>|<\?.*?\?>"
    rf"|<(?P<slash>/?)(?P<name>[A-Za-z][A-Za-z0-9:\-]*|\d{{1,3}})(?P<attributes>(?:{_ATTRIBUTE})*+)\s*+(?P<own>/?)>",
    re.DOTALL,
)
_FOR_READERS: Final = re.compile(
    r"""\s(?P<name>alt|title|placeholder|aria-label|label|summary)\s*=\s*(?P<quote>["'])(?P<value>.*?)(?P=quote)""",
    re.DOTALL | re.IGNORECASE,
)
_KEPT: Final = re.compile(r"""\stranslate\s*=\s*["']?no\b|\sclass\s*=\s*["'][^"']*\bnotranslate\b""", re.IGNORECASE)

VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
INLINE: Final = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "br",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "mark",
        "output",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
WHOLE: Final = frozenset(
    ["script", "style", "pre", "textarea", "svg", "math", "template", "noscript", "object", "iframe"]
)
"""Elements whose content is not for a translator."""
CODE: Final = frozenset(["code", "kbd", "samp", "var", "tt"])
"""Elements in a sentence whose content stays."""


class Tag(msgspec.Struct, frozen=True):
    """
    Attributes:
        begin: Where it begins.
        end: Where it ends.
        name: In small letters; empty for a comment or declaration.
        closes: Whether it is an end tag.
        alone: Whether it has no end tag.
        kept: Whether it says that its content is not to be translated.
    """

    begin: int
    end: int
    name: str
    closes: bool
    alone: bool
    kept: bool


def tag_at(text: str, at: int) -> Tag | None:
    """The tag that begins there."""
    if _unended(text, at):
        return None
    found = TAG.match(text, at)
    if found is None:
        return None
    name = (found["name"] or "").lower()
    return Tag(
        found.start(),
        found.end(),
        name,
        bool(found["slash"]),
        not name or name in VOID or bool(found["own"]),
        _KEPT.search(found["attributes"] or "") is not None,
    )


def _unended(text: str, at: int) -> bool:
    """Whether there is no end at all: said here, so that many such beginnings take no longer than one."""
    return text.find(">", at + 1) < 0


def readers_attributes(tag: str) -> list[tuple[int, int, str, str]]:
    """(begin, end, quote, name) of each attribute value that readers see."""
    return [(a.start("value"), a.end("value"), a["quote"], a["name"].lower()) for a in _FOR_READERS.finditer(tag)]


def end_of(text: str, tag: Tag) -> int:
    """Where the element ends that a tag begins; the end of the text if it never does."""
    if tag.alone or tag.closes:
        return tag.end
    depth = 1
    for found in re.finditer(rf"<(/?){re.escape(tag.name)}(?=[\s>/])", text[tag.end :], re.IGNORECASE):
        depth += -1 if found[1] else 1
        if not depth:
            close = text.find(">", tag.end + found.end())
            return close + 1 if close >= 0 else len(text)
    return len(text)
