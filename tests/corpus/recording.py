"""
One recorded exchange with a provider, as it lies in a corpus folder.

A corpus is a folder of `<provider>-<api>/*.json` files.  This module reads them and knows nothing of wires;
`dialects.py` says which folder speaks which dialect.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.corpus.interactions import meaning

SAMPLE = Path(__file__).parent / "sample"


class Recording:
    """
    One exchange.

    Attributes:
        path: The file.
        folder: `<provider>-<api>`.
        expected: What the answer means, worked out apart from any wire.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent.name
        self._data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self.expected: dict[str, Any] = self._data["expected"]
        if self.folder == "gemini-interactions" and self.expected["kind"] == "other":
            self.expected = {"kind": "completion", **meaning(self.body.decode(), self.streamed)}

    def __repr__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Folder and file, as the tables of exceptions name it."""
        return f"{self.folder}/{self.path.name}"

    @property
    def data(self) -> dict[str, Any]:
        """The whole file."""
        return self._data

    @property
    def features(self) -> list[str]:
        """What is special about it."""
        return list(self._data.get("features") or ())

    @property
    def failed(self) -> bool:
        """Whether the right outcome is an error."""
        return bool(self.expected["kind"] == "error")

    @property
    def streamed(self) -> bool:
        """Whether the answer is a stream."""
        response = self._data["response"]
        lines = "ndjson" in self.headers.get("content-type", "")
        array = str(response.get("body_text", "")).startswith("[")  # Gemini's streams without `alt=sse`
        return "sse" in response or (bool(self._data.get("stream")) and (lines or array or "body_b64" in response))

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return int(self._data["response"]["status"])

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer, names in lower case."""
        return {str(name).lower(): str(value) for name, value in (self._data["response"].get("headers") or {}).items()}

    @cached_property
    def body(self) -> bytes:
        """The answer's bytes; where only the parsed form was recorded, that form as JSON."""
        response = self._data["response"]
        for field in ("sse", "body_text"):
            if field in response:
                return str(response[field]).encode()
        if "body_b64" in response:
            return base64.b64decode(response["body_b64"])
        return json.dumps(response["json"], ensure_ascii=False).encode()

    @property
    def asked(self) -> dict[str, Any] | None:
        """The request's JSON body, if it was recorded."""
        asked = self._data["request"].get("json")
        return asked if isinstance(asked, dict) else None

    @property
    def asked_path(self) -> str:
        """Path of the address that was asked."""
        return urlsplit(str(self._data["request"]["url"])).path


def load(root: Path, folders: tuple[str, ...]) -> Iterator[Recording]:
    """All chat exchanges of these folders below `root`, in the order of their names."""
    for folder in folders:
        for path in sorted((root / folder).glob("*.json")):
            recording = Recording(path)
            if recording.expected["kind"] in ("completion", "error"):  # others are of models that have other dialects
                yield recording
