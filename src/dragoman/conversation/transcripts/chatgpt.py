"""
`chatgpt`: `conversations.json` of ChatGPT's data export.

`mapping` is a tree: an edit or another answer is a branch.  `current_node` is the leaf of `main`, the other leaves are
`branch-2` and so on.  Nodes without words (roots, hidden system nodes) are left out, and what hangs under them hangs
under the node above.  A message of the model to a tool is a call, and what the tool says is its result.

Files are not in `conversations.json`: what points to one is kept as it is and sent to nobody.

Source: exports, as their readers describe them; OpenAI publishes no schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import msgspec

from dragoman.conversation.model import MAIN
from dragoman.conversation.transcripts.reading import Given, converted, documents, list_at, object_at, wrong
from dragoman.conversation.transcripts.tree import NOWHERE, Tree, Twig, kind_of, named
from dragoman.types.messages import Citation, Message, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult

FORM = "chatgpt"

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}


class _Author(msgspec.Struct):
    role: str
    name: str | None = None


class _Message(msgspec.Struct):
    author: _Author
    content: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    recipient: str | None = None


class _Node(msgspec.Struct):
    message: _Message | None = None
    parent: str | None = None


class _Chat(msgspec.Struct):
    mapping: dict[str, _Node]
    title: str | None = None
    current_node: str | None = None
    id: str | None = None
    conversation_id: str | None = None


def read(given: Given) -> list[Tree]:
    """Read every conversation of an export."""
    found: list[Tree] = []
    for field, value in documents(given, FORM):
        for place, item in _placed(value, field):
            chat = converted(object_at(item, FORM, place), _Chat, FORM, place)
            found.append(_Reader(chat, place).tree())
    return found


def _placed(value: object, field: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(field, cast("Any", value))]
    return [(f"{field}[{i}]", item) for i, item in enumerate(list_at(value, FORM, field))]


class _Reader:
    """Reads one conversation."""

    def __init__(self, chat: _Chat, place: str) -> None:
        self._chat = chat
        self._place = place
        self._twigs: list[Twig] = []
        self._at: dict[str, int] = {}  # a node's twig, or that of the nearest node above it that has one
        self._open: dict[int, tuple[ToolCall, ...]] = {}  # calls on the path to a twig that have no result

    def tree(self) -> Tree:
        """The whole."""
        for name in self._order():
            self._grow(name, self._chat.mapping[name])
        parents = {node.parent for node in self._chat.mapping.values()}
        leaves = [self._at[name] for name in self._chat.mapping if name not in parents]
        inner = {twig.parent for twig in self._twigs}
        ends = [leaf for leaf in leaves if leaf != NOWHERE and leaf not in inner]
        current = self._at.get(self._chat.current_node or "", ends[-1] if ends else NOWHERE)
        return Tree(
            name=self._chat.conversation_id or self._chat.id or self._chat.title or "",
            twigs=tuple(self._twigs),
            branches=named(ends, current) if self._twigs else {MAIN: NOWHERE},
        )

    def _order(self) -> Iterator[str]:
        """Names of nodes, each behind its parent; one whose parent is not there is a root."""
        mapping = self._chat.mapping
        children: dict[str | None, list[str]] = {}
        for name, node in mapping.items():
            children.setdefault(node.parent if node.parent in mapping else None, []).append(name)
        waiting, seen = children.get(None, [])[::-1], 0
        while waiting:
            name = waiting.pop()
            seen += 1
            yield name
            waiting += children.get(name, [])[::-1]
        if seen < len(mapping):
            raise wrong(FORM, "some nodes are their own ancestors", f"{self._place}.mapping")

    def _grow(self, name: str, node: _Node) -> None:
        above = self._at.get(node.parent, NOWHERE) if node.parent is not None else NOWHERE
        calls = self._open.get(above, ())
        place = f"{self._place}.mapping.{name}.message"
        message = self._message(name, node.message, calls, place) if node.message is not None else None
        if message is None:
            self._at[name] = above
            return
        self._twigs.append(Twig(value=message, parent=above, kind=kind_of(message, above)))
        here = self._at[name] = len(self._twigs) - 1
        answered = {part.call_id for part in message.parts if isinstance(part, ToolResult)}
        self._open[here] = (*(call for call in calls if call.id not in answered), *message.tool_calls)

    def _message(self, name: str, told: _Message, calls: tuple[ToolCall, ...], place: str) -> Message | None:
        role = _ROLES.get(told.author.role)
        if role is None:
            raise wrong(FORM, f"{told.author.role!r} is nobody", f"{place}.author.role")
        content, metadata = told.content or {}, told.metadata or {}
        custom = content.get("content_type") == "user_editable_context"
        if metadata.get("is_visually_hidden_from_conversation") and not custom and role == "system":
            return None
        parts = tuple(_parts(content, f"{place}.content"))
        if not parts:
            return None
        if custom:
            return Message("system", parts)
        if role == "tool":
            return _result(parts, told.author.name, calls)
        model = metadata.get("model_slug")
        origin = f"openai/{model}" if role == "assistant" and isinstance(model, str) else None
        if role == "assistant" and told.recipient not in (None, "", "all"):
            return Message(role, (_call(name, str(told.recipient), parts),), origin=origin)
        return Message(role, parts, origin=origin)


def _call(name: str, tool: str, parts: tuple[Part, ...]) -> ToolCall:
    text = "".join(part.text for part in parts if isinstance(part, Text))
    try:
        is_object = isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    return ToolCall(name, tool, text, "function" if is_object else "custom")


def _result(parts: tuple[Part, ...], tool: str | None, calls: tuple[ToolCall, ...]) -> Message:
    """What a tool said answers its last call that has no result, else the last call of any."""
    call = next((call for call in reversed(calls) if call.name == tool), calls[-1] if calls else None)
    kept = tuple(part for part in parts if isinstance(part, Text | Opaque))
    return Message("tool", (ToolResult(call.id if call else "", kept, tool or (call.name if call else None)),))


# --- content ----------------------------------------------------------------------------------------------------------


def _parts(content: dict[str, Any], place: str) -> Iterator[Part]:
    kind = content.get("content_type", "text")
    reader = _CONTENT.get(str(kind))
    if reader is None:
        yield Opaque(FORM, content)
        return
    yield from reader(content, place)


def _of_parts(content: dict[str, Any], place: str) -> Iterator[Part]:
    for i, part in enumerate(list_at(content.get("parts") or [], FORM, f"{place}.parts")):
        if isinstance(part, str):
            if part:
                yield Text(part)
        elif part is not None:
            yield _pointer(object_at(part, FORM, f"{place}.parts[{i}]"))


def _pointer(part: dict[str, Any]) -> Part:
    """A file that is elsewhere; of speech the words are here."""
    if part.get("content_type") == "audio_transcription" and isinstance(part.get("text"), str):
        return Text(part["text"])
    return Opaque(FORM, part)


def _of_text(content: dict[str, Any], place: str) -> Iterator[Part]:
    text = next((content[key] for key in ("text", "result", "content") if isinstance(content.get(key), str)), "")
    if text:
        yield Text(text)


def _of_quote(content: dict[str, Any], place: str) -> Iterator[Part]:
    text = content.get("text")
    if isinstance(text, str) and text:
        told = {key: content[key] for key in ("url", "title") if isinstance(content.get(key), str)}
        yield Text(text, (Citation(**told),) if told else ())


def _of_thoughts(content: dict[str, Any], place: str) -> Iterator[Part]:
    for thought in list_at(content.get("thoughts") or [], FORM, f"{place}.thoughts"):
        told = cast("dict[str, Any]", thought) if isinstance(thought, dict) else {}
        text = next((told[key] for key in ("content", "summary") if isinstance(told.get(key), str)), "")
        if text:
            yield Reasoning(text)


def _of_instructions(content: dict[str, Any], place: str) -> Iterator[Part]:
    texts = [content[key] for key in ("user_profile", "user_instructions") if isinstance(content.get(key), str)]
    if any(texts):
        yield Text("\n\n".join(text for text in texts if text))


_CONTENT: Final[dict[str, Callable[[dict[str, Any], str], Iterator[Part]]]] = {
    "text": _of_parts,
    "multimodal_text": _of_parts,
    "code": _of_text,
    "execution_output": _of_text,
    "system_error": _of_text,
    "tether_browsing_display": _of_text,
    "tether_quote": _of_quote,
    "thoughts": _of_thoughts,
    "reasoning_recap": lambda content, place: iter(()),  # "Thought for 12 seconds"
    "model_editable_context": lambda content, place: iter(()),
    "user_editable_context": _of_instructions,
}
