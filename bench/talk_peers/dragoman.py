"""A conversation of ours, in any store."""

from __future__ import annotations

import os
from typing import Any

from dragoman import Client

LABEL = "Dragoman"
ENVIRONMENT = "ours-stores"


class Talk:
    """One conversation; `place` is the URL of a store."""

    def __init__(self, place: str, model_url: str) -> None:
        row = {"base_url": model_url or "http://127.0.0.1:9/v1", "api_key": "benchmark"}
        self._client = Client(providers={"openai": row})
        model = "openai/bench" if model_url else "sim/echo"
        self._talk = self._client.conversation(
            "bench", model=model, store=place, window=None if model_url else "default"
        )
        self._store: Any = self._talk._talk._store  # type: ignore[attr-defined]
        self._known: Any = None

    def turn(self, text: str) -> None:
        """Ask the model, and keep both."""
        self._talk.say(text, f"{os.getpid()}-{text}")

    def append(self, asked: str, answer: str) -> None:
        """Keep a turn whose answer is there: what a turn costs the store, begun and committed."""
        from dragoman import ChatResponse, Message
        from dragoman.conversation.model import Ask, Known, Mark, Outcome, Ref
        from dragoman.conversation.nodes import encoded
        from dragoman.conversation.turns import encode_answer
        from dragoman.conversation.view import node_of
        from dragoman.runtime import BlockingRuntime, drive

        runtime, ref, key = BlockingRuntime(), Ref("default", "bench"), os.urandom(8).hex()
        said, told = Message.user(asked), Message.assistant(answer)
        ask = Ask(key=key, input=encoded((said,)), digest=b"d" * 32, ttl=30.0, known=self._known)
        go = drive(self._store.begin(runtime, ref, ask))
        made = encode_answer(ChatResponse(message=told, finish_reason="stop"))
        outcome = Outcome(state="done", nodes=(node_of(said), node_of(told)), answer=made)
        leaf = drive(self._store.commit(runtime, Mark(go.ref, key, go.fence), outcome))
        self._known = Known(go.path.epoch, leaf)

    def texts(self) -> list[str]:
        """All texts, read from the store."""
        return [message.text for message in self._talk.history]

    def close(self) -> None:
        """Give back what it has."""
        self._store.close()
        self._client.close()
