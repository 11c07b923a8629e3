"""
`llm`: the `logs.db` of the `llm` tool, both of its schemas.

Since 0.36 it has threads that point into a tree of messages; a thread that was forked from another is a branch of the
same conversation, and so is the tip of a turn that no thread leads to.  Before that a conversation was a list of
responses.  A conversation that is in both is read from the tree.

Attachments that the tool kept as a path are not opened: their path is told in words.

Source: llm 0.36, `migrations.py`, `logs.py`, `parts.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from dragoman.conversation.model import MAIN
from dragoman.conversation.transcripts.database import Row, Tables, opened
from dragoman.conversation.transcripts.media import media_part
from dragoman.conversation.transcripts.reading import Given, list_at, object_at, translated, wrong
from dragoman.conversation.transcripts.tree import NOWHERE, Tree, Twig, kind_of, line_of
from dragoman.types.messages import Message, Opaque, Part, Reasoning, Role, Text, ToolCall, ToolResult

FORM = "llm"

_ROLES: Final[dict[str, Role]] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


def read(given: Given) -> list[Tree]:
    """Read every conversation of a file."""
    with opened(given, FORM) as tables:
        if not tables.has("threads"):
            tables.need("conversations", "responses")
        trees = list(_Threads(tables).trees())
        known = {name for tree in trees for name in (tree.name, *tree.branches)}
        return [*trees, *(tree for tree in _responses(tables) if tree.name not in known)]


# --- attachments, in both schemas -------------------------------------------------------------------------------------


def _attachment(row: Row, place: str) -> Part:
    kind, content, url = row.get("type"), row.get("content"), row.get("url")
    told = kind if isinstance(kind, str) else None
    if isinstance(content, bytes):
        return media_part(FORM, place, kind=told, data=content)
    if isinstance(url, str):
        return media_part(FORM, place, kind=told, url=url)
    return Text(f"[attachment: {row.get('path') or row.get('id')}]")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# --- since 0.36: threads and a tree of messages -----------------------------------------------------------------------


class _Threads:
    """Reads the tree of messages."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._attachments = {str(row["id"]): row for row in tables.rows("attachments")}
        self._fragments = {row["id"]: _text(row["content"]) for row in tables.rows("fragments")}
        self._messages = {str(row["hash"]): row for row in tables.rows("messages")}
        self._parts: dict[str, list[Part]] = {}
        for row in tables.rows("parts", "message_hash, position"):
            part = self._part(row, f"data.parts[{row['id']}]")
            self._parts.setdefault(str(row["message_hash"]), []).append(part)

    def trees(self) -> Iterator[Tree]:
        """One tree for each thread that is no fork."""
        threads = {str(row["id"]): row for row in self._tables.rows("threads")}
        turns = list(self._tables.rows("turns"))
        branches: dict[str, dict[str, str]] = {}
        for name in threads:
            root = _root(name, threads)
            tip = threads[name]["tip_message_hash"]
            if tip is not None:
                branches.setdefault(root, {})[MAIN if name == root else name] = str(tip)
        for root, tips in branches.items():
            reached = {at for tip in tips.values() for at in self._above(tip)}
            for turn in turns:
                tip = turn["tip_message_hash"]
                owner = _root(str(turn["thread_id"]), threads) if str(turn["thread_id"]) in threads else None
                if owner == root and tip is not None and tip not in reached:
                    tips[str(turn["id"])] = str(tip)
            yield self._tree(root, tips)

    def _above(self, tip: str) -> list[str]:
        """A message and those before it, itself first."""
        found: dict[str, None] = {}
        at: str | None = tip
        while at is not None:
            row = self._messages.get(at)
            if row is None or at in found:
                raise wrong(FORM, f"the message {at!r} is {'its own parent' if row else 'not there'}", "data.messages")
            found[at] = None
            at = row["parent_hash"]
        return list(found)

    def _tree(self, name: str, tips: dict[str, str]) -> Tree:
        twigs: list[Twig] = []
        at: dict[str, int] = {}
        for tip in tips.values():
            above = NOWHERE
            for hashed in reversed(self._above(tip)):
                if hashed not in at:
                    message = self._message(hashed)
                    twigs.append(Twig(value=message, parent=above, kind=kind_of(message, above)))
                    at[hashed] = len(twigs) - 1
                above = at[hashed]
        return Tree(name=name, twigs=tuple(twigs), branches={branch: at[tip] for branch, tip in tips.items()})

    def _message(self, hashed: str) -> Message:
        role = _ROLES.get(str(self._messages[hashed]["role"]))
        if role is None:
            raise wrong(FORM, f"{self._messages[hashed]['role']!r} is no role", f"data.messages[{hashed}].role")
        return Message(role, tuple(self._parts.get(hashed, ())))

    def _part(self, row: Row, place: str) -> Part:
        payload = _payload(row.get("payload"), f"{place}.payload")
        if row.get("text") is not None:
            payload["text"] = row["text"]
        elif "text_ref" in payload:
            pieces = list_at(payload.pop("text_ref"), FORM, f"{place}.payload.text_ref")
            payload["text"] = "".join(self._piece(piece, place) for piece in pieces)
        reader = _PARTS.get(str(row.get("type")))
        if reader is None:
            return Opaque(FORM, {"type": str(row.get("type")), **payload})
        return reader(self, payload, place)

    def _piece(self, value: object, place: str) -> str:
        piece = object_at(value, FORM, f"{place}.payload.text_ref")
        return _text(piece["literal"]) if "literal" in piece else self._fragments.get(piece.get("fragment"), "")

    def attached(self, value: object, place: str) -> Part:
        """An attachment by its id."""
        named = object_at(value, FORM, place)
        row = self._attachments.get(str(named.get("id")))
        if row is None:
            raise wrong(FORM, f"there is no attachment {named.get('id')!r}", place)
        return _attachment(row, place)

    def result(self, payload: Row, place: str) -> Part:
        """What a tool gave back."""
        listed = list_at(payload.get("attachments") or [], FORM, f"{place}.payload.attachments")
        parts: list[Any] = [Text(_text(payload.get("output")))] if payload.get("output") else []
        parts += [self.attached(value, f"{place}.payload.attachments") for value in listed]
        name, failed = _text(payload.get("name")) or None, payload.get("exception") is not None
        return ToolResult(_text(payload.get("tool_call_id")), tuple(parts), name, failed)


def _payload(value: object, place: str) -> Row:
    if value is None:
        return {}
    if not isinstance(value, str | bytes):
        raise wrong(FORM, f"a text is expected, not {type(value).__name__}", place)
    try:
        return msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise translated(error, FORM, place) from error


def _call(payload: Row) -> ToolCall:
    arguments = payload.get("arguments")
    given = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments or {}).decode()
    return ToolCall(_text(payload.get("tool_call_id")), _text(payload.get("name")), given)


_PARTS: Final[dict[str, Callable[[_Threads, Row, str], Part]]] = {
    "text": lambda threads, payload, place: Text(_text(payload.get("text"))),
    "reasoning": lambda threads, payload, place: Reasoning(_text(payload.get("text"))),
    "tool_call": lambda threads, payload, place: _call(payload),
    "tool_result": lambda threads, payload, place: threads.result(payload, place),
    "attachment": lambda threads, payload, place: threads.attached(payload.get("attachment"), f"{place}.payload"),
}


def _root(name: str, threads: dict[str, Row]) -> str:
    """The thread that one was forked from, at the last."""
    seen = {name}
    while (above := threads[name].get("forked_from")) in threads and above not in seen:
        name = str(above)
        seen.add(name)
    return name


# --- before 0.36: lists of responses ----------------------------------------------------------------------------------


def _responses(tables: Tables) -> Iterator[Tree]:
    beside = _Beside(tables)
    talks: dict[str, list[Message]] = {str(row["id"]): [] for row in tables.rows("conversations")}
    for row in tables.rows("responses", "datetime_utc, id" if tables.has("responses") else "rowid"):
        name = str(row["conversation_id"] or row["id"])
        said = talks.setdefault(name, [])
        said += beside.said(row, first=not said)
    for name, said in talks.items():
        yield line_of(said, name)


class _Beside:
    """What stands beside the responses: attachments, fragments, calls and results."""

    def __init__(self, tables: Tables) -> None:
        kept = {str(row["id"]): row for row in tables.rows("attachments")}
        self._fragments = {row["id"]: _text(row["content"]) for row in tables.rows("fragments")}
        self._attachments = _grouped(tables, "prompt_attachments", '"order"')
        self._prompts = _grouped(tables, "prompt_fragments", '"order"')
        self._systems = _grouped(tables, "system_fragments", '"order"')
        self._calls = _grouped(tables, "tool_calls", "id")
        self._results = _grouped(tables, "tool_results", "id")
        self._kept = kept

    def said(self, row: Row, *, first: bool) -> Iterator[Message]:
        """The messages of one response: instructions, results, the prompt, the answer."""
        name = str(row["id"])
        system = self._joined(self._systems.get(name, ()), _text(row.get("system")))
        if first and system:
            yield Message.system(system)
        for result in self._results.get(name, ()):
            failed = result.get("exception") is not None
            parts = (Text(_text(result["output"])),) if result["output"] else ()
            yield Message(
                "tool", (ToolResult(_text(result["tool_call_id"]), parts, _text(result["name"]) or None, failed),)
            )
        prompt = self._joined(self._prompts.get(name, ()), _text(row.get("prompt")))
        asked: list[Part] = [Text(prompt)] if prompt else []
        for link in self._attachments.get(name, ()):
            found = self._kept.get(str(link["attachment_id"]))
            if found is not None:
                asked.append(_attachment(found, f"data.attachments[{link['attachment_id']}]"))
        if asked:
            yield Message("user", tuple(asked))
        answer = tuple(self._answer(row, name))
        if answer:
            model = row.get("resolved_model") or row.get("model")
            yield Message("assistant", answer, origin=model if isinstance(model, str) else None)

    def _joined(self, links: Any, text: str) -> str:
        pieces = [*(self._fragments.get(link["fragment_id"], "") for link in links), text]
        return "\n".join(piece for piece in pieces if piece)

    def _answer(self, row: Row, name: str) -> Iterator[Part]:
        if row.get("reasoning"):
            yield Reasoning(_text(row["reasoning"]))
        if row.get("response"):
            yield Text(_text(row["response"]))
        for call in self._calls.get(name, ()):
            yield ToolCall(_text(call["tool_call_id"]), _text(call["name"]), _text(call["arguments"]) or "{}")


def _grouped(tables: Tables, name: str, order: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in tables.rows(name, order):
        found.setdefault(str(row["response_id"]), []).append(row)
    return found
