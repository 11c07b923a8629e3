"""
What in an exchange is secret by its name or by its shape.  docs/cassettes.md shows the same to users.

Rule: names are of credentials only, and shapes are narrow.  A recording must play back the answer that was given, so
ordinary words of an answer may never be taken for a secret.
"""

from __future__ import annotations

import re
from typing import Final

from dragoman.redact import SECRET_HEADERS

# Of requests and answers.  `x-ratelimit-remaining-tokens` counts; `x-auth-token` is one.
_HEADER: Final = re.compile(
    r"(?:^|-)(?:auth|authorization|cookie|secret|signature|credential|credentials|password|token|jwt|key|apikey"
    r"|organi[sz]ation|org|project|account|tenant|session)(?:-id|-key|-secret|-token)?$"
)
# Names that end like a secret and are none.
_OPEN_HEADERS: Final = frozenset({"access-control-allow-credentials", "idempotency-key"})

# Who asked, rather than with what: masked wherever the answer repeats it.
_OWNER: Final = re.compile(r"(?:^|-)(?:organi[sz]ation|org|project|account|tenant)(?:-id)?$")

_QUERY: Final = frozenset(
    {
        "key",
        "api_key",
        "api-key",
        "apikey",
        "access_token",
        "auth",
        "client_secret",
        "password",
        "sig",
        "signature",
        "subscription-key",
        "token",
        "awsaccesskeyid",
        "googleaccessid",
        "x-amz-credential",
        "x-amz-security-token",
        "x-amz-signature",
        "x-goog-credential",
        "x-goog-signature",
    }
)

# Headers that say nothing to who reads a recording, or differ in every run.
DULL_REQUEST_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-date",
    }
)
# A recorded body is decompressed and unframed.
DULL_ANSWER_HEADERS: Final = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
)

_FIELDS: Final = (
    r"api[_-]?key|access[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?token|authorization(?:[_-]token)?"
    r"|client[_-]?secret|(?:aws[_-]?)?secret[_-]?access[_-]?key|client[_-]?assertion|assertion|private[_-]?key"
    r"|x-api-key|x-goog-api-key|proxy-authorization|cookie|set-cookie"
)

PATTERNS: Final = (
    # A field of JSON, of a form; not the text of a model, which is escaped inside a field of its own.
    re.compile(rf'(?i)"(?:{_FIELDS})"\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"'),
    re.compile(rf"(?i)(?:^|[&?])(?:{_FIELDS}|passw(?:or)?d)=([^&\s\"']+)"),
    # Credentials of HTTP.  A digit is asked for, since an answer may speak of "bearer authentication".
    re.compile(r"(?i)\bbearer\s+(?=[^\s\"']*\d)([A-Za-z0-9._~+/-]{16,}=*)"),
    re.compile(r"(?i)\bbasic\s+(?=[^\s\"']*[\d=])([A-Za-z0-9+/]{16,}={0,2})"),
    # Signatures of AWS and of signed addresses.
    re.compile(r"(?i)\b(?:x-amz-|x-goog-)?signature=([0-9a-f]{40,})"),
    re.compile(r"(?i)\b(?:x-amz-)?(?:security-token|credential)=([^&/,\s\"']+)"),
    # Accounts.
    re.compile(r"\barn(?::|%3A)aws[\w-]*(?::|%3A)[\w-]*(?::|%3A)[\w-]*(?::|%3A)(\d{12})(?=:|%3A)"),
    re.compile(r"\b((?:org-|proj_)[A-Za-z0-9]{16,})\b"),
)


def is_secret_header(name: str) -> bool:
    """Whether a header's whole value is masked; the name is in lower case."""
    return name in SECRET_HEADERS or (name not in _OPEN_HEADERS and _HEADER.search(name) is not None)


def names_owner(name: str) -> bool:
    """Whether a header of an answer says whose key it was."""
    return _OWNER.search(name) is not None


def is_secret_parameter(name: str) -> bool:
    """Whether a parameter of an address is a credential."""
    return name.lower() in _QUERY
