"""
Whether a request is the one that was recorded, and where it differs.

Compared are the method, the path, the query and the body; a body that is JSON field by field, whatever its order.
Host and headers are not: recordings play for any base URL, and headers hold credentials and what differs in every run.

What differs in every run inside a body is levelled first, by the tables below (docs/cassettes.md shows them): ids that
are made anew get numbers in order of appearance, so that what is the same id twice must be so again; times become
`<time>`.  Where a secret was masked in the recording, anything may stand in the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from dragoman.redact import MASK
from dragoman.testing.cassette.bodies import request_body
from dragoman.testing.cassette.errors import Difference
from dragoman.testing.cassette.model import Asked
from dragoman.testing.cassette.secret_names import is_secret_parameter

# Ids that a run makes: random UUIDs, hex digits as `uuid4().hex` gives them, and those that providers give to answers.
_IDS: Final = re.compile(
    r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])"
    r"|\b(?:call|chatcmpl|fc|msg|req|resp|rs|toolu|tooluse)[_-](?=[A-Za-z]*\d)[A-Za-z0-9]{8,}\b"
)
# RFC 3339 with a time of day; dates of HTTP.  A day alone is compared: a question may be about it.
_TIMES: Final = re.compile(
    r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
    r"\d\d:\d\d:\d\d GMT"
)
# Fields that are ignored wherever they stand, if their value is no object and no list.
IGNORED: Final = frozenset(
    {
        "client_request_id",
        "clientRequestToken",
        "created_at",
        "idempotency_key",
        "idempotencyKey",
        "request_id",
        "sent_at",
        "span_id",
        "timestamp",
        "trace_id",
        "traceparent",
    }
)

_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)')
_SEGMENT: Final = re.compile(r"[^.\[\]]+")
_SHOWN: Final = 60  # characters of a value
_BEFORE: Final = 20  # of these, at most so many before the first that differs
_MISSING: Final = object()


class Comparable(msgspec.Struct, frozen=True):
    """
    What of a request is compared.

    Attributes:
        exact: The same for requests that do not differ at all.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    exact: str


def comparable(request: Asked) -> Comparable:
    """Return what of a request is compared, levelled."""
    split = urlsplit(request.url)
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(split.query, keep_blank_values=True):
        if not is_secret_parameter(name):
            query.setdefault(name, []).append(value)
    body = _level(_without_boundary(request), {})
    path = unquote(split.path)
    exact = json.dumps([request.method, path, query, body], sort_keys=True, default=repr)
    return Comparable(request.method, path, query, body, exact)


def differences(recorded: Comparable, sent: Comparable, ignore: Sequence[str] = ()) -> list[Difference]:
    """
    Return where a request differs from a recorded one; empty if it is the one.

    Args:
        recorded: The recording.
        sent: The request.
        ignore: Names of fields (`user`), or their places (`body.metadata.run`, `query.version`), not to look at.
    """
    if recorded.exact == sent.exact:
        return []
    pairs = (
        ("method", recorded.method, sent.method),
        ("path", recorded.path, sent.path),
        ("query", recorded.query, sent.query),
        ("body", recorded.body, sent.body),
    )
    found = (one for name, before, now in pairs for one in _differing(name, before, now))
    return [
        Difference(path, *_shown(before, now))
        for path, before, now in found
        if not _is_ignored(path, (before, now), ignore)
    ]


# --- levelling --------------------------------------------------------------------------------------------------------


def _without_boundary(request: Asked) -> Any:
    """The body; of a multipart body the boundary is made anew for each request."""
    body = request_body(request)
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    if found is None:
        return body
    if isinstance(body, bytes):
        return body.replace(found[1].encode(), b"boundary")
    return body.replace(found[1], "boundary") if isinstance(body, str) else body


def _level(value: Any, seen: dict[str, str]) -> Any:
    """
    Args:
        value: JSON, or bytes.
        seen: Ids to the names that they got.
    """
    if isinstance(value, str):
        return _TIMES.sub("<time>", _IDS.sub(lambda found: seen.setdefault(found[0], f"<id {len(seen) + 1}>"), value))
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _level(members[name], seen) for name in sorted(members)}
    if isinstance(value, list):
        return [_level(one, seen) for one in cast("list[Any]", value)]
    return value


# --- comparing --------------------------------------------------------------------------------------------------------

_Found = Iterator[tuple[str, Any, Any]]


def _differing(path: str, recorded: Any, sent: Any) -> _Found:
    if isinstance(recorded, dict) and isinstance(sent, dict):
        yield from _members(path, cast("dict[str, Any]", recorded), cast("dict[str, Any]", sent))
    elif isinstance(recorded, list) and isinstance(sent, list):
        yield from _items(path, cast("list[Any]", recorded), cast("list[Any]", sent))
    elif not _same(recorded, sent):
        yield path, recorded, sent


def _members(path: str, recorded: dict[str, Any], sent: dict[str, Any]) -> _Found:
    for name in [*recorded, *(name for name in sent if name not in recorded)]:
        yield from _differing(f"{path}.{name}", recorded.get(name, _MISSING), sent.get(name, _MISSING))


def _items(path: str, recorded: list[Any], sent: list[Any]) -> _Found:
    for index in range(max(len(recorded), len(sent))):
        before = recorded[index] if index < len(recorded) else _MISSING
        yield from _differing(f"{path}[{index}]", before, sent[index] if index < len(sent) else _MISSING)


def _same(recorded: Any, sent: Any) -> bool:
    if isinstance(recorded, str) and isinstance(sent, str) and MASK in recorded:
        return re.fullmatch(".*".join(map(re.escape, recorded.split(MASK))), sent, re.DOTALL) is not None
    # To Python, True is 1; to JSON it is not.
    return bool(recorded == sent) and isinstance(recorded, bool) == isinstance(sent, bool)


def _is_ignored(path: str, values: Iterable[Any], ignore: Sequence[str]) -> bool:
    names = _SEGMENT.findall(path)
    if names[-1] in IGNORED and not any(isinstance(value, dict | list) for value in values):
        return True
    return any(one in names[1:] or path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignore)


# --- showing ----------------------------------------------------------------------------------------------------------


def _shown(recorded: Any, sent: Any) -> tuple[str, str]:
    start = 0
    if isinstance(recorded, str) and isinstance(sent, str):
        pairs = enumerate(zip(recorded, sent, strict=False))
        first = next((at for at, (one, other) in pairs if one != other), min(len(recorded), len(sent)))
        start = first - _BEFORE if first > _SHOWN - _BEFORE else 0
    return _short(recorded, start), _short(sent, start)


def _short(value: Any, start: int) -> str:
    if value is _MISSING:
        return "nothing"
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False, default=repr)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    part = value[start : start + _SHOWN]
    return f"{'…' if start else ''}{part!r}{'…' if start + _SHOWN < len(value) else ''}"
