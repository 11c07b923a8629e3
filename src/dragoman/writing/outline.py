"""
The plan of a report: how it is asked for and read, and how a section is asked for.

A prompt holds the question, the plan, the beginning of each section that is written and the end of the last one; never
the report.  So its length depends on the plan and not on what was written.

Rule: a plan is read from whatever the model makes of it: JSON, JSON in a fence, or a list of headings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from dragoman.types.messages import Message, Text
from dragoman.types.models import Model
from dragoman.types.requests import ChatRequest, OutputFormat
from dragoman.writing.whole_json import WholeJson

_MOST: Final = 200  # sections
_TRIES: Final = 20  # braces of a text that may begin a plan
_TITLE: Final = 200  # characters
_BRIEF: Final = 400
_BEGINNING: Final = 240  # characters of each section that is written
_BEGINNINGS: Final = 12_000  # and of all together
_TAIL: Final = 1500  # characters of the end of the last section


class Section(msgspec.Struct, frozen=True):
    """
    Attributes:
        title: Without number.
        brief: What it is about.
        words: How long it should be; None if the plan does not say.
    """

    title: str
    brief: str = ""
    words: int | None = None


class Outline(msgspec.Struct, frozen=True):
    """
    Attributes:
        title: Of the report.
        sections: One or more, in order.
    """

    title: str
    sections: tuple[Section, ...]


_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "sections": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "title": {"type": "string"},
                    "brief": {"type": "string"},
                    "words": {"type": "integer"},
                },
                "required": ["title", "brief", "words"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["title", "sections"],
    "additionalProperties": False,
}

_PLAN: Final = (
    "Do not write this text yet: plan it. Answer with one JSON object and nothing else: "
    '{{"title": "...", "sections": [{{"title": "...", "brief": "what the section says, in one or two sentences", '
    '"words": 800}}]}}. Titles have no numbers. No two sections say the same, and each can be written by itself.'
    "{length}"
)


def planned(request: ChatRequest, words: int | None, facts: Model | None) -> ChatRequest:
    """The request for the plan."""
    length = f" All sections together have about {words} words, each between 300 and 2000." if words else ""
    sent = _told(request, _PLAN.format(length=length))
    if facts is None or facts.can("json_schema") is not True:
        return sent
    return msgspec.structs.replace(sent, output=OutputFormat(schema=_SCHEMA, name="outline", strict=True))


def _told(request: ChatRequest, words: str) -> ChatRequest:
    """The words at the end of the last turn, if it is the user's, else as a turn of its own."""
    last = request.messages[-1]
    if last.role != "user":
        return request.directed(messages=(*request.messages, Message.user(words)))
    told = msgspec.structs.replace(last, parts=(*last.parts, Text(f"\n\n{words}")))
    return request.directed(messages=(*request.messages[:-1], told))


# --- reading it -------------------------------------------------------------------------------------------------------

_ITEM: Final = re.compile(r"^\s*(?:#{1,6}|\d+(?:\.\d+)*[.)]?|[-*+•])\s+(.+?)\s*$", re.MULTILINE)
_NUMBER: Final = re.compile(r"^(?:(?:section|chapter|kapitel|chapitre)\s+)?\d+(?:\.\d+)*\s*[.):–-]?\s+", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"\s*(?::|\s[–—-])\s+")


def parse_outline(text: str) -> Outline | None:
    """
    Read a plan; None if there is none in the text.

    >>> parse_outline("# Bees\\n\\n1. Hives: where they live\\n2. Honey").sections[0]
    Section(title='Hives', brief='where they live', words=None)
    """
    at = text.find("{")
    for _ in range(_TRIES):  # each reads to the end of the text
        if at < 0:
            break
        json = WholeJson()
        end = at + json.feed(text[at:])
        found = _from_json(text[at:end]) if json.whole else None
        if found is not None:
            return found
        at = text.find("{", at + 1)
    return _from_lines(text)


def _from_json(text: str) -> Outline | None:
    try:
        value: dict[str, Any] = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):  # half a surrogate pair, or deeper than can be read
        return None
    lists = [cast("list[object]", item) for item in value.values() if isinstance(item, list)]
    listed = lists[0][:_MOST] if lists else []
    sections = tuple(section for item in listed if (section := _section(item)) is not None)
    title = value.get("title")
    return Outline(_line(title if isinstance(title, str) else "", _TITLE), sections) if sections else None


def _section(item: object) -> Section | None:
    if isinstance(item, str):
        return _from_line(item)
    if not isinstance(item, Mapping):
        return None
    fields = cast("Mapping[str, Any]", item)
    texts = [value for value in fields.values() if isinstance(value, str)]
    title = fields.get("title") or (texts[0] if texts else "")
    brief = fields.get("brief") or (texts[1] if len(texts) > 1 else "")
    words = fields.get("words")
    if not isinstance(title, str) or not clean_title(title):
        return None
    known = words if isinstance(words, int) and not isinstance(words, bool) and words > 0 else None
    return Section(clean_title(title), _line(brief, _BRIEF) if isinstance(brief, str) else "", known)


def _from_lines(text: str) -> Outline | None:
    found = list(_ITEM.finditer(text))
    title = ""
    if len(found) > 1 and found[0][0].lstrip().startswith("# "):
        title, found = _line(found[0][1], _TITLE), found[1:]
    sections = tuple(section for item in found[:_MOST] if (section := _from_line(item[1])) is not None)
    return Outline(title, sections) if sections else None


def _from_line(line: str) -> Section | None:
    title, _, brief = (clean_title(line.replace("**", "")), "", "")
    parts = _BETWEEN.split(title, maxsplit=1)
    if len(parts) == 2:
        title, brief = parts
    return Section(_line(title, _TITLE), _line(brief, _BRIEF)) if title else None


def clean_title(title: str) -> str:
    """A title without number and marks of headings."""
    return _line(_NUMBER.sub("", title.strip().lstrip("#").strip()), _TITLE)


def _line(text: str, most: int) -> str:
    return " ".join(text.split())[:most]


# --- asking for a section ---------------------------------------------------------------------------------------------


def section_request(request: ChatRequest, outline: Outline, number: int, written: Mapping[int, str]) -> ChatRequest:
    """
    The request for a section.

    Args:
        request: The question.
        outline: The plan.
        number: Of the section, from 1.
        written: The sections that are written, by number.
    """
    section = outline.sections[number - 1]
    called = f' "{outline.title}"' if outline.title else ""
    lines = [f"This is the plan of the text{called}:", ""]
    lines += [_planned_line(one, at, number) for at, one in enumerate(outline.sections, 1)]
    lines += _beginnings(outline, written)
    if number - 1 in written:
        lines += ["", "The section before ends:", "", f"...{written[number - 1].strip()[-_TAIL:]}"]
    length = f" It has about {section.words} words." if section.words else ""
    lines += [
        "",
        f'Now write section {number}, "{section.title}", whole, in Markdown, and nothing else: no heading of its own, '
        f"no other section, no words about the text.{length} Headings inside of it begin with ###. "
        "Repeat nothing that other sections say.",
    ]
    return _told(request, "\n".join(lines))


def _planned_line(section: Section, at: int, number: int) -> str:
    mark = "  <- this one" if at == number else ""
    brief = f": {section.brief}" if section.brief else ""
    return f"{at}. {section.title}{brief}{mark}"


def _beginnings(outline: Outline, written: Mapping[int, str]) -> list[str]:
    """How the sections before begin: the last ones, as many as there is room for."""
    lines: list[str] = []
    room = _BEGINNINGS
    for at in sorted(written, reverse=True):
        line = f"{at}. {outline.sections[at - 1].title}: {_line(written[at][:2000], _BEGINNING)}..."
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    return ["", "These sections are written; they begin:", "", *reversed(lines)] if lines else []
