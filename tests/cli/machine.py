"""Servers on this machine that are, or only seem to be, model servers; each writes down every byte that it is sent."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self


class Machine:
    """
    Answers each connection once, by what `reply` makes of the request's bytes.

    Attributes:
        port: On 127.0.0.1.
        seen: All that was received, in one piece per connection.
    """

    def __init__(self, reply: Callable[[bytes], bytes], *, drip: float = 0.0) -> None:
        self._reply = reply
        self._drip = drip
        self.seen: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(peer,), daemon=True).start()

    def _answer(self, peer: socket.socket) -> None:
        with peer:
            try:
                request = peer.recv(65536)
                self.seen.append(request)
                answer = self._reply(request)
                if not self._drip:
                    peer.sendall(answer)
                for i in range(len(answer) if self._drip else 0):
                    peer.sendall(answer[i : i + 1])
                    time.sleep(self._drip)
            except OSError:
                return  # the other side hung up, which some tests are about

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def http(body: bytes | str, status: str = "200 OK", kind: str = "application/json", extra: str = "") -> bytes:
    """One HTTP answer."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(data)}", "connection: close"]
    return ("\r\n".join(lines) + f"\r\n{extra}\r\n").encode() + data


def paths(table: Mapping[str, Any]) -> Callable[[bytes], bytes]:
    """Answer each path of the table with its JSON, and every other with 404."""

    def reply(request: bytes) -> bytes:
        path = request.split(b" ")[1].decode()
        return http(json.dumps(table[path])) if path in table else http("{}", "404 Not Found")

    return reply


def openai_list(*names: str, owner: str = "vllm") -> dict[str, Any]:
    """The answer to GET /v1/models."""
    return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": owner} for name in names]}


OLLAMA: dict[str, Any] = {
    "/api/version": {"version": "0.30.1"},
    "/api/tags": {
        "models": [
            {"name": "nomic-embed-text:latest", "size": 1},
            {"name": "glm-5.3:cloud", "remote_host": "https://ollama.com"},
            {"name": "qwen3:8b", "details": {"family": "qwen3"}},
            {"name": "gemma3:4b"},
        ]
    },
}
LM_STUDIO: dict[str, Any] = {
    "/api/v0/models": {
        "object": "list",
        "data": [
            {"id": "nomic", "object": "model", "type": "embeddings", "state": "not-loaded"},
            {"id": "cold", "object": "model", "type": "llm", "state": "not-loaded"},
            {"id": "warm", "object": "model", "type": "vlm", "state": "loaded"},
        ],
    }
}
