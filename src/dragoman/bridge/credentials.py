"""
Whose credential a request of an SDK travels with: the one that it brings, or the client's own.

Rule: the client's own is used only where the placeholder asks for it, so an SDK that was given a key, or told to send
none, is taken at its word.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from dragoman.secrets import Secret

PLACEHOLDER: Final = "dragoman"
"""The API key that stands for the client's own."""

# Where SDKs put keys.
_HEADERS: Final = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
_SCHEME: Final = re.compile(r"(?i)bearer +")


class Credential(msgspec.Struct, frozen=True):
    """
    What a request brought.

    Attributes:
        asked: Whether it asks for the client's own key.
        headers: Names of the headers in which keys came.
        secret: The SDK's own key, or an empty one where it sent none; None where the client's is asked for.
    """

    asked: bool
    headers: tuple[str, ...]
    secret: Secret | None


def take(headers: dict[str, str]) -> tuple[Credential, dict[str, str]]:
    """Find what a request brought, and return its headers without placeholders."""
    found = tuple(name for name in _HEADERS if name in headers)
    values: dict[str, str] = {name: _SCHEME.sub("", headers[name], count=1) for name in found}
    if PLACEHOLDER in values.values():
        return Credential(True, found, None), {n: v for n, v in headers.items() if values.get(n) != PLACEHOLDER}
    secret = Secret(values[found[0]] if found else "")
    secret.reveal()  # whatever echoes it is masked from now on
    return Credential(False, found, secret), headers
