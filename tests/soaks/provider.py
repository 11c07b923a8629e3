"""
The provider of the soaks: the test server, in a process of its own, so that its sockets and its memory are not ours.

What it does is said by the first word of the question: the name of a fault, or `once:` and a name for a fault that the
second request of the same call does not meet, or `first:` and a name for one that no second request of the same
question meets, whoever asks it, or any other word for the right answer.  Its clock is ours: on one machine
`time.monotonic` is the same in all processes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Any, NamedTuple, Self

from dragoman.testing import Server
from dragoman.testing.connection import Received, Reply
from dragoman.testing.faults import FAULTS, fault
from dragoman.testing.faults.fault import FaultStep
from tests.soaks.figures import Pulse

WHOLE = "one_packet"  # the fault that is none


class Seen(NamedTuple):
    """
    A request, as the provider saw it.

    Attributes:
        question: The user's text.
        key: Idempotency key.
        received: When it was there, in seconds.
        closed: When the client was seen to leave, or None.
        finished: When the answer was written, or None.
    """

    question: str
    key: str
    received: float
    closed: float | None
    finished: float | None


class Asked:
    """The step that does what the question says."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    async def play(self, reply: Reply) -> None:
        question = _question(reply.request)
        once, _, name = question.partition(" ")[0].rpartition(":")
        key = question if once == "first" else reply.request.headers.get("idempotency-key", "")
        if once and key in self._met:
            name = WHOLE
        self._met.add(key)
        step = fault(name if name in FAULTS else WHOLE)
        assert isinstance(step, FaultStep)
        await step.play(reply)


def _question(request: Received) -> str:
    return request.chat.messages[-1].text if request.chat is not None else ""


def _seen(request: Received) -> Seen:
    key = request.headers.get("idempotency-key", "")
    return Seen(_question(request), key, request.received_at, request.closed_at, request.finished_at)


class Provider:
    """
    The process, for a `with` block.

    Attributes:
        url: The base URL for clients of OpenAI's dialect.
    """

    url: str

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.soaks.provider"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._told()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def calls(self) -> int:
        """How many requests came."""
        return int(self._ask("calls"))

    def connections(self) -> int:
        """How many connections are open."""
        return int(self._ask("connections"))

    def requests(self) -> list[Seen]:
        """Every request."""
        return [Seen(*row) for row in self._ask("requests")]

    def stalls(self) -> list[tuple[float, float]]:
        """When the machine did not let it run; see `Pulse`."""
        return [(start, end) for start, end in self._ask("stalls")]

    def _ask(self, what: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(what + "\n")
        self._process.stdin.flush()
        return self._told()

    def _told(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def main() -> None:
    """Serve until the input ends."""
    with Pulse() as pulse, Server(default=Asked()) as server:
        answers = {
            "calls": lambda: server.calls,
            "connections": lambda: server.connections,
            "stalls": lambda: pulse.stalls,
            "requests": lambda: [_seen(request) for request in server.requests],
        }
        print(json.dumps(server.base_url("openai-chat")), flush=True)
        for line in sys.stdin:
            print(json.dumps(answers[line.strip()]()), flush=True)


if __name__ == "__main__":
    main()
