"""
Mistral's Chat Completions, where they are stricter than OpenAI's.

Sources: `mistral_common` (`protocol/instruct/validator.py`: order of roles, ids of calls) and the API's error texts,
quoted at each rule; Mistral's OpenAPI file (`ChatCompletionRequest`).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from dragoman.wire.validate import chat_turns
from dragoman.wire.validate.compatible_chat import RULES as SHARED
from dragoman.wire.validate.rules import Asked, Problem, Problems, Rule, items, matches, role_among

_ROLES: Final = ("system", "user", "assistant", "tool")
_ID: Final = re.compile(r"[A-Za-z0-9]{9}\Z")

# After this role may come these.
_NEXT: Final = {
    "system": ("system", "user", "assistant"),
    "user": ("user", "system", "assistant"),
    "assistant": ("assistant", "user", "tool"),
    "tool": ("tool", "assistant"),
}


def _roles(asked: Asked) -> Problems:
    for message in items(asked.body, "messages"):
        yield from role_among(message, _ROLES)


def _order(asked: Asked) -> Problems:
    # "Unexpected role 'user' after role 'tool'"
    for before, message in pairwise(items(asked.body, "messages")):
        role, last = message.fields.get("role"), before.fields.get("role")
        if isinstance(last, str) and last in _NEXT and role not in _NEXT[last]:
            yield Problem(f"{message.path}.role", f"{role!r} may not follow {last!r}")


def _end(asked: Asked) -> Problems:
    # "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"
    listed = list(items(asked.body, "messages"))
    if listed and listed[-1].fields.get("role") == "assistant" and not listed[-1].fields.get("prefix"):
        yield Problem(listed[-1].path, "the last turn is the user's, a result, or an answer with prefix")


def _ids(asked: Asked) -> Problems:
    # "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."
    for message in items(asked.body, "messages"):
        for call in chat_turns.calls(message):
            yield from matches(call.fields.get("id"), _ID, f"{call.path}.id", "an id of 9 letters and digits")


def _answers(asked: Asked) -> Problems:
    # "Assistant message must have either content or tool_calls, but not none."
    for message in items(asked.body, "messages"):
        fields = message.fields
        if fields.get("role") == "assistant" and not fields.get("content") and not fields.get("tool_calls"):
            yield Problem(f"{message.path}.content", "an answer has content or calls")


def _fields(asked: Asked) -> Problems:
    # "Extra inputs are not permitted" (OpenAPI: "additionalProperties": false)
    for message in items(asked.body, "messages"):
        for name in message.fields.keys() - _FIELDS.get(str(message.fields.get("role")), message.fields.keys()):
            yield Problem(f"{message.path}.{name}", "no such field")
        for block in items(message.fields, "content", message.path):
            if block.fields.get("type") not in _BLOCKS or "cache_control" in block.fields:
                yield Problem(block.path, f"no such block, or no such field: {sorted(block.fields)}")


_FIELDS: Final = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "prefix"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
_BLOCKS: Final = ("text", "image_url", "document_url", "file", "input_audio", "reference", "thinking")


RULES: Final[tuple[Rule, ...]] = (*SHARED, _roles, _order, _end, _ids, _answers, _fields)
