"""The model that all peers ask, by the standard library's HTTP client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlsplit


class Model:
    """Asks over one connection."""

    def __init__(self, url: str) -> None:
        self._path = urlsplit(url).path
        self._line = http.client.HTTPConnection(urlsplit(url).netloc)

    def ask(self, texts: Sequence[str]) -> str:
        """The answer to a history whose last text is the question."""
        roles = ("user", "assistant")
        messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
        body = json.dumps({"model": "bench", "messages": messages})
        self._line.request("POST", f"{self._path}/chat/completions", body, {"content-type": "application/json"})
        told = json.loads(self._line.getresponse().read())
        text: str = told["choices"][0]["message"]["content"]
        return text
