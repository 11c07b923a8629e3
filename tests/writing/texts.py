"""Known texts, their tokens, and a model that writes them a few tokens at a time."""

from __future__ import annotations

import re
from collections.abc import Callable

from dragoman import ChatRequest, ChatResponse, Message, Usage
from dragoman.testing import Step, calls, response, says
from dragoman.writing.repeats import weight

MARKDOWN = '''# Guide

The quick brown fox jumps over the lazy dog, and nobody minds. It had been a long day.

## Install

Run this first:

```python
def add(a: int, b: int) -> int:
    """Add."""
    if a == 0:
        return b
    return a + b


def sub(a, b):
    return a - b
```

- one item
- another item, **bold**

| name | value |
| --- | --- |
| first | 1 |
| second | 2 |

## Usage

It is over. “Quotes” and – dashes – are there, too. 今天天气很好，我们去公园吧。

```json
{"a": [1, 2, 3]}
```

The end of it all.
'''

CODE = '''import os


class Shape:
    def __init__(self, sides):
        self.sides = sides
        self.name = None

    def area(self):
        raise NotImplementedError


class Square(Shape):
    def __init__(self, side):
        super().__init__(4)
        self.side = side

    def area(self):
        return self.side ** 2


class Cube(Square):
    """One of six sides."""

    def volume(self):
        first, second = self.area(), self.side
        return first * second


if __name__ == "__main__":
    print(Square(3).area())
    print(Square(3).area())
    print(Cube(2).volume(), os.name)
'''

JSON = """{
  "title": "A list of things",
  "items": [
    {"id": 1, "name": "first thing", "tags": ["a", "b"], "price": 1.50, "ok": true},
    {"id": 2, "name": "second \\"quoted\\" thing", "tags": [], "price": -2e3, "ok": null},
    {"id": 3, "name": "third thing, and the third again", "tags": ["a", "a", "a"], "price": 0, "ok": false}
  ],
  "nested": {"deep": {"deeper": [[1, 2], [1, 2], []]}},
  "text": "The quick brown fox jumps over the lazy dog. The end."
}"""

TEXTS = {"markdown": MARKDOWN, "code": CODE, "json": JSON}

# What can be told from an accident; docs/long-output.md says so to users.
TOLD = 20


def tokens(text: str) -> list[str]:
    """A text in pieces as models write it."""
    return re.findall(r"\s?\w{1,6}|\s+|[^\w\s]", text)


def repeated(pieces: list[str], cut: int, least: int) -> int:
    """How many pieces before a cut are to be repeated, so that the repetition can be told from an accident."""
    size = least
    while size < cut and weight("".join(pieces[cut - size : cut])) < TOLD:
        size += 1
    enough = 0 < size <= cut and weight("".join(pieces[cut - size : cut])) >= TOLD
    return size if enough else 0


class Author:
    """
    A model that writes one text, so many tokens in an answer.

    Args:
        text: What it writes.
        per: Tokens in an answer.
        overlap: Tokens that it repeats when it is asked to go on; 0 for none.
        pace: Seconds between two events.
        wrap: What it does to its words before it says them.

    It knows where it is by what it is shown: the words of its own turns.
    """

    def __init__(
        self,
        text: str,
        per: int = 40,
        overlap: int = 0,
        pace: float = 0.0,
        wrap: Callable[[str], str] | None = None,
    ) -> None:
        self.pieces = tokens(text)
        self.text = text
        self.per = per
        self.overlap = overlap
        self.pace = pace
        self.wrap = wrap

    @property
    def step(self) -> Step:
        return calls(self.answer)

    def answer(self, chat: ChatRequest) -> Step:
        said = "".join(message.text for message in chat.messages if message.role == "assistant")
        begun = chat.messages[-1].role == "assistant"
        return self.piece(said, begun=begun)

    def piece(self, said: str, *, begun: bool = False) -> Step:
        """What it says after what it has said."""
        assert self.text.startswith(said), f"it was shown other words than it wrote: {said[-80:]!r}"
        at, length = 0, 0
        while length < len(said):
            length += len(self.pieces[at])
            at += 1
        rest = self.text[len(said) : length]  # a token that was cut, or white space that was taken away
        back = repeated(self.pieces, at, self.overlap) if self.overlap and at and not begun and not rest else 0
        words = rest + "".join(self.pieces[at - back : at + self.per])
        if self.wrap is not None and said:
            words = self.wrap(words)
        last = at + self.per >= len(self.pieces)
        used = Usage(input_tokens=10, output_tokens=min(self.per, len(self.pieces) - at))
        return says(words, finish="stop" if last else "length", usage=used, chunk=7, pace=self.pace)


class TokenAuthor(Author):
    """One that pauses and goes on by a token, as Gemini does: it is asked the same question again."""

    def answer(self, chat: ChatRequest) -> Step:
        assert all(message.role != "assistant" for message in chat.messages)
        config = (chat.native or {}).get("gemini-generate", {}).get("generationConfig", {})
        at = int(config.get("continuationToken", 0))
        words = "".join(self.pieces[at : at + self.per])
        last = at + self.per >= len(self.pieces)
        details = None if last else {"continuationToken": str(at + self.per)}
        made = ChatResponse(
            message=Message.assistant(words),
            finish_reason="stop" if last else "pause",
            finish_details=details,
            usage=Usage(input_tokens=10, output_tokens=self.per),
        )
        return response(made, chunk=7)
