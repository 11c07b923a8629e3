"""
Conversations as they come about: on several providers, with tools that hang, windows that cut, people who tinker.

`history` draws one from a `Chooser`, so that a property test can shrink it and a long run can draw a million from a
seed.  Every word that must not get lost is a token of its own, and so is every secret that must not travel: a signature
or an encrypted block belongs to who wrote it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from hypothesis import strategies as st

from dragoman.types.messages import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Native,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from tests.strategies import PNG

T = TypeVar("T")


class Chooser(Protocol):
    """Where decisions come from."""

    def below(self, limit: int) -> int:
        """A number from 0 to below `limit`; 0 is the plainest."""
        ...


class Seeded:
    """Decisions of a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, limit: int) -> int:
        return self._random.randrange(limit)


class Drawn:
    """Decisions of a property test, which shrinks them."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def below(self, limit: int) -> int:
        return self._draw(_BELOW[limit]) if limit > 1 else 0


_BELOW = {limit: st.integers(0, limit - 1) for limit in range(2, 65)}


class Author(NamedTuple):
    """Who wrote an answer, and in which dialect it came."""

    origin: str | None
    wire: str


AUTHORS = (
    Author(None, ""),
    Author("openai/gpt-5.6-luna", "openai-responses"),
    Author("openai/gpt-4o", "openai-chat"),
    Author("groq/gpt-oss-120b", "openai-chat"),
    Author("deepseek/deepseek-v4-flash", "openai-chat"),
    Author("mistral/mistral-small-2603", "openai-chat"),
    Author("anthropic/claude-sonnet-5-5", "anthropic-messages"),
    Author("anthropic/claude-haiku-4-5", "anthropic-messages"),
    Author("minimax/claude-like", "anthropic-messages"),
    Author("gemini/gemini-3.8-flash", "gemini-generate"),
    Author("gemini/gemini-2.5-flash", "gemini-generate"),
    Author("vertex/gemini-3.8-flash", "gemini-generate"),
    Author("gemini/gemini-3.8-flash", "gemini-interactions"),
    Author("bedrock/us.anthropic.claude-sonnet-4-6", "bedrock-converse"),
    Author("cohere/command-a-plus-05-2026", "cohere-chat"),
    Author("ollama/qwen3:8b", "ollama-chat"),
)


class Drawing:
    """
    A history in the making.

    Attributes:
        words: Texts that must be carried, or named in a notice.
        secrets: Who made each piece of state that only they may see again: (token, author).
    """

    def __init__(self, chooser: Chooser) -> None:
        self.words: list[str] = []
        self.secrets: list[tuple[str, Author]] = []
        self._choose = chooser
        self._count = 0
        self._called: list[str] = []

    # --- pieces -------------------------------------------------------------------------------------------------------

    def pick(self, options: Sequence[T]) -> T:
        """One of these."""
        return options[self._choose.below(len(options))]

    def rarely(self, one_in: int = 4) -> bool:
        """Yes once in so many times."""
        return self._choose.below(one_in) == one_in - 1

    def several(self, make: Callable[[], T], most: int, least: int = 0) -> list[T]:
        """A few of them."""
        return [make() for _ in range(least + self._choose.below(most - least + 1))]

    def word(self) -> str:
        """A text with a token in it, or one that says nothing."""
        if self.rarely(8):
            return self.pick(("", " ", "\n\t"))
        token = self._token("word")
        self.words.append(token)
        return self.pick(("{}", "{} ", "\n{}", "a {} b\u2028 \u00e9")).format(token)

    def secret(self, author: Author) -> str:
        """State of an author's."""
        token = self._token("secret")
        self.secrets.append((token, author))
        return token

    def _token(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count:04d}x"

    def cache(self) -> CacheMark | None:
        return CacheMark(self.pick((None, "5m", "1h"))) if self.rarely(8) else None

    def name(self) -> str | None:
        return self.pick(("ada", "Ada Lovelace", "x" * 70, "a<b>\\c")) if self.rarely(10) else None

    # --- parts --------------------------------------------------------------------------------------------------------

    def text(self) -> Text:
        return Text(self.word(), cache=self.cache())

    def image(self) -> Image:
        kinds: tuple[Callable[[str], Image], ...] = (
            lambda token: Image(data=PNG + token.encode(), cache=self.cache()),
            lambda token: Image(url=f"https://example.org/{token}.png", detail="high"),
            lambda token: Image(file_id=token),
            lambda token: Image(data=b"II*\0" + token.encode(), media_type="image/tiff"),
        )
        return self.pick(kinds)(self.shown())

    def audio(self) -> Audio:
        kinds: tuple[Callable[[str], Audio], ...] = (
            lambda token: Audio(data=b"RIFF0000WAVE" + token.encode(), media_type="audio/wav"),
            lambda token: Audio(url=f"https://example.org/{token}.mp3"),
            lambda token: Audio(file_id="audio_1", transcript=token),
        )
        return self.pick(kinds)(self.shown())

    def file(self) -> File:
        kinds: tuple[Callable[[str], File], ...] = (
            lambda token: File(data=b"%PDF-1.7" + token.encode(), name="a_b.pdf", cache=self.cache()),
            lambda token: File(data=token.encode(), media_type="text/plain", name="notes.txt"),
            lambda token: File(url=f"https://example.org/{token}.pdf"),
            lambda token: File(file_id=token),
            lambda token: File(data=b"PK\3\4" + token.encode(), media_type="application/zip", name="a.zip"),
            lambda token: File(data=f'["{token}"]'.encode(), media_type="application/json"),
        )
        return self.pick(kinds)(self.shown())

    def shown(self) -> str:
        """A token for something that is shown."""
        token = self._token("shown")
        self.words.append(token)
        return token

    def given(self) -> Part:
        """What people and tools give."""
        return self.pick((self.text, self.text, self.text, self.image, self.file, self.audio))()

    def call(self, author: Author) -> ToolCall:
        call_id = self.pick(_IDS).format(self._choose.below(4))
        self._called.append(call_id)
        arguments = self.pick(('{{"city": "{}"}}', "{{}}", "", '["{}"]', '{{"city": "{}', "null", "free {}"))
        token = self._token("word")
        if "{}" in arguments:
            self.words.append(token)
        return ToolCall(
            call_id,
            self.pick(("weather", "weather", "look_up", "2fa", "functions.get it", "mcp:a.b", "y" * 70)),
            arguments.format(token),
            "custom" if self.rarely(12) else "function",
            native=self.state("call", author),
        )

    def result(self) -> ToolResult:
        ids = [*self._called[-3:], self.pick(_IDS).format(self._choose.below(4))]
        parts = self.several(self.given, 3)
        return ToolResult(
            self.pick(list(reversed(ids))),
            tuple(part for part in parts if isinstance(part, Text | Image | Audio | File)),
            self.pick((None, "weather")),
            self.rarely(4),
            cache=self.cache(),
        )

    def state(self, kind: str, author: Author) -> Native | None:
        """The native state with which a part of an author's came."""
        make = _STATES.get((author.wire, kind)) if author.origin not in _PLAIN else None
        return {author.wire: make(self.secret(author))} if make and not self.rarely(4) else None

    def said(self, author: Author) -> Part:
        """What a model says."""
        kinds: tuple[Callable[[], Part], ...] = (
            lambda: Text(self.word(), self.citations(author), native=self.state("text", author)),
            lambda: self.call(author),
            lambda: self.thought(author),
            lambda: Reasoning("", native=self.state("hidden", author)),
            lambda: Refusal(self.word()),
            lambda: Opaque(author.wire or "acme", _OPAQUES.get(author.wire, _opaque)(self.secret(author))),
            self.image,
        )
        return self.pick((*kinds[:3], *kinds))()

    def thought(self, author: Author) -> Reasoning:
        text, native = self.word(), self.state("thought", author)
        if native and author.wire == "openai-responses":  # the text is a part of what goes back
            native[author.wire]["summary"] = [{"type": "summary_text", "text": text}]
        return Reasoning(text, native=native)

    def citations(self, author: Author) -> tuple[Citation, ...]:
        if not self.rarely(5):
            return ()
        native = {author.wire: {"type": "a_location", "cited_text": self.secret(author)}} if author.wire else None
        return (Citation(url="https://example.org/s", title="S", start=0, end=1, native=native),)

    # --- turns --------------------------------------------------------------------------------------------------------

    def turn(self) -> Message:
        kinds: tuple[Callable[[], Message], ...] = (self.user, self.answer, self.results, self.told, self.nothing)
        return self.pick((self.user, self.answer, self.results, self.answer, *kinds))()

    def user(self) -> Message:
        return Message("user", tuple(self.several(self.given, 3, 1)), self.name())

    def told(self) -> Message:
        parts = self.several(self.text, 2, 1) + (self.several(self.image, 1) if self.rarely(6) else [])
        return Message(self.pick(("system", "developer")), tuple(parts), self.name())

    def answer(self) -> Message:
        author = self.pick(AUTHORS)
        parts = self.several(lambda: self.said(author), 4, 1)
        return Message("assistant", tuple(parts), self.name(), author.origin, self.state("message", author))

    def results(self) -> Message:
        beside = [self.text()] if self.rarely(4) else []
        role = "user" if beside or self.rarely(6) else "tool"
        return Message(role, (*self.several(self.result, 3, 1), *beside))  # type: ignore[arg-type]

    def nothing(self) -> Message:
        return Message(self.pick(("user", "assistant")))


_IDS = ("call_{}", "", "toolu_01{}", "a.b/{}", "functions.weather:{}", "x" * 80 + "{}", "A1b2C3d4{}")

# Authors whose answers carry no state.
_PLAIN = ("mistral/mistral-small-2603",)

# Blocks that only one dialect knows.
_OPAQUES: dict[str, Callable[[str], dict[str, Any]]] = {
    "openai-chat": lambda secret: {"type": "reference", "reference_ids": [secret]},
    "openai-responses": lambda secret: {"type": "web_search_call", "id": f"ws_{secret}", "status": "completed"},
    "anthropic-messages": lambda secret: {"type": "server_tool_use", "id": secret, "name": "web_search", "input": {}},
    "gemini-generate": lambda secret: {"executableCode": {"language": "PYTHON", "code": secret}},
    "gemini-interactions": lambda secret: {"type": "google_search_call", "id": secret, "arguments": {}},
    "bedrock-converse": lambda secret: {"guardContent": {"text": {"text": secret}}},
    "cohere-chat": lambda secret: {"type": "thinking", "thinking": secret},
}


def _opaque(secret: str) -> dict[str, Any]:
    return {"type": "server_thing", "data": secret}


# What decoding leaves in `native` of a part, by dialect and kind of part.
_STATES: dict[tuple[str, str], Callable[[str], dict[str, Any]]] = {
    ("anthropic-messages", "thought"): lambda secret: {"signature": secret},
    ("anthropic-messages", "hidden"): lambda secret: {"type": "redacted_thinking", "data": secret},
    ("anthropic-messages", "call"): lambda secret: {"caller": {"type": "direct", "id": secret}},
    ("openai-responses", "thought"): lambda secret: _item("rs", secret),
    ("openai-responses", "hidden"): lambda secret: _item("rs", secret),
    ("openai-responses", "call"): lambda secret: {"id": f"fc_{secret}", "status": "completed"},
    ("openai-responses", "text"): lambda secret: {"block": {}, "item": {"id": f"msg_{secret}", "status": "completed"}},
    ("openai-chat", "thought"): lambda secret: {"field": "reasoning_content"},
    ("openai-chat", "call"): lambda secret: {"extra_content": {"google": {"thought_signature": secret}}},
    ("openai-chat", "message"): lambda secret: {"reasoning_details": [{"type": "reasoning.encrypted", "data": secret}]},
    ("gemini-generate", "thought"): lambda secret: {"thoughtSignature": secret},
    ("gemini-generate", "text"): lambda secret: {"thoughtSignature": secret},
    ("gemini-generate", "call"): lambda secret: {"thoughtSignature": secret},
    ("gemini-generate", "message"): lambda secret: {"future": secret},
    ("gemini-interactions", "thought"): lambda secret: {"signature": secret},
    ("gemini-interactions", "hidden"): lambda secret: {"signature": secret},
    ("gemini-interactions", "call"): lambda secret: {"signature": secret},
    ("bedrock-converse", "thought"): lambda secret: {"reasoningContent": {"reasoningText": {"signature": secret}}},
    ("bedrock-converse", "hidden"): lambda secret: {
        "reasoningContent": {"redactedContent": secret, "reasoningText": None}
    },
    ("cohere-chat", "thought"): lambda secret: {"block": {"key": secret}},
    ("cohere-chat", "message"): lambda secret: {"tool_plan": secret},
    ("ollama-chat", "call"): lambda secret: {"function": {"index": secret}},
}


def _item(prefix: str, secret: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": f"{prefix}_{secret}", "summary": [], "encrypted_content": secret}


class History(NamedTuple):
    """A conversation, what of it must not get lost, and what must not travel."""

    messages: tuple[Message, ...]
    words: tuple[str, ...]
    secrets: tuple[tuple[str, Author], ...]


def history(chooser: Chooser) -> History:
    """Draw a conversation of one to seven turns; at least one of them says something."""
    drawing = Drawing(chooser)
    messages = (*drawing.several(drawing.turn, 6), Message("user", (Text(drawing.word() + "?"),)))
    if drawing.rarely(3):
        messages = (messages[-1], *messages[:-1])
    return History(messages, tuple(drawing.words), tuple(drawing.secrets))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Conversations, for property tests."""
    return history(Drawn(draw))
