"""
Messages of a request: values to JSON.

Rules of the dialect that shape this file: a tool's result is a message of its own and holds only text, and so do
answers and instructions, so that their pictures go into a user message after the last result of the turn; the model's
turn is one message whose content, calls and refusal are fields; state and reasoning go back only to the provider that
wrote them.

Source: OpenAI's OpenAPI file (`ChatCompletionRequestMessage`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.messages import Audio, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.types.providers import Provider
from dragoman.wire.openai_chat.blocks import Block, Notes, encode_block, encode_cache, encode_thought, own, own_block
from dragoman.wire.openai_chat.dialect import NAME
from dragoman.wire.openai_chat.order import ordered
from dragoman.wire.openai_chat.serve import encode_call
from dragoman.wire.openai_chat.valid import valid_id, valid_speaker
from dragoman.wire.openai_chat.variants import in_variant
from dragoman.wire.text_forms import free_text

_INSTRUCTIONS: Final = ("system", "developer")
_NO_MEDIA: Final = {"assistant": "an answer holds", "system": "instructions hold", "developer": "instructions hold"}
# Of an answer; with one of these it needs no content.
_SAY_ENOUGH: Final = frozenset({"tool_calls", "function_call", "refusal", "audio"})


def encode_messages(messages: Iterable[Message], provider: Provider, notes: Notes) -> list[dict[str, Any]]:
    """
    Write the turns.  What could not be carried is said in `notes`.

    Raises:
        ConfigError: Nothing in them can be sent.
    """
    writer = _Writer(provider, notes)
    for i, message in enumerate(messages):
        if _is_text(message) and not (provider.quirks.system_role and message.role in _INSTRUCTIONS):
            writer.text(message)
        else:
            writer.add(message, f"messages[{i}]")
    writer.flush()
    if not writer.out:
        raise ConfigError("messages hold nothing that can be sent: add a message of the user", field="messages")
    return in_variant(ordered(writer.out, provider.quirks, notes), provider.quirks, notes)


def _is_text(message: Message) -> bool:
    """Whether a message is nothing but one text, as most are: then there is nothing to find out of it."""
    if len(message.parts) != 1 or message.native or message.name or message.role == "tool":
        return False
    part = message.parts[0]
    return type(part) is Text and bool(part.text) and not (part.native or part.citations or part.cache)


class _Writer:
    """The list in the making."""

    def __init__(self, provider: Provider, notes: Notes) -> None:
        self.provider = provider
        self.notes = notes
        self.out: list[dict[str, Any]] = []
        self.media: list[Block] = []  # that stand where there is only text, until the results of the turn are over

    def flush(self) -> None:
        if self.media:
            self.out.append({"role": "user", "content": self.media})
            self.media = []

    def text(self, message: Message) -> None:
        """Add what is nothing but a text."""
        self.flush()
        self.out.append({"role": message.role, "content": message.text})

    def add(self, message: Message, field: str) -> None:
        replay = message.origin is None or message.origin.partition("/")[0] == self.provider.name
        places = [(part, f"{field}.parts[{i}]") for i, part in enumerate(message.parts)]
        for part, place in places:
            if isinstance(part, ToolResult):
                self._result(part, place, own(message.native, replay))
        rest = [(part, place) for part, place in places if not isinstance(part, ToolResult)]
        if message.role == "tool":
            _only_results(message, rest, field)
            return
        if rest or len(rest) == len(places):
            self.flush()
            turn = _Turn(self, replay, message)
            for part, place in rest:
                turn.add(part, place)
            if turn.is_empty():
                self.notes.add(field, "nothing in this message can be sent to this provider; left out")
            else:
                self.out.append(turn.message(field))

    def _result(self, result: ToolResult, field: str, native: dict[str, Any]) -> None:
        blocks: list[Block] = []
        for i, part in enumerate(result.parts):
            place = f"{field}.parts[{i}]"
            block = encode_block(part, place, self.notes)
            if block is None:
                continue
            if isinstance(part, Text) or NAME in (part.native or {}):
                blocks.append(block)
            else:
                self.notes.add(place, "a tool result holds only text here; moved into a user message after it")
                self.media.append(block)
        if result.is_error:
            self.notes.add(field, "this dialect does not mark a failed tool; its text was sent as an ordinary result")
        if result.cache is not None and blocks:
            blocks[-1]["cache_control"] = encode_cache(result.cache)
        content = _content(blocks, result.parts, joined=True)
        # The legacy result of a call without an id has a role of its own.
        named = (
            {"role": "function"} if native.get("role") == "function" else {"tool_call_id": self.call_id(result.call_id)}
        )
        self.out.append({**native, "role": "tool", **named, "content": "" if content is None else content})

    def call_id(self, value: str) -> str:
        """An id that the provider takes."""
        return valid_id(value, self.provider.quirks.call_ids)


def _only_results(message: Message, rest: Sequence[tuple[Part, str]], field: str) -> None:
    if rest or not message.parts:
        where = rest[0][1] if rest else f"{field}.parts"
        raise ConfigError(
            f"{where}: a message of role 'tool' holds ToolResults: use Message.tool(call, ...)", field=where
        )


class _Turn:
    """One message that is no tool result."""

    def __init__(self, writer: _Writer, replay: bool, message: Message) -> None:
        self.writer = writer
        self.replay = replay
        self.blocks: list[Block] = []
        self.parts: list[Part] = []  # that the blocks stand for
        self.fields: dict[str, Any] = {}
        self._message = message

    def add(self, part: Part, field: str) -> None:
        write = _ANSWER.get(type(part)) if self._message.role == "assistant" else None
        if write is None or not write(self, part, field):
            self._block(part, field)
        elif part.cache is not None:
            self.writer.notes.add(f"{field}.cache", "this part is no block of content, so its cache mark was left out")

    def _block(self, part: Part, field: str) -> None:
        block = encode_block(part, field, self.writer.notes, self.replay)
        if block is None:
            return
        if isinstance(part, Text) and part.citations:
            self.writer.notes.add(f"{field}.citations", "sources of an answer are not sent in this dialect; left out")
        holder = _NO_MEDIA.get(self._message.role)
        if holder and block["type"] != "text" and not (isinstance(part, Opaque) or own_block(part, self.replay)):
            self.writer.notes.add(field, f"{holder} only text here; moved into a user message after it")
            self.writer.media.append(block)
            return
        self.blocks.append(block)
        self.parts.append(part)

    def is_empty(self) -> bool:
        """Whether an answer that said something has nothing left of it here."""
        message = self._message
        if message.role != "assistant" or not message.parts or self.fields or own(message.native, self.replay):
            return False
        pairs = zip(self.blocks, self.parts, strict=True)
        return all(block.get("text") == "" and NAME not in (part.native or {}) for block, part in pairs)

    def message(self, field: str) -> dict[str, Any]:
        message = self._message
        native = dict(own(message.native, self.replay))
        empty = native.pop("content", None)
        content = _content(self.blocks, self.parts, joined=message.role == "assistant")
        if content is None:
            content = empty
        if content is None and not (message.role == "assistant" and {*self.fields, *native} & _SAY_ENOUGH):
            content = ""
        named = {"name": self._speaker(message.name, field)} if message.name else {}
        return {**native, "role": self._role(message.role), "content": content, **named, **self._reasoned()}

    def _speaker(self, name: str, field: str) -> str:
        valid = valid_speaker(name)
        if valid != name:
            self.writer.notes.add(f"{field}.name", f"this dialect takes no such name of a speaker; sent as {valid!r}")
        return valid

    def _reasoned(self) -> dict[str, Any]:
        """The fields; some providers refuse calls without the reasoning before them, even if another made them."""
        quirks = self.writer.provider.quirks
        field = quirks.reasoning_field
        if field and quirks.reasoning_required and "tool_calls" in self.fields and field not in self.fields:
            return {**self.fields, field: _NO_REASONING}
        return self.fields

    def _role(self, role: str) -> str:
        wanted = self.writer.provider.quirks.system_role
        return wanted if wanted and role in _INSTRUCTIONS else role

    # --- what is a field of the model's turn --------------------------------------------------------------------------

    def thought(self, part: Reasoning, field: str) -> bool:
        """Earlier reasoning goes back to who wrote it, where they take it or as the client itself wrote it."""
        block = encode_thought(part, self.replay)
        if block is not None:
            self.blocks.append(block)
            self.parts.append(part)
            return True
        name = self.writer.provider.quirks.reasoning_field or own(part.native, self.replay).get("field")
        if not part.text:
            return True
        if not self.replay:
            self.writer.notes.add(field, "reasoning of another provider is not sent; left out")
        elif name:
            self.fields[name] = self.fields.get(name, "") + part.text
        else:
            # Who wrote it does not want it, so that nothing was asked that is not done.
            adapted = self._message.origin is None
            self.writer.notes.add(field, "this provider takes no reasoning back; left out", adapted=adapted)
        return True

    def refusal(self, part: Refusal, field: str) -> bool:
        """
        A field, or the block as which it came; of another provider a text, because OpenAI alone has the field.
        """
        if own_block(part, self.replay):
            return False
        if self.replay and part.text:
            self.fields["refusal"] = self.fields.get("refusal", "") + part.text
            return True
        self.writer.notes.add(field, "a refusal is sent as a text")
        self.blocks += [{"type": "text", "text": part.text}] if part.text else []
        self.parts += [part] if part.text else []
        return True

    def sound(self, part: Audio, field: str) -> bool:
        if not part.file_id or not self.replay:
            return False
        self.fields["audio"] = {"id": part.file_id}
        return True

    def call(self, part: ToolCall, field: str) -> bool:
        written = encode_call(part if self.replay else _foreign(part))
        if written["id"] and (valid := self.writer.call_id(written["id"])) != written["id"]:
            written["id"] = valid
        self.fields.setdefault("tool_calls", []).append(written)
        return True


# DeepSeek and Moonshot refuse calls without it; some servers take an empty text for none.
_NO_REASONING: Final = " "


def _foreign(call: ToolCall) -> ToolCall:
    """A call without the state of its author; a text for arguments goes in an object, which every server reads."""
    arguments = call.arguments_json
    if call.kind == "custom":
        arguments = msgspec.json.encode(free_text(call)).decode()
    return ToolCall(call.id, call.name, arguments)


_ANSWER: Final[dict[type[Any], Callable[[_Turn, Any, str], bool]]] = {
    Reasoning: _Turn.thought,
    Refusal: _Turn.refusal,
    Audio: _Turn.sound,
    ToolCall: _Turn.call,
}


def _content(blocks: list[Block], parts: Iterable[Part], *, joined: bool) -> Any:
    """
    Blocks as `content`: a text where they are only that, because many servers take nothing else.

    A part that came as a block stays one.  Several texts of an answer or a result are joined, as its reader sees them.
    """
    came_as_blocks = any(NAME in (part.native or {}) for part in parts)
    plain = all(set(block) == {"type", "text"} for block in blocks)
    if came_as_blocks or not plain or (len(blocks) > 1 and not joined):
        return blocks
    return "".join(block["text"] for block in blocks) if blocks else None
