"""
Whose address a request goes to, and in which dialect it is written.

Rule: a provider is known by the origin of the request's URL and by nothing else: scheme, host and port.  What goes to
any other origin is a request to a stranger, whatever its path or host looks like.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dragoman import catalog
from dragoman.errors import ConfigError
from dragoman.routes import Routes
from dragoman.types.providers import Provider, placeholders

_PORTS: Final = {"http": 80, "https": 443}

# How the path of a chat request ends, in each dialect that an SDK may speak.
_PATHS: Final = (
    ("openai-chat", re.compile(r"/chat/completions\Z")),
    ("openai-responses", re.compile(r"/responses\Z")),
    ("anthropic-messages", re.compile(r"/v1/messages\Z")),
    ("gemini-generate", re.compile(r"/(?:models|tunedModels|endpoints)/[^/:]+:(?:g|streamG)enerateContent\Z")),
    ("gemini-interactions", re.compile(r"/interactions\Z")),
    ("bedrock-converse", re.compile(r"/model/.+/converse(?:-stream)?\Z")),
    ("bedrock-anthropic", re.compile(r"/model/.+/invoke(?:-with-response-stream)?\Z")),
    ("vertex-anthropic", re.compile(r"/publishers/anthropic/models/[^/:]+:(?:raw|streamRaw)Predict\Z")),
    ("cohere-chat", re.compile(r"/v2/chat\Z")),
    ("ollama-chat", re.compile(r"/api/chat\Z")),
)

Origin = tuple[str, str, int | None]


def wire_of(method: str, path: str) -> str | None:
    """Name of the dialect of a chat request, or None if it is none."""
    if method != "POST":
        return None
    return next((name for name, pattern in _PATHS if pattern.search(path)), None)


class Rows:
    """
    The rows of a client by their addresses, which are read once, when a request first asks.

    Args:
        routes: All providers.
    """

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._found: dict[Origin, list[Provider]] | None = None

    def at(self, url: str, wire: str | None, headers: Collection[str]) -> Provider | None:
        """
        The row that a request belongs to, or None for a stranger's address.

        Of several rows at one origin it is the one that speaks the request's dialect, takes its key in such a header,
        and has most of its path.

        Args:
            url: Of the request.
            wire: Its dialect, or None.
            headers: Those in which it brought keys.
        """
        parts = urlsplit(url)
        rows = self._rows().get(_origin(parts), ())
        ranked = enumerate(rows)
        best = max(ranked, key=lambda item: (*_fit(item[1], parts.path, wire, headers), -item[0]), default=None)
        return best[1] if best else None

    def _rows(self) -> dict[Origin, list[Provider]]:
        if self._found is None:
            found: dict[Origin, list[Provider]] = {}
            for row in filter(None, map(self._row, tuple(self._routes.providers))):
                found.setdefault(_origin(urlsplit(row.base_url)), []).append(row)
            self._found = found
        return self._found

    def _row(self, name: str) -> Provider | None:
        try:
            row = self._routes.provider(name)
        except ConfigError:
            return None  # a row without an address that can be called is nobody's address
        return None if placeholders(row.base_url) else row


def _fit(row: Provider, path: str, wire: str | None, headers: Collection[str]) -> tuple[bool, bool, int, bool]:
    base = urlsplit(row.base_url).path.rstrip("/")
    below = path == base or path.startswith(f"{base}/")
    header = "authorization" if row.auth in ("bearer", "aws-sigv4", "google") else row.auth
    own = row.name not in catalog.builtin()
    return wire in (row.wire, *row.also), header in headers, len(base) if below else -1, own


def _origin(parts: SplitResult) -> Origin:
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(scheme)
