"""
Question `windows`: how much of what is sent comes from the provider's prompt cache, and what does the prompt cost?

    python bench/windows.py                # all windows; keeps the result
    python bench/windows.py tokens naive   # some; keeps nothing

One conversation of 200 turns, said by the public verbs to a local server; every fourth turn calls a tool that gives
back some 600 tokens, the others are a question of about 60 tokens and an answer of about 200.  Instructions are 1,500
tokens.  The limit is 16,000 tokens, and a cut keeps 8,000.

The server plays the cache: `automatic` reads the longest beginning that any request before had (1,024 tokens or more,
as OpenAI); `marked` reads the longest that ended at a mark, if it ends at most twenty parts before a mark (as
Anthropic), and is asked in that vendor's dialect.  Prices are those of both vendors relative to fresh input: 0.1 for
what is read, 1.25 for what is written at a mark.

`naive` is what everybody writes: the oldest message goes while there are too many tokens (the instructions are kept,
which many forget).  Does not show: that a cache runs out after minutes; what a model makes of less history.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from dragoman import (  # noqa: E402 - the path comes first
    CacheMark,
    ChatRequest,
    Client,
    DropOldToolResults,
    LastTurns,
    Message,
    Pin,
    Summarise,
    TokenBudget,
)
from dragoman.testing import Server, Step, calls, says  # noqa: E402
from dragoman.tokens import count_prompt  # noqa: E402
from dragoman.types.messages import Text, ToolCall, ToolResult  # noqa: E402

QUESTION = "Over 200 turns, which share of the input comes from the prompt cache, and what does the prompt cost?"
TURNS, HIGH, LEAST, LOOKBACK = 200, 16_000, 1024, 20
READ, WRITE = 0.1, 1.25
SYSTEM = " ".join(f"Rule {number} of this desk is to answer kindly, briefly and truly." for number in range(105))

_MARK = CacheMark()

WINDOWS: dict[str, Any] = {
    "tokens": TokenBudget(HIGH),
    "turns": LastTurns(50),
    "pinned, results, tokens": [Pin(first=1), DropOldToolResults(keep=3, at_least=3000), TokenBudget(HIGH)],
    "summary": Summarise(high=HIGH, ceiling=HIGH * 2),
    "turns, sliding": LastTurns(50, low=1),
    "tokens, sliding": TokenBudget(HIGH, low=1),
    "everything": None,
}


def size(message: Message) -> int:
    """Tokens of a message."""
    return count_prompt(ChatRequest("m", (message,)), "", "").tokens


class Cache:
    """
    What the provider reads from its cache.

    Attributes:
        total: Tokens of all requests.
        read: Of those, from the cache.
        written: Written at marks.
    """

    def __init__(self, marked: bool) -> None:
        self.total = self.read = self.written = 0
        self._marked = marked
        self._known: set[int] = set()  # hashes of the beginnings that are cached

    def asked(self, messages: Sequence[Message]) -> None:
        """A request has come."""
        ends, tokens, parts, state = list[tuple[int, int, int]](), 0, 0, 0
        marks: list[int] = []
        for message in messages:
            tokens += size(message)
            parts += len(message.parts)
            state = hash((state, message.role, tuple(map(_said, message.parts))))
            ends.append((state, tokens, parts))
            if any(part.cache is not None for part in message.parts):
                marks.append(len(ends) - 1)
        if not self._marked:
            marks = list(range(len(ends)))
        cached = max((end for at in marks for end in self._found(ends, at)), default=0)
        self.total += tokens
        self.read += cached
        kept = [ends[at] for at in marks if ends[at][1] >= LEAST]
        if self._marked and kept:
            self.written += max(0, kept[-1][1] - cached)
        self._known |= {state for state, _, _ in kept}

    def _found(self, ends: Sequence[tuple[int, int, int]], at: int) -> list[int]:
        back = LOOKBACK if self._marked else 10**9
        return [
            tokens for state, tokens, parts in ends[: at + 1] if ends[at][2] - parts <= back and state in self._known
        ]

    @property
    def price(self) -> float:
        """Of all input, in tokens of fresh input."""
        return self.total - self.read - self.written + READ * self.read + WRITE * self.written


def _said(part: Any) -> Any:
    """A part without its mark."""
    if isinstance(part, Text):
        return part.text
    if isinstance(part, ToolCall):
        return (part.id, part.arguments_json)
    return (part.call_id, part.text) if isinstance(part, ToolResult) else repr(part)


def question(number: int) -> str:
    """About 60 tokens, or a word that has a tool called."""
    if number % 4 == 3:
        return f"Look up order {number}."
    return f"Question {number}: " + " ".join(f"what about point {number}-{i}" for i in range(8))


def answer(chat: ChatRequest) -> Step:
    """About 200 tokens; a call where one is wanted."""
    last = chat.messages[-1]
    if last.text.startswith("Memory") or last.text.startswith("The conversation:"):
        return says(" ".join(f"It was said that {i} holds." for i in range(60)))
    if last.text.startswith("Look up"):
        return says(tools=[ToolCall(f"call_{last.text.split()[-1]}x", "look_up", '{"order": "1"}')])
    return says(" ".join(f"Answer {i} to this is short." for i in range(30)))


def look_up(order: str) -> str:
    """Look an order up."""
    return " ".join(f"Item {number} of order {order} was shipped." for number in range(70))


def talked(window: Any, provider: str) -> Cache:
    """A whole conversation by our verbs."""
    cache = Cache(marked=provider == "anthropic")

    def step(chat: ChatRequest) -> Step:
        if not chat.messages[-1].text.startswith(("Memory", "The conversation:")):  # who sums up has a cache of its own
            cache.asked(chat.messages)
        return answer(chat)

    with Server(default=calls(step)) as server:
        wire = {"anthropic": "anthropic-messages", "openai": "openai-chat"}[provider]
        rows = {provider: {"base_url": server.base_url(wire), "api_key": "bench-key"}}
        model = {"anthropic": "anthropic/claude-sonnet-5-5", "openai": "openai/gpt-4.1"}[provider]
        with Client(providers=rows) as client:
            talk = client.conversation("bench", model=model, system=SYSTEM, window=window)
            for number in range(TURNS):
                if number % 4 == 3:
                    talk.run(question(number), tools=[look_up])
                else:
                    talk.say(question(number))
                talk.settle()
    return cache


def naive(window: Any, provider: str) -> Cache:
    """A list of messages of which the oldest goes while there are too many tokens, at the same provider."""
    cache = Cache(marked=provider == "anthropic")
    system = Message.system(Text(SYSTEM, cache=_MARK)) if provider == "anthropic" else Message.system(SYSTEM)
    history: list[Message] = []
    for number in range(TURNS):
        history.append(Message.user(question(number)))
        if number % 4 == 3:
            call = ToolCall(f"call_{number}", "look_up", '{"order": "1"}')
            _naive_request(cache, system, history, provider)
            history += [Message.assistant(call), Message.tool(call, look_up("1"))]
        _naive_request(cache, system, history, provider)
        history.append(Message.assistant(" ".join(f"Answer {i} to this is short." for i in range(30))))
    return cache


def _naive_request(cache: Cache, system: Message, history: list[Message], provider: str) -> None:
    while size(system) + sum(map(size, history)) > HIGH:
        history.pop(0)
    last = history[-1]
    if provider == "anthropic" and isinstance(last.parts[0], Text):
        last = Message(last.role, (Text(last.parts[0].text, cache=_MARK),))
    cache.asked([system, *history[:-1], last])


def measured(name: str) -> dict[str, dict[str, float]]:
    """Both caches for one window."""
    found: dict[str, dict[str, float]] = {}
    for kind, provider in (("automatic", "openai"), ("marked", "anthropic")):
        cache = naive(None, provider) if name == "naive" else talked(WINDOWS[name], provider)
        share = cache.read / cache.total
        found[kind] = {
            "share": round(share, 4),
            "tokens": cache.total,
            "read": cache.read,
            "price_in_fresh_tokens": round(cache.price),
        }
        print(f"{name:<24} {kind:<10} {share:7.1%} cached  {cache.total:>10,} tokens  price {cache.price:>10,.0f}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=QUESTION)
    parser.add_argument("windows", nargs="*", choices=[*WINDOWS, "naive", []])
    asked = parser.parse_args().windows
    found = {name: measured(name) for name in asked or [*WINDOWS, "naive"]}
    if not asked:
        report = {
            "question": QUESTION,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "turns": TURNS,
            "limit": HIGH,
            "windows": found,
        }
        (HERE / "results" / "windows.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
