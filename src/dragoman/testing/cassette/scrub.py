"""
Taking secrets out of an exchange before it is written.

Three nets: names (a header, a parameter, a field that holds credentials), values (every credential that a request of
this tape bore or that is registered in `dragoman.redact`, wherever it is echoed and in whatever form), and shapes (what
looks like a vendor's key, and the user's own patterns).

Rule: a body is searched as a whole, its pieces put together, and once more the texts of its events put together: a key
that a server echoes may be cut anywhere.  In what is no text a secret is overwritten by as many bytes, since lengths
stand before it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from dragoman import redact
from dragoman.errors import ConfigError
from dragoman.redact import MASK
from dragoman.testing.cassette.secret_names import PATTERNS, is_secret_header, is_secret_parameter, names_owner

Hide = str | re.Pattern[str]
"""A regular expression; of one with a group, what the first group holds is masked."""

Place = tuple[int, int]

# Shorter values would mask ordinary words.
_SHORTEST: Final = 6
_TELLING: Final = 10
_AWS4: Final = re.compile(r"\b(?:Credential=([^/,\s]+)|Signature=([^,\s]+))")
# A field of JSON with a text.
_TEXT: Final = re.compile(r'"(\w+)"\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"')


class Scrubber:
    """
    Knows what is secret in the exchanges of one tape.

    Args:
        hide: More to mask.

    Raises:
        ConfigError: One of `hide` is no regular expression.
    """

    def __init__(self, hide: Iterable[Hide] = ()) -> None:
        self._own = tuple(_compiled(one) for one in hide)
        self._learned: set[str] = set()
        self._exact: re.Pattern[str] | None = None

    # --- learning -----------------------------------------------------------------------------------------------------

    def learn_request(self, url: str, headers: Mapping[str, str]) -> None:
        """Take notice of the credentials that a request bears."""
        split = urlsplit(url)
        found = [unquote(text) for text in (split.username, split.password) if text]
        found += [unquote(value) for name, value in _parameters(split.query) if is_secret_parameter(name)]
        for name, value in headers.items():
            if is_secret_header(name.lower()):
                found += _credentials(name.lower(), value)
        self._learn(found)

    def learn_answer(self, headers: Mapping[str, str]) -> None:
        """Take notice of what an answer's headers tell of the caller: cookies, and whose key it was."""
        found: list[str] = []
        for name, value in headers.items():
            if name == "set-cookie":
                found += _cookies(value)
            elif names_owner(name):
                found.append(value)
        self._learn(value for value in found if _telling(value))

    def _learn(self, secrets: Iterable[str]) -> None:
        new = {secret for secret in secrets if len(secret) >= _SHORTEST} - self._learned
        if not new:
            return
        self._learned |= new
        forms = {form for secret in self._learned for form in _forms(secret)}
        self._exact = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)))

    # --- masking ------------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        return "".join(self.pieces([text]))

    def pieces(self, pieces: Sequence[str]) -> list[str]:
        """Return the pieces of one text without secrets; a mask stands in the piece in which the secret began."""
        return _masked(pieces, self._places("".join(pieces)), _word)

    def binary(self, pieces: Sequence[bytes]) -> list[bytes]:
        """Return the pieces of what is no text, secrets overwritten: every piece is as long as it was."""
        texts = [piece.decode("latin-1") for piece in pieces]
        filled = _masked(texts, self._places("".join(texts)), _fill)
        return [text.encode("latin-1") for text in filled]

    def headers(self, headers: Mapping[str, str], without: frozenset[str]) -> dict[str, str]:
        """Return headers by lower-case name, masked, `without` some."""
        plain = {name.lower(): value for name, value in headers.items()}
        return {
            name: MASK if is_secret_header(name) else self.text(redact.redact(value))
            for name, value in plain.items()
            if name not in without
        }

    def url(self, url: str) -> str:
        """Return an address without user, password and credentials in its query."""
        split = urlsplit(url)
        query = "&".join(
            f"{name}{'=' if value else ''}{MASK if is_secret_parameter(name) else self.text(value)}"
            for name, value in _parameters(split.query)
        )
        host = split.netloc.rpartition("@")[2]
        return urlunsplit((split.scheme, self.text(host), self.text(split.path), query, ""))

    def _places(self, text: str) -> list[Place]:
        places = self._values(text)
        for pattern in PATTERNS:
            places += [found.span(1) for found in pattern.finditer(text)]
        places += self._spread(text)
        return _joined(places)

    def _values(self, text: str) -> list[Place]:
        """Where known secrets stand, what has a key's shape, and what the user hides."""
        places = redact.places(text)
        if self._exact is not None:
            places += [found.span() for found in self._exact.finditer(text)]
        for pattern in self._own:
            places += [found.span(min(1, pattern.groups)) for found in pattern.finditer(text)]
        return places

    def _spread(self, text: str) -> Iterator[Place]:
        """Where parts of a secret stand that is told in several events: the same field, one text after another."""
        fields: defaultdict[str, list[Place]] = defaultdict(list)
        for found in _TEXT.finditer(text):
            fields[found[1]].append(found.span(2))
        for parts in fields.values():
            if len(parts) > 1:
                told = "".join(text[start:end] for start, end in parts)
                yield from _mapped(parts, self._values(told))


def _compiled(pattern: Hide) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ConfigError(f"hide: {pattern!r} is no regular expression ({error})", field="hide") from error


# --- what is learned --------------------------------------------------------------------------------------------------


def _credentials(name: str, value: str) -> list[str]:
    """What of a header's value is secret, so that an echo of it alone is known."""
    if name == "cookie":
        return [part.partition("=")[2].strip() for part in value.split(";")]
    scheme, _, token = value.strip().partition(" ")
    if scheme.startswith("AWS4-"):
        return [part for found in _AWS4.finditer(value) for part in found.groups() if part]
    if scheme.lower() == "basic":
        return [token, *_userinfo(token)]
    return [value.strip(), token.strip()]


def _userinfo(token: str) -> list[str]:
    try:
        user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return []
    return [user, password]


def _cookies(value: str) -> list[str]:
    """The values of `set-cookie`; several are joined by commas, which an `expires` has, too."""
    return [found[1] for found in re.finditer(r"(?:^|,\s*)[^=;,\s]+=([^;]+)", value)]


def _telling(value: str) -> bool:
    """Whether a value names somebody: an organisation may be called "personal", and an answer may say the word."""
    return len(value) >= _TELLING and any(letter.isdigit() for letter in value)


def _forms(secret: str) -> Iterator[str]:
    yield from redact.forms(secret)
    data = secret.encode("utf-8", "surrogatepass")
    yield base64.b64encode(data).decode()
    yield data.decode("latin-1")  # as it is found in what is no text


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values as they stand, quoted."""
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]


# --- places -----------------------------------------------------------------------------------------------------------


def _joined(places: Iterable[Place]) -> list[Place]:
    """In order, those that touch or overlap as one, empty ones left out."""
    joined: list[Place] = []
    for start, end in sorted(places):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _mapped(parts: Sequence[Place], places: Iterable[Place]) -> Iterator[Place]:
    """Places in parts put together, as places in what the parts were taken from."""
    wanted = _joined(places)
    at = 0
    for start, end in parts:
        size = end - start
        while wanted and wanted[0][1] <= at:
            wanted.pop(0)
        for first, last in wanted:
            if first >= at + size:
                break
            yield start + max(first - at, 0), start + min(last - at, size)
        at += size


def _masked(pieces: Sequence[str], places: Sequence[Place], mask: Callable[[int, bool], str]) -> list[str]:
    """
    Pieces with each place covered.

    Args:
        mask: What covers so many characters; told whether the place begins there, or goes on from the piece before.
    """
    masked: list[str] = []
    number, begin = 0, 0
    for piece in pieces:
        end, at, parts = begin + len(piece), 0, list[str]()
        while number < len(places) and places[number][0] < end:
            start, stop = places[number]
            first, last = max(start, begin) - begin, min(stop, end) - begin
            parts += [piece[at:first], mask(last - first, start >= begin)]
            at = last
            if stop > end:
                break
            number += 1
        masked.append("".join(parts) + piece[at:])
        begin = end
    return masked


def _word(size: int, begins: bool) -> str:
    return MASK if begins else ""


def _fill(size: int, begins: bool) -> str:
    return "x" * size
