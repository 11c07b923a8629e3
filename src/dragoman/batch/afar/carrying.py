"""
What the two ends of a crew say to each other beside the rows, whatever carries it.

Rule: both ends have the same code; `code_of` says so before anything else is sent.
"""

from __future__ import annotations

import sys
from functools import cache
from hashlib import blake2b
from pathlib import Path

import msgspec

from dragoman.types.requests import ChatRequest, OutputFormat


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """
    What came of a row.

    Attributes:
        number: Of the errand.
        data: What is told of it; empty if it ended otherwise.
        fault: How, in words: a fault of the code.
    """

    number: int
    data: bytes = b""
    fault: str = ""


class About(msgspec.Struct, frozen=True):
    """
    Who a process is.

    Attributes:
        version: Of Dragoman.
        code: Digest of its source.
        python: Version.
        host: Name of the machine.
        pid: The process.
    """

    version: str
    code: str
    python: str
    host: str
    pid: int

    def __str__(self) -> str:
        return f"dragoman {self.version} (code {self.code}) on Python {self.python}"


@cache
def code_of() -> str:
    """A short name for the code of this package, the same wherever it is the same."""
    root, digest = Path(__file__).parents[2], blake2b(digest_size=6)
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(blake2b(path.read_bytes()).digest())
    return digest.hexdigest()


def python_of() -> str:
    """The version of Python, as far as pickles depend on it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def untyped(request: ChatRequest) -> ChatRequest:
    """The request without the caller's type, which may be of a module that no worker has; the answer is read here."""
    form = request.output
    if form is None or form.type is None:
        return request
    return msgspec.structs.replace(request, output=_untyped(form))


def _untyped(form: OutputFormat) -> OutputFormat:
    kind: object = form.type
    if form.kind != "json_schema":
        return msgspec.structs.replace(form, type={})
    if isinstance(kind, dict):
        return form
    from dragoman.types.shapes import shape_of  # only who asks for values pays for it

    shape = shape_of(form.type)
    return msgspec.structs.replace(form, name=form.name or shape.name, type=form.schema or shape.root)
