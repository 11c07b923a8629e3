"""LangChain's chat message history in SQL."""

from __future__ import annotations

import warnings

from langchain_core.messages import AIMessage, HumanMessage
from talk_model import Model

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from langchain_community.chat_message_histories import SQLChatMessageHistory

LABEL = "LangChain SQLChatMessageHistory"
ENVIRONMENT = "langchain-community"


class Talk:
    """One session; `place` is the path of a file."""

    def __init__(self, place: str, model_url: str) -> None:
        self._model = Model(model_url) if model_url else None
        self._history = SQLChatMessageHistory("bench", connection=f"sqlite:///{place}")

    def turn(self, text: str) -> None:
        """Ask the model, and keep both."""
        assert self._model is not None
        self.append(text, self._model.ask([*self.texts(), text]))

    def append(self, asked: str, answer: str) -> None:
        """Keep a turn whose answer is there."""
        self._history.add_messages([HumanMessage(asked), AIMessage(answer)])

    def texts(self) -> list[str]:
        """All texts, read from the store."""
        return [str(message.content) for message in self._history.messages]

    def close(self) -> None:
        """Give back what it has."""
