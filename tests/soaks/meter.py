"""
A provider that is fast and bills: `python -m tests.soaks.meter SECONDS` answers chat after that time, in a process of
its own, with one of a few hundred answers made beforehand, and keeps account of what it would charge.

Its prompts have as many tokens as their bodies have bytes over four, and its answers are of many lengths.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from types import TracebackType
from typing import Any, Self
from zlib import crc32

PRICES = {"input": "2", "output": "8"}
"""US dollars per million tokens."""
MOST_OUTPUT = 400
_KINDS = 251


def _answers(read: int) -> list[tuple[bytes, int]]:
    rng = random.Random(read)
    made: list[tuple[bytes, int]] = []
    for _ in range(_KINDS):
        given = rng.randint(120, 280)
        message = {"role": "assistant", "content": "word " * 20}
        usage = {"prompt_tokens": read, "completion_tokens": given, "total_tokens": read + given}
        body = json.dumps(
            {
                "id": "chatcmpl-meter",
                "object": "chat.completion",
                "created": 1760000000,
                "model": "m-1",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": usage,
            }
        ).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        made.append((head.encode() + body, 2 * read + 8 * given))
    return made


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, found, rest = self._held.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length:")
        length = int(head[at + 15 :].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._held = b""
        answer = self._account.answer(rest)
        if self._account.seconds:
            asyncio.get_running_loop().call_later(self._account.seconds, self._transport.write, answer)
        else:
            self._transport.write(answer)


class Account:
    """What was answered, and what it costs, in millionths of a dollar."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.calls = self.micros = 0
        self._made: dict[int, list[tuple[bytes, int]]] = {}

    def answer(self, body: bytes) -> bytes:
        """Make the answer to a body."""
        read = len(body) // 4
        if read not in self._made:
            self._made[read] = _answers(read)
        answer, cost = self._made[read][crc32(body) % _KINDS]
        self.calls += 1
        self.micros += cost
        return answer


class Meter:
    """
    The process, for a `with` block.

    Attributes:
        url: The base URL for clients of OpenAI's dialect.
    """

    url: str

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.soaks.meter", str(self._seconds)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._told()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def account(self) -> tuple[int, float]:
        """How many calls came, and US dollars that they cost."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        calls, micros = self._told()
        return calls, micros / 1e6

    def _told(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


async def serve(seconds: float) -> None:
    """Serve until standard input is closed."""
    account, loop = Account(seconds), asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Line(account), "127.0.0.1", 0, backlog=1024)
    print(json.dumps(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"), flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps([account.calls, account.micros]), flush=True)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
