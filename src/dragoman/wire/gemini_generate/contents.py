"""
From messages to contents, for requests.

Rules of the dialect that shape this file: instructions stand apart from the turns and are texts; a function's results
stand in a content of the user, all results of one turn together, and name their function; calls come right after a turn
of the user or after results.

Models from Gemini 3 on refuse a turn of theirs whose first function call bears no thought signature.  A turn that
another provider wrote has none, so its first call gets the one that Google documents for this case.

Sources: Google's pages on function calling and thought signatures ("skip_thought_signature_validator"); vercel/ai
#16298 for the first call only; the recordings of histories that crossed over.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.messages import Message, Part, Text, ToolCall, ToolResult
from dragoman.types.providers import Provider
from dragoman.wire.gemini_generate.dialect import NAME, SIGNATURE, WRITTEN, Json, as_it_came
from dragoman.wire.gemini_generate.parts import encode_part, encode_result
from dragoman.wire.google_names import function_name
from dragoman.wire.lenient import list_of, object_of
from dragoman.wire.native import is_ours, over, own, replays
from dragoman.wire.place import Place
from dragoman.wire.turns import BEGUN

# The field holds bytes, which JSON writes in base64; recordings of Google's SDK show it so.
NO_SIGNATURE: Final = base64.b64encode(b"skip_thought_signature_validator").decode()

_INSTRUCTIONS: Final = ("system", "developer")
_GENERATION: Final = re.compile(r"gemini-(\d+)")
_NAMELESS: Final = "unknown"
# From this generation on calls are signed, and results may hold media.
_SIGNING: Final = 3
# A name of the model without a number (`gemini-flash-latest`) stands for its newest generation.
_NEWEST: Final = 99


def generation(model: str) -> int:
    """
    Which generation of Gemini a model is of; 0 for what is none.

    >>> generation("gemini-3.1-pro-preview"), generation("gemini-flash-latest"), generation("gemma-3-27b-it")
    (3, 99, 0)
    """
    found = _GENERATION.search(model)
    if found:
        return int(found[1])
    return _NEWEST if "gemini" in model else 0


def encode_messages(messages: tuple[Message, ...], model: str, provider: Provider, notices: list[Notice]) -> Json:
    """
    Write `systemInstruction` of the instructions at the head, and `contents` of the rest.

    Raises:
        ConfigError: There are only instructions, and no message to answer.
    """
    writer = _Writer(model, provider, notices)
    head = next((i for i, message in enumerate(messages) if message.role not in _INSTRUCTIONS), len(messages))
    told = writer.instructions(messages[:head]) if head else {}
    for i, message in enumerate(messages[head:], head):
        writer.add(message, f"messages[{i}]")
    if not writer.contents:
        raise ConfigError("messages holds nothing to answer: add a message of the user", field="messages")
    return {**told, "contents": writer.contents}


class _Writer:
    """The contents in the making."""

    def __init__(self, model: str, provider: Provider, notices: list[Notice]) -> None:
        self.contents: list[Json] = []
        self._modern = generation(model) >= _SIGNING
        self._provider = provider
        self._notices = notices
        self._names: dict[str, str] = {}  # id of a call to the name of its function
        self._waiting: list[str] = []  # names of calls without an id, in order
        self._results: Json | None = None  # the content to which further results belong
        self._marked = False  # it was said that cache marks are not sent

    def instructions(self, messages: tuple[Message, ...]) -> Json:
        """`systemInstruction`; what of it is no text goes into a first turn of the user."""
        parts = [part for i, message in enumerate(messages) for part in self._parts(message, f"messages[{i}]")]
        texts = [part for part in parts if "text" in part]
        if len(texts) < len(parts):
            text = "instructions are texts in this dialect; the rest was moved into a turn of the user"
            self._notices.append(Notice("messages[0]", text))
            self.contents.append({"role": "user", "parts": [part for part in parts if "text" not in part]})
        return {"systemInstruction": _content(messages[0], {"parts": texts})} if texts else {}

    def add(self, message: Message, field: str) -> None:
        if message.name:
            self._notices.append(Notice(f"{field}.name", "this dialect has no names of speakers; left out"))
        parts = self._parts(message, field)
        if not parts:
            if message.parts or message.role != "assistant":
                self._notices.append(Notice(field, "nothing in this message can be sent to this provider; left out"))
            return
        if message.role == "tool" and self._results is not None and not is_ours(message.native, NAME):
            list_of(self._results["parts"]).extend(parts)
            return
        replay = replays(message, self._provider)
        content = _content(message, {"role": self._role(message, field), "parts": parts}, replay)
        self._results = content if message.role == "tool" else None
        if not (message.role == "assistant" and self._joined(parts)):
            self.contents.append(content)

    def _joined(self, parts: list[Json]) -> bool:
        """Have calls come right after the user: put them to what the model said before, or the user before them."""
        if not any(_CALL & part.keys() for part in parts):
            return False
        if not self.contents:
            text = "calls come after a turn of the user in this dialect: one that says so was put before"
            self._notices.append(Notice("messages", text))
            self.contents.append({"role": "user", "parts": [{"text": BEGUN}]})
        said: list[Json] = []
        while self.contents and _only_says(self.contents[-1]):
            said = [*self.contents.pop()["parts"], *said]
        if not said:
            return False
        if not self.contents:
            self.contents.append({"role": "user", "parts": [{"text": BEGUN}]})
        self.contents.append({"role": "model", "parts": [*said, *parts]})
        return True

    def _role(self, message: Message, field: str) -> str:
        if message.role in _INSTRUCTIONS:
            text = "instructions stand only at the head in this dialect; these were sent as a turn of the user"
            self._notices.append(Notice(field, text))
        return "model" if message.role == "assistant" else "user"

    def _parts(self, message: Message, field: str) -> list[Json]:
        replay = replays(message, self._provider)
        made: list[Json] = []
        for i, part in enumerate(message.parts):
            place = Place(f"{field}.parts[{i}]", message.role, replay, self._notices)
            made += self._part(part, place)
        if message.role == "assistant" and self._modern and _is_foreign(message, replay):
            _sign(made)
        return made

    def _part(self, part: Part, place: Place) -> list[Json]:
        if part.cache is not None and not self._marked:
            self._marked = True
            place.note("prompts are cached of themselves here; marks were left out", ".cache")
        if isinstance(part, Text) and part.citations:
            place.note("sources of an answer are not sent in this dialect; left out", ".citations")
        if isinstance(part, ToolResult):
            return encode_result(part, self._name(part, place), place, nested=self._modern)
        if isinstance(part, ToolCall):
            self._remember(part)
            if (name := function_name(part.name)) != part.name:
                part = msgspec.structs.replace(part, name=name)
        made = encode_part(part, place)
        return [] if made is None else [made]

    def _remember(self, call: ToolCall) -> None:
        if call.id:
            self._names[call.id] = call.name
        else:
            self._waiting.append(call.name)

    def _name(self, result: ToolResult, place: Place) -> str:
        """The name of the function that a result answers: its own, its call's, or that of the next call without id."""
        name = result.name or self._names.get(result.call_id)
        if not result.call_id and self._waiting:
            name = name or self._waiting[0]
            if name in self._waiting:
                self._waiting.remove(name)
        if name is None:
            place.note(
                f"this dialect wants the function's name and no call has this id; {_NAMELESS!r} was sent", ".name"
            )
        return function_name(name or _NAMELESS)


_CALL: Final = frozenset({"functionCall", "function_call"})  # as it may have come


def _only_says(content: Json) -> bool:
    """Whether a content is the model's and calls nothing."""
    return content.get("role") == "model" and not any(_CALL & part.keys() for part in content["parts"])


def _content(message: Message, made: Json, replay: bool = True) -> Json:
    """A content over the fields with which it came."""
    fields = dict(own(message.native, NAME, replay))
    names = object_of(object_of(fields.pop(WRITTEN, None)).get("names"))
    parts = made.pop("parts")
    content: Json = as_it_came(over(made, fields), names)
    return {**content, "parts": parts}


def _is_foreign(message: Message, replay: bool) -> bool:
    """Whether an answer may have no signature: it did not come in this dialect, so that nobody else is to give one."""
    if not replay or message.origin is not None:
        return True
    return not any(is_ours(part.native, NAME) for part in message.parts)


def _sign(parts: list[Json]) -> None:
    at = next((i for i, part in enumerate(parts) if "functionCall" in part), None)
    if at is not None and not any(SIGNATURE in part for part in parts[: at + 1]):
        parts[at][SIGNATURE] = NO_SIGNATURE
