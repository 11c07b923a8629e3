"""The message store of the llm tool: one thread."""

from __future__ import annotations

import sqlite_utils
from llm.logs import LogStore
from llm.parts import Message, TextPart
from talk_model import Model

LABEL = "llm log store"
ENVIRONMENT = "llm"


class Talk:
    """One thread; `place` is the path of a file."""

    def __init__(self, place: str, model_url: str) -> None:
        self._model = Model(model_url) if model_url else None
        self._db = sqlite_utils.Database(place)
        self._db.conn.execute("PRAGMA busy_timeout = 30000")
        self._store = LogStore(self._db)
        self._store.ensure_thread("bench")

    def turn(self, text: str) -> None:
        """Ask the model, and keep both."""
        assert self._model is not None
        before = self._store.thread_messages("bench")
        answer = self._model.ask([*(_text(message) for message in before), text])
        # As its own `log` does: what was said before, and behind it what is new.
        parent = self._store.ensure_chain([*before, _message("user", text)])
        tip = self._store.ensure_chain([_message("assistant", answer)], parent=parent)
        self._db["threads"].update("bench", {"tip_message_hash": tip})

    def append(self, asked: str, answer: str) -> None:
        """Keep a turn whose answer is there."""
        self._store.append("bench", [_message("user", asked), _message("assistant", answer)])

    def texts(self) -> list[str]:
        """All texts, read from the store."""
        return [_text(message) for message in self._store.thread_messages("bench")]

    def close(self) -> None:
        """Give back what it has."""
        self._db.conn.close()


def _message(role: str, text: str) -> Message:
    return Message(role=role, parts=[TextPart(text)])


def _text(message: Message) -> str:
    return "".join(part.text for part in message.parts)
