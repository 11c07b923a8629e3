"""
Keeping secrets out of everything that is read by people.

Two nets.  Exact: a credential that is about to be used is registered here, and every text that Dragoman builds
from foreign input (an error body that echoes the key, a URL, a header dump) has each registered value replaced.
Shape: strings that look like a vendor's key are replaced even when nobody registered them.

Rule: redaction happens when a text is *built*, never when it is printed, so there is no path on which it can be
forgotten: a traceback, a pickle and a log line all hold the redacted text.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from logging import LogRecord

MASK = "[redacted]"

# Vendors' key shapes, long enough that prose does not match.  (Sources: the vendors' console pages and the
# `.env.example` files of their SDKs.)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-(?:ant-|proj-|or-v1-|svcacct-|admin-)?[A-Za-z0-9_-]{16,}"
    r"|(?:gsk|xai|pplx|nvapi|csk|fw|hf|ghp|gho|github_pat|tgp_v1|r8)[-_][A-Za-z0-9_-]{16,}"
    r"|AIza[A-Za-z0-9_-]{30,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"
    r")"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")

# Headers whose value is a credential, whatever it looks like.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-amz-security-token",
        "cookie",
        "set-cookie",
        "ocp-apim-subscription-key",
    }
)

_ESCAPE = re.compile(r"%[0-9A-F]{2}")

# Shorter values would turn ordinary words of an error message into masks.
_MIN_EXACT = 6

_lock = threading.Lock()
_known: frozenset[str] = frozenset()
_exact: re.Pattern[str] | None = None


def register(secret: str) -> None:
    """Replace `secret`, and the forms in which servers and libraries echo it, in every text built from now on."""
    global _known, _exact
    if len(secret) < _MIN_EXACT or secret in _known:
        return
    with _lock:
        _known = _known | {secret}
        written = {form for value in _known for form in forms(value)}
        _exact = re.compile("|".join(re.escape(form) for form in sorted(written, key=len, reverse=True)))


def forms(secret: str) -> Iterable[str]:
    """A credential as servers and libraries write it: itself, quoted as in URLs, JSON and Python, each of its lines."""
    yield secret
    for escaped in (quote(secret, safe="", errors="replace"), quote(secret, errors="replace")):
        yield escaped
        yield _ESCAPE.sub(lambda match: match[0].lower(), escaped)
    yield json.dumps(secret)[1:-1]
    yield repr(secret)[1:-1]
    yield from (line for line in secret.splitlines() if len(line.strip()) >= _MIN_EXACT)


def redact(text: str) -> str:
    """Return `text` without credentials.

    >>> redact("Incorrect API key provided: sk-proj-abcdefghijklmnop1234")
    'Incorrect API key provided: [redacted]'
    """
    if _exact is not None:
        text = _exact.sub(MASK, text)
    text = _SHAPES.sub(MASK, text)
    return _BEARER.sub(rf"\1 {MASK}", text)


def knows(text: str) -> bool:
    """Whether a registered credential stands in `text`, in any form in which servers echo it."""
    return _exact is not None and _exact.search(text) is not None


def places(text: str) -> list[tuple[int, int]]:
    """Where credentials stand in `text`, as (start, end) in order: registered ones, and what has a vendor's shape."""
    patterns = (_SHAPES,) if _exact is None else (_exact, _SHAPES)
    return sorted(found.span() for pattern in patterns for found in pattern.finditer(text))


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return a copy with credentials masked, by header name and by value."""
    return {name: MASK if name.lower() in SECRET_HEADERS else redact(value) for name, value in headers.items()}


def forget_locals(error: BaseException) -> None:
    """
    Empty the frames of an error's traceback, and of what it came from; file, line and function stay.

    What prints tracebacks with variables (rich, cgitb, error trackers) would show what was in them: request headers, a
    file's text, a key.  Frames that still run keep their variables.
    """
    from traceback import clear_frames  # only errors pay for it

    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        clear_frames(one.__traceback__)
        left += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            left += cast("BaseExceptionGroup[BaseException]", one).exceptions


def _redact_record(record: LogRecord) -> bool:
    record.msg, record.args = redact(record.getMessage()), ()
    return True


def hush_logger(name: str) -> None:
    """Redact what a library's own logger says.  A logger that is hushed already stays so."""
    from logging import getLogger

    getLogger(name).addFilter(_redact_record)
