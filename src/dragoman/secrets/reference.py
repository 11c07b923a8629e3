"""
References: where a key is, written in place of the key.

    scheme:name[#field][?option=value&option=value]

Rule: a text is a reference if, and only if, what stands before its first colon is one of the known schemes, in lower
case.  Everything else is a key, whatever colons it has.  A key that happens to begin so is given as `Secret(...)`,
which is never read as a reference.

`ttl` (seconds, 300) may be given with every scheme.  In options `%` escapes as in a URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import msgspec

from dragoman.errors import ConfigError
from dragoman.secrets.schemes import Scheme, find_scheme

DEFAULT_TTL: Final = 300.0

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):")
_TAIL: Final = re.compile(r"\?([A-Za-z][\w.%-]*=[^?#]*)(#[^?]*)?\Z")
_SEALED_SHOWN: Final = 8


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a key is.

    Attributes:
        scheme: What kind of place: `"file"`, `"awskms"`...
        name: What stands after the colon: a path, a name, a ciphertext.
        field: What stands after `#`; empty if nothing does.
        options: What stands after `?`, without `ttl`.
        ttl: Seconds for which what was found is used before it is looked up again.
    """

    scheme: str
    name: str
    field: str = ""
    options: dict[str, str] = {}
    ttl: float = DEFAULT_TTL

    @property
    def kind(self) -> Scheme:
        """What the table says of its scheme."""
        found = find_scheme(self.scheme)
        assert found is not None  # nothing else is parsed
        return found

    @property
    def shown(self) -> str:
        """The reference for people: no ciphertext in full, and of a command only its program."""
        kind = self.kind
        if kind.verbatim:
            return f"{self.scheme}:{self.name.split()[0]} …" if self.name.split() else f"{self.scheme}:"
        if kind.local and not self.name.isidentifier():  # no variable: a key that was put in its place, perhaps
            return f"{self.scheme}:…"
        name = _cut(self.name) if kind.sealed else self.name
        field = _cut(self.field) if _is_sealed(self.field) else self.field
        return f"{self.scheme}:{name}" + (f"#{field}" if field else "")

    @property
    def text(self) -> str:
        """The reference as it is written down."""
        options = {**({"ttl": f"{self.ttl:g}"} if self.ttl != DEFAULT_TTL else {}), **self.options}
        tail = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in options.items())
        field = f"#{self.field}" if self.field else ""
        return f"{self.scheme}:{self.name}{field}{f'?{tail}' if tail else ''}"

    def __repr__(self) -> str:
        return f"Reference({self.shown})"


def _quoted(value: str) -> str:
    return re.sub(r"[%&?#=]", lambda found: f"%{ord(found[0]):02X}", value)


def _cut(text: str) -> str:
    return text if len(text) <= _SEALED_SHOWN else f"{text[:_SEALED_SHOWN]}…"


def _is_sealed(field: str) -> bool:
    """Names of fields are short; longer ones are ciphertexts (transit, Google's KMS)."""
    return len(field) > 64 or field.startswith("vault:v")


def parse_reference(text: str, source: str = "api_key") -> Reference | None:
    """
    Parse a reference; None for a text that is none, and so is a key.

    Args:
        text: As it was given.
        source: Where it was given, for errors.

    Raises:
        ConfigError: It begins as a reference and cannot be one.

    >>> parse_reference("file:/run/secrets/openai")
    Reference(file:/run/secrets/openai)
    >>> parse_reference("sk-proj:with:colons") is None
    True
    """
    found = _SCHEME.match(text)
    kind = find_scheme(found[1]) if found else None
    if found is None or kind is None:
        return None
    scheme = found[1]
    name, field, tail = _parts(text[found.end() :], kind)
    options = dict(_options(tail, scheme, kind, source))
    ttl = _seconds(options.pop("ttl", None), scheme, source)
    if not name:
        raise ConfigError(f"{source} is {scheme}: with nothing behind it", field=source)
    return Reference(scheme=scheme, name=name, field=field, options=options, ttl=ttl)


def _parts(rest: str, kind: Scheme) -> tuple[str, str, str]:
    """Name, field and options of what stands after the colon; the field may stand before or after the options."""
    found = _TAIL.search(rest)
    if found and kind.verbatim and (found[2] or not all(map(kind.knows, _names(found[1])))):
        found = None  # the command's own
    tail = found[1] if found else ""
    behind = (found[2] or "")[1:] if found else ""
    before = rest[: found.start()] if found else rest
    if not kind.field or behind:
        return before, behind, tail
    name, _, field = before.partition("#")
    return name, field, tail


def _names(tail: str) -> Iterable[str]:
    return (unquote(part.partition("=")[0]) for part in tail.split("&"))


def _options(tail: str, scheme: str, kind: Scheme, source: str) -> Iterable[tuple[str, str]]:
    for part in filter(None, tail.split("&")):
        name, _, value = part.partition("=")
        if not kind.knows(unquote(name)) and kind.place is not None:
            known = ", ".join(f"{one}NAME" if one.endswith(".") else one for one in ("ttl", *kind.options))
            raise ConfigError(f"{source}: {scheme}: has no option {name!r}: there are {known}", field=source)
        yield unquote(name), unquote(value)


def _seconds(text: str | None, scheme: str, source: str) -> float:
    if text is None:
        return DEFAULT_TTL
    if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
        raise ConfigError(f"{source}: ttl of {scheme}: is {text!r}: give seconds, 0 or more", field=source)
    return float(text)
