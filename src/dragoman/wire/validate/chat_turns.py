"""
Turns of the chat dialects (OpenAI's, Cohere's), where a result is a message of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.wire.lenient import is_array, is_object, text_of
from dragoman.wire.validate.rules import Asked, Item, Named, Problem, Problems, Turn, items


def calls(message: Item) -> Iterator[Item]:
    """The calls of a message."""
    return items(message.fields, "tool_calls", message.path)


def turns(asked: Asked) -> list[Turn]:
    """The messages as turns: results that follow each other are one."""
    found: list[Turn] = []
    open_results = False
    for message in items(asked.body, "messages"):
        is_result = message.fields.get("role") == "tool"
        if not (is_result and open_results):
            found.append(Turn(message.path))
        open_results = is_result
        if is_result:
            call_id = text_of(message.fields.get("tool_call_id"))
            found[-1].results.append(Named(f"{message.path}.tool_call_id", call_id))
        named = (Named(f"{call.path}.id", text_of(call.fields.get("id"))) for call in calls(message))
        found[-1].calls.extend(named)
    return found


def block_types(message: Item, allowed: tuple[str, ...]) -> Problems:
    """Content that is a text, or a list of blocks of these types."""
    content = message.fields.get("content")
    if not is_array(content):
        if not isinstance(content, str):
            yield Problem(f"{message.path}.content", "give a text or a list of blocks")
        return
    if not content:
        yield Problem(f"{message.path}.content", "give at least one block")
    for i, block in enumerate(content):
        kind = block.get("type") if is_object(block) else None
        if kind not in allowed:
            yield Problem(f"{message.path}.content[{i}].type", f"{kind!r} is none of {', '.join(allowed)}")
