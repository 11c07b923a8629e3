"""
From messages to `system` and turns, for requests.

Rules of the dialect that shape this file: instructions stand apart and are texts; turns of the user and of the model
alternate, the user's first; only the user shows pictures and documents, so that those of answers go into a turn of the
user after the results; a document goes with a text; no turn is blank.

Sources: API reference of Converse (`Message.content`: "You can only include images and documents if the role is user",
"you must also include a ContentBlock with a text field"), and error texts of the API: "A conversation must start with a
user message", "The text field in the ContentBlock object at messages.0.content.0 is blank".
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.messages import Message
from dragoman.wire.bedrock_converse.content import ContentWriter
from dragoman.wire.bedrock_converse.dialect import NAME, Block
from dragoman.wire.lenient import known
from dragoman.wire.native import is_ours
from dragoman.wire.turns import BEGUN, has_results

Json = dict[str, Any]

_INSTRUCTIONS: Final = ("system", "developer")
_ROLES: Final = {"tool": "user", "developer": "system"}
_IN_SYSTEM: Final = frozenset({"text", "guardContent", "cachePoint"})
_SHOWN: Final = frozenset({"image", "document", "video"})
_SEE: Final = "See the document."


def encode_conversation(messages: tuple[Message, ...], writer: ContentWriter) -> Json:
    """
    Write `system` of the instructions at the head, `messages` of the rest.

    Raises:
        ConfigError: There is no message to answer.
    """
    head = next((i for i, message in enumerate(messages) if not _is_head(message)), len(messages))
    turns = _Turns(writer)
    for i, message in enumerate(messages):
        write = turns.instruct if i < head else turns.add
        write(message, f"messages[{i}]")
    written = turns.all()
    if not written:
        raise ConfigError("messages holds nothing to answer: add a message of the user", field="messages")
    return known({"system": turns.system or None, "messages": written})


def _is_head(message: Message) -> bool:
    """Whether instructions may be hoisted; those that came as a turn of this dialect stay where they were."""
    return message.role in _INSTRUCTIONS and not is_ours(message.native, NAME)


def _is_blank(block: Block) -> bool:
    """Whether a block is a text that says nothing."""
    text = block.get("text")
    return block.keys() == {"text"} and isinstance(text, str) and not text.strip()


class _Turns:
    """Instructions and turns in the making."""

    def __init__(self, writer: ContentWriter) -> None:
        self.system: list[Block] = []
        self._writer = writer
        self._turns: list[Json] = []

    def instruct(self, message: Message, field: str) -> None:
        """Write instructions of the head; what is no text is shown by the user."""
        blocks = self._writer.message(message, field)
        others = [block for block in blocks if not block.keys() <= _IN_SYSTEM]
        if others:
            self._say(field, "instructions are texts only in this dialect; the user shows what else can be shown")
            self._writer.moved += [block for block in others if block.keys() & _SHOWN]
        self.system += [block for block in blocks if block.keys() <= _IN_SYSTEM and not _is_blank(block)]

    def add(self, message: Message, field: str) -> None:
        """Write a turn; those of the same role are put together, as roles must alternate, unless they came apart."""
        if not has_results(message):
            self._show()
        role = _ROLES.get(message.role, message.role)
        if role == "system" and _is_head(message) and not self._turns:
            self.instruct(message, field)  # what stood before it could not be sent
            return
        content = self._writer.message(message, field)
        apart = is_ours(message.native, NAME)
        if role == "assistant":
            content = self._unshown(content, field)
            self._begin(content)
        said = any(is_ours(part.native, NAME) for part in message.parts)
        if not (apart or said) and all(_is_blank(block) for block in content):
            if message.parts and not self._writer.moved:
                self._say(field, "nothing in it can be sent to this provider; left out")
        elif self._turns and self._turns[-1]["role"] == role and not apart:
            self._turns[-1]["content"] += content
        else:
            self._turns.append({"role": role, "content": content})

    def all(self) -> list[Json]:
        """The turns that were written."""
        self._show()
        for turn in self._turns:
            kinds = {kind for block in turn["content"] for kind in block}
            if "document" in kinds and kinds.isdisjoint({"text", "toolResult"}):
                self._say("messages", f"a document goes with a text in this dialect; {_SEE!r} was added")
                turn["content"].append({"text": _SEE})
        return self._turns

    def _unshown(self, content: list[Block], field: str) -> list[Block]:
        moved = [block for block in content if block.keys() & _SHOWN]
        if moved:
            self._say(field, "only the user shows pictures and documents here; moved into a turn of the user")
            self._writer.moved += moved
        return [block for block in content if not block.keys() & _SHOWN]

    def _begin(self, content: list[Block]) -> None:
        if content and not self._turns:
            self._say("messages", "this dialect wants the user to begin: a turn that says so was put before")
            self._turns.append({"role": "user", "content": [{"text": BEGUN}]})

    def _show(self) -> None:
        moved, self._writer.moved = self._writer.moved, []
        if moved and self._turns and self._turns[-1]["role"] == "user":
            self._turns[-1]["content"] += moved
        elif moved:
            self._turns.append({"role": "user", "content": moved})

    def _say(self, field: str, text: str) -> None:
        self._writer.notices.append(Notice(field, text))
