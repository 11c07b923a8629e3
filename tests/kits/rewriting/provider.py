"""A provider that translates by putting an accent on each letter, and does what a test tells it to do wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from dragoman import Client
from dragoman.kits.translation.pseudo import pseudo
from dragoman.testing import Server, calls, says
from dragoman.testing.steps import Answer
from dragoman.types.requests import ChatRequest

MODEL = "openai/m-1"
Change = Callable[[dict[str, Any], str], str | None]
"""Of a segment as it was asked for, and its right translation: what is answered; None for nothing."""


def right(asked: dict[str, Any], text: str) -> str | None:
    """The right translation."""
    return text


class Translator:
    """
    The provider, with what it was asked for.

    Args:
        change: What it does with its translations.
        latency: Seconds for an answer.
    """

    def __init__(self, change: Change = right, latency: float = 0.0) -> None:
        self.change = change
        self.latency = latency
        self.asked: list[list[dict[str, Any]]] = []
        self.questions: list[dict[str, Any]] = []
        self.systems: list[str] = []

    def __call__(self, chat: ChatRequest) -> Answer:
        question = json.loads(chat.messages[-1].text)
        self.systems.append(chat.messages[0].text)
        self.questions.append(question)
        self.asked.append(question["segments"])
        texts = [(one["id"], self.change(one, pseudo(one["text"]))) for one in question["segments"]]
        told = [{"id": number, "text": text} for number, text in texts if text is not None]
        return says(json.dumps({"segments": told}), latency=self.latency)

    @property
    def texts(self) -> list[str]:
        """All texts it was asked for, in order."""
        return [one["text"] for group in self.asked for one in group]


def server_of(translator: Translator) -> Server:
    """A server that answers by it."""
    return Server(default=calls(translator))


def client_of(server: Server, **more: Any) -> Client:
    """A client that asks it."""
    return Client(providers={"openai": {"base_url": server.base_url(), "api_key": "k"}}, **more)
