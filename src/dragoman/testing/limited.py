"""
A provider with limits, on a real socket: it counts, refuses and says so as the `Quota` behind it does.

    from dragoman.testing import Server, limited, says

    with Server(default=limited("announced", says("ok"), requests=1200)) as server:
        ...
"""

from __future__ import annotations

import time

from dragoman.errors import ConfigError, RateLimitError
from dragoman.testing.connection import Reply
from dragoman.testing.quota import KINDS, Kind, Quota
from dragoman.testing.steps import JSON, Step
from dragoman.types.requests import ChatRequest


class Limited:
    """
    A step that lets through what its provider would.

    Attributes:
        quota: What counts.
        admitted: Requests that were answered.
        refused: Requests that got a 429.
    """

    def __init__(self, quota: Quota, answer: Step) -> None:
        self.quota = quota
        self.admitted = self.refused = 0
        self._answer = answer
        self._began: float | None = None

    async def play(self, reply: Reply) -> None:
        if self._began is None:
            self._began = time.monotonic()
        cost = _cost(reply.request.chat, len(reply.request.body))
        said = self.quota.admit(cost, time.monotonic() - self._began)
        reply.headers |= said.headers
        if said.status != 200:
            self.refused += 1
            _, headers, body = reply.wire.encode_error(RateLimitError(said.message, status=said.status))
            await reply.send(said.status, JSON | headers, body)
            return
        self.admitted += 1
        await self._answer.play(reply)
        self.quota.finish(cost, time.monotonic() - self._began)


def limited(kind: Kind, answer: Step, *, requests: float = 3000, tokens: float = 1_500_000, seed: int = 1) -> Limited:
    """
    Answer as long as the limits allow.

    Args:
        kind: How the provider counts and what it tells: one of `dragoman.testing.quota.KINDS`.  `announced` enforces
            its limits over 1 s for requests and 5 s for tokens, and its headers say so.
        answer: What is answered to those who are let through.
        requests: Per minute.
        tokens: Per minute; a request takes its characters / 4 and `max_tokens`.
        seed: Of the neighbour, for the kind that has one.

    Raises:
        ConfigError: There is no such kind, or a limit is not above 0.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind is {kind!r}: give one of {', '.join(KINDS)}", field="kind")
    for name, value in (("requests", requests), ("tokens", tokens)):
        if not value > 0:
            raise ConfigError(f"{name} is {value!r}: give a number above 0", field=name)
    return Limited(Quota(kind, seed, requests=requests, tokens=tokens), answer)


def _cost(chat: ChatRequest | None, size: int) -> dict[str, float]:
    prompt = float(max(1, size // 4))
    output = float((chat.max_tokens if chat else None) or 16)
    return {"requests": 1.0, "tokens": prompt + output, "input": prompt, "output": output}
