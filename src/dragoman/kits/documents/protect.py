"""
What stays as it is within a text, whatever the format: addresses, placeholders, template tags, messages in ICU's form.

    {name} {0:.2f} {{ x }} {% if %} ${x} %s %1$s %(x)d %{x} <0>...</0> {n, plural, one {# item} other {# items}}

Rule: time is linear in the text; no pattern looks further than a few hundred characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dragoman.kits.documents.base import Piece

# An address ends at white space, at what encloses it, and where Chinese or Japanese text goes on without a space.
_IN_URL: Final = r"[^\s<>\"'`⟦⟧{}|\\^\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef“”‘’«»]"
_URL: Final = rf"(?:\b(?:https?|ftp|file)://|\bmailto:|\bwww\.(?=\w)){_IN_URL}{{1,2000}}"
_MAIL: Final = (
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
_PLACEHOLDERS: Final = (
    r"\{\{[^{}\n]{1,200}\}\}",  # Mustache, Jinja, Handlebars
    r"\{[%#][^\n]{0,300}?[%#]\}",  # tags and comments of Jinja
    r"\$\{[^{}\n]{1,200}\}",  # shell, JavaScript
    r"\$t\([^()\n]{1,200}\)",  # i18next
    r"%\([A-Za-z_]\w{0,80}\)[#0\-+ ]{0,4}\d{0,4}(?:\.\d{1,4})?[diouxXeEfFgGcrsa]",  # Python
    r"%\{[^{}\n]{1,200}\}",  # Ruby
    # C
    r"(?<![\w%])%(?:\d{1,2}\$)?[#0\-+]{0,4}\d{0,4}(?:\.\d{1,4})?(?:hh|ll|[hlqLzjt])?[diouxXeEfFgGcsa@](?![A-Za-z])",
    r"(?<![\d%])%%",
    r"\{[A-Za-z_0-9][\w.\[\]]{0,80}(?:![rsa])?(?::[^{}\s]{0,40})?\}",  # Python, .NET, i18next
    r"\{\}",
    r"\{\s{0,4}\w{1,80}\s{0,4},\s{0,4}\w{1,40}\s{0,4}(?:,[^{}\n]{0,200})?\}",  # ICU: {when, date, short}
)
_ENTITY: Final = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_SIGN: Final = r"[⟦⟧]"

_ALL: Final = re.compile(
    rf"(?P<url>{_URL})|(?P<mail>{_MAIL})|(?P<placeholder>{'|'.join(_PLACEHOLDERS)})|(?P<sign>{_SIGN})"
)
_TRAILING: Final = ".,;:!?*_~'\""
_CHOICE: Final = re.compile(r"\{\s{0,4}\w{1,80}\s{0,4},\s{0,4}(?:plural|select|selectordinal)\s{0,4},")
_SELECTOR: Final = re.compile(r"\s{0,200}(?:offset:\d{1,4}\s{1,40})?(?:=\d{1,9}|\w{1,80})\s{0,40}\{")
_CLOSES: Final = re.compile(r"\s{0,200}\}")
_INSIDE: Final = re.compile(r"[{}]")
_LONGEST: Final = 3000  # characters of a choice; what is longer is read as text with braces

ENTITY: Final = re.compile(_ENTITY)


def protected(text: str) -> Iterator[str | Piece]:
    """
    Cut a text into words and pieces.

    >>> [one if isinstance(one, str) else one.source for one in protected("Hi {name}, see https://a.example/b.")]
    ['Hi ', '{name}', ', see ', 'https://a.example/b', '.']
    """
    at = 0
    for begin, end, choice in _choices(text):
        yield from _simple(text[at:begin])
        yield from _cut_choice(text[begin:end], choice)
        at = end
    yield from _simple(text[at:])


def _simple(text: str) -> Iterator[str | Piece]:
    at = 0
    for found in _ALL.finditer(text):
        kind, end = str(found.lastgroup), found.end()
        if kind == "url":
            end = found.start() + len(trimmed(found[0]))
        if found.start() > at:
            yield text[at : found.start()]
        yield Piece(kind=kind, source=text[found.start() : end])
        at = end
    if at < len(text):
        yield text[at:]


def trimmed(url: str) -> str:
    """An address without the punctuation of the sentence that it ends."""
    url = url.rstrip(_TRAILING)
    while url.endswith((")", "]")) and url.count(_OPENS[url[-1]]) < url.count(url[-1]):
        url = url[:-1].rstrip(_TRAILING)
    return url


_OPENS: Final = {")": "(", "]": "["}

# --- ICU's choices ----------------------------------------------------------------------------------------------------

_Spans = list[tuple[int, int]]


def _choices(text: str) -> Iterator[tuple[int, int, _Spans]]:
    """(begin, end, messages inside) of each whole choice."""
    at = 0
    while found := _CHOICE.search(text, at):
        messages: _Spans = []
        end = _choice_end(_head(text, found.end()), found.end(), messages)
        if end is None:
            at = found.end()
            continue
        yield found.start(), end, messages
        at = end


def _head(text: str, at: int) -> str:
    return text if len(text) <= at + _LONGEST else text[: at + _LONGEST]


def _choice_end(text: str, at: int, messages: _Spans) -> int | None:
    while selector := _SELECTOR.match(text, at):
        end = _message_end(text, selector.end())
        if end is None:
            return None
        messages.append((selector.end(), end))
        at = end + 1
    closes = _CLOSES.match(text, at)
    return closes.end() if closes and messages else None


def _message_end(text: str, at: int) -> int | None:
    depth = 0
    for brace in _INSIDE.finditer(text, at):
        if brace[0] == "{":
            depth += 1
        elif depth:
            depth -= 1
        else:
            return brace.start()
    return None


def _cut_choice(text: str, messages: _Spans) -> Iterator[str | Piece]:
    base = messages[0][0] - _first_message(text)
    at = 0
    for begin, end in messages:
        yield Piece(kind="placeholder", source=text[at : begin - base])
        for one in protected(text[begin - base : end - base]):
            yield from _numbered(one) if isinstance(one, str) else [one]
        at = end - base
    yield Piece(kind="placeholder", source=text[at:])


def _first_message(text: str) -> int:
    head = _CHOICE.match(text)
    assert head is not None  # it was found by this
    selector = _SELECTOR.match(text, head.end())
    assert selector is not None  # it has a message
    return selector.end()


def _numbered(words: str) -> Iterator[str | Piece]:
    """In a plural, # stands for the number."""
    for index, part in enumerate(words.split("#")):
        if index:
            yield Piece(kind="placeholder", source="#")
        if part:
            yield part
