"""The conversation store of pydantic-ai's harness: a save that loses the race is done again, with a new answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai_harness.step_persistence.conversations import (
    ConversationConflict,
    ConversationSummary,
    SqliteConversationStore,
)
from talk_model import Model

LABEL = "pydantic-ai-harness store"
ENVIRONMENT = "pydantic-ai-harness"


class Talk:
    """One conversation; `place` is the path of a file."""

    def __init__(self, place: str, model_url: str) -> None:
        self._model = Model(model_url) if model_url else None
        self._runner = asyncio.Runner()
        self._store = SqliteConversationStore(database=Path(place))
        self._held: tuple[Any, list[Any]] | None = None

    def turn(self, text: str) -> None:
        """Ask the model, and keep both."""
        assert self._model is not None
        while True:
            summary, messages = self._load()
            answer = self._model.ask([*_texts(messages), text])
            try:
                self._save(summary, messages, text, answer)
                return
            except ConversationConflict:
                continue

    def append(self, asked: str, answer: str) -> None:
        """Keep a turn whose answer is there."""
        summary, messages = self._held or self._load()
        self._held = self._save(summary, messages, asked, answer)

    def _load(self) -> tuple[Any, list[Any]]:
        try:
            saved = self._runner.run(self._store.get(conversation_id="bench"))
        except LookupError:
            return ConversationSummary(id="bench", workspace="/"), []
        return saved.summary, saved.messages

    def _save(self, summary: Any, messages: list[Any], asked: str, answer: str) -> tuple[Any, list[Any]]:
        new = [ModelRequest(parts=[UserPromptPart(asked)]), ModelResponse(parts=[TextPart(answer)])]
        messages = [*messages, *new]
        return self._runner.run(self._store.save(summary=summary, messages=messages)), messages

    def texts(self) -> list[str]:
        """All texts, read from the store."""
        return _texts(self._load()[1])

    def close(self) -> None:
        """Give back what it has."""
        self._runner.close()


def _texts(messages: list[Any]) -> list[str]:
    return [str(message.parts[0].content) for message in messages]
