"""
`openai-agents`: the file of its `SQLiteSession`, each session a conversation.

Items are those of the Responses dialect.  A list of items is the form `responses`.

Source: openai-agents 0.24, `memory/sqlite_session.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.conversation.transcripts.database import opened
from dragoman.conversation.transcripts.reading import Given, translated, wrong
from dragoman.conversation.transcripts.tree import Tree, line_of
from dragoman.conversation.transcripts.wires import messages_of

FORM = "openai-agents"


def read(given: Given) -> list[Tree]:
    """Read every session."""
    sessions: dict[str, list[Any]] = {}
    with opened(given, FORM) as tables:
        tables.need("agent_sessions", "agent_messages")
        for row in tables.rows("agent_sessions"):
            sessions[str(row["session_id"])] = []
        for row in tables.rows("agent_messages", "id"):
            sessions.setdefault(str(row["session_id"]), []).append(_item(row))
    return [line_of(messages_of(items, f"data.{name}"), name) for name, items in sessions.items()]


def _item(row: dict[str, Any]) -> Any:
    place = f"data.agent_messages[{row['id']}].message_data"
    data = row.get("message_data")
    if not isinstance(data, str | bytes):
        raise wrong(FORM, f"a text is expected, not {type(data).__name__}", place)
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise translated(error, FORM, place) from error
