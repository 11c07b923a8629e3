"""
From messages to `system` and turns, for requests.

Rules of the dialect that shape this file: instructions at the head stand apart; the user speaks first; the results of a
turn's calls stand together at the start of one turn; only the user shows pictures and documents, so that those of
answers, of instructions and of tools that failed go into a turn of the user after the results; no turn and no text is
blank, and the last answer does not end in white space.

Sources: the vendor's pages on the Messages API and tool use, and error texts of the API: "first message must use the
"user" role", "text content blocks must contain non-whitespace text", "final assistant content cannot end with trailing
whitespace".
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.types.messages import Message
from dragoman.wire.anthropic_messages.binding import BOUND, Prefix, binds
from dragoman.wire.anthropic_messages.content import ContentWriter, is_plain
from dragoman.wire.anthropic_messages.dialect import Block, is_ours, native_of
from dragoman.wire.lenient import list_of
from dragoman.wire.request_body import overlay
from dragoman.wire.turns import BEGUN, has_results

Json = dict[str, Any]

_INSTRUCTIONS: Final = ("system", "developer")
_ROLES: Final = {"tool": "user", "developer": "system"}


def encode_conversation(messages: tuple[Message, ...], writer: ContentWriter, tools: Any, *, checked: bool) -> Json:
    """
    Write `system` of the instructions at the head, `messages` of the rest.

    Args:
        messages: The conversation.
        writer: Writes their content.
        tools: The body's `tools`, to which thinking is bound.
        checked: Leave out thinking that is bound to another conversation; else the provider judges.

    Raises:
        ConfigError: There is no message to answer.
    """
    head = next((i for i, message in enumerate(messages) if not _is_head(message)), len(messages))
    system = _system(messages[:head], writer)
    prefix = Prefix(system, tools) if checked and binds(writer.model) else None
    turns = _Turns(writer, prefix)
    for i, message in enumerate(messages[head:], head):
        turns.add(message, f"messages[{i}]")
    written = turns.all()
    if not written:
        raise ConfigError("messages holds nothing to answer: add a message of the user", field="messages")
    return ({"system": system} if system else {}) | {"messages": written}


def _is_head(message: Message) -> bool:
    """Whether instructions may be hoisted; those that came as a turn of this dialect stay where they were."""
    return message.role in _INSTRUCTIONS and not is_ours(message.native)


def _system(messages: tuple[Message, ...], writer: ContentWriter) -> str | list[Block]:
    if len(messages) == 1 and is_plain(messages[0].parts):
        return messages[0].text if messages[0].text.strip() else ""
    return [block for i, message in enumerate(messages) for block in writer.message(message, f"messages[{i}]")]


class _Turns:
    """The turns in the making."""

    def __init__(self, writer: ContentWriter, prefix: Prefix | None) -> None:
        self._writer = writer
        self._prefix = prefix
        self._turns: list[Json] = []
        self._results: list[Block] | None = None  # of the turn to which further results belong

    def add(self, message: Message, field: str) -> None:
        if not has_results(message):
            self._show()
        if message.role == "assistant":
            self._begin()
            self._check(message, field)
        turn = self._turn(message, field)
        if turn is None:
            return
        if message.role == "tool" and self._results is not None:
            self._results += turn["content"]
            return
        self._results = turn["content"] if message.role == "tool" else None
        self._turns.append(turn)

    def all(self) -> list[Json]:
        """The turns that were written."""
        self._show()
        if self._turns and self._turns[-1]["role"] == "assistant":
            self._turns[-1] = self._trimmed(self._turns[-1])
        return self._turns

    def _show(self) -> None:
        """Have the user show what stood where nothing may be shown."""
        if self._writer.moved:
            self._turns.append({"role": "user", "content": self._writer.moved})
            self._writer.moved = []
            self._results = None

    def _begin(self) -> None:
        if not self._turns:
            self._writer.notice("messages", "this dialect wants the user to begin: a turn that says so was put before")
            self._turns.append({"role": "user", "content": BEGUN})

    def _check(self, message: Message, field: str) -> None:
        """Find out whether thinking may go back: what it is bound to must stand before it."""
        bound = native_of(message.native).get(BOUND)
        whole = self._prefix is None or bound is None or self._prefix.digest(self._turns) == bound
        self._writer.whole = whole

    def _turn(self, message: Message, field: str) -> Json | None:
        writer, role = self._writer, _ROLES.get(message.role, message.role)
        content: str | list[Block] = writer.message(message, field)
        if message.parts and is_plain(message.parts) and message.role != "tool":
            content = message.text if message.text.strip() else ""
        if message.parts and not content:
            if not writer.moved:
                writer.notice(field, "nothing in this message can be sent to this provider; left out")
            return None
        return overlay(writer.fields(message), {"role": role, "content": content})

    def _trimmed(self, turn: Json) -> Json:
        """The last answer, which is gone on with, without white space at its end."""
        content = turn["content"]
        blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else list_of(content)
        text = blocks[-1].get("text") if blocks and blocks[-1].get("type") == "text" else None
        if not isinstance(text, str) or text == text.rstrip():
            return turn
        self._writer.notice("messages", "an answer that is gone on with may not end in white space; it was taken away")
        if isinstance(content, str):
            return {**turn, "content": text.rstrip()}
        return {**turn, "content": [*blocks[:-1], {**blocks[-1], "text": text.rstrip()}]}
