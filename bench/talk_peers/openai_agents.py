"""The SQLite session of openai-agents."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import SQLiteSession
from talk_model import Model

LABEL = "openai-agents SQLiteSession"
ENVIRONMENT = "openai-agents"


class Talk:
    """One session; `place` is the path of a file."""

    def __init__(self, place: str, model_url: str) -> None:
        self._model = Model(model_url) if model_url else None
        self._runner = asyncio.Runner()
        self._session = SQLiteSession("bench", place)

    def turn(self, text: str) -> None:
        """Ask the model, and keep both."""
        assert self._model is not None
        self.append(text, self._model.ask([*self.texts(), text]))

    def append(self, asked: str, answer: str) -> None:
        """Keep a turn whose answer is there."""
        items: list[Any] = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        self._runner.run(self._session.add_items(items))

    def texts(self) -> list[str]:
        """All texts, read from the store."""
        items: list[Any] = self._runner.run(self._session.get_items())
        return [item["content"] for item in items]

    def close(self) -> None:
        """Give back what it has."""
        self._session.close()
        self._runner.close()
