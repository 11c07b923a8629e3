"""PDF, by pypdf: the text of each page.  A page that is a picture has none."""

from __future__ import annotations

import io
import struct
import zlib
from importlib import import_module
from typing import Any

from dragoman.knowledge.reading.text import Read, Unreadable


def read_pdf(data: bytes, encoding: str) -> Read:
    """
    Read a PDF.

    Raises:
        Unreadable: It is damaged or encrypted, or has no text; or pypdf is missing.
    """
    try:
        pypdf, errors = import_module("pypdf"), import_module("pypdf.errors")
    except ImportError as error:
        # Of this file only: the others of its folder can be read without it.
        raise Unreadable('PDF files need pypdf: pip install "dragoman[rag]"') from error
    # What pypdf was seen to raise for damaged files, beside its own.
    damaged = (errors.PyPdfError, OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("it is encrypted: save it without a password")
        texts = [_cleaned(page) for page in reader.pages]
    except (*damaged, AssertionError, NotImplementedError, RecursionError, struct.error, zlib.error) as error:
        raise Unreadable(f"it is damaged: {error}") from error
    except ImportError as error:  # a cipher's library
        raise Unreadable(f"it is encrypted: {error}") from error
    if not any(text.strip() for text in texts):
        raise Unreadable("its pages have no text: it may be scanned")
    return _joined(texts)


def _cleaned(page: Any) -> str:
    text: str = page.extract_text() or ""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _joined(texts: list[str]) -> Read:
    starts: list[int] = []
    at = 0
    for text in texts:
        starts.append(at)
        at += len(text) + 2
    return Read(text="\n\n".join(texts), pages=tuple(starts))
