"""
One branch of a conversation, to and from a form.

Rule: whoever imports into a conversation gets one; a file of several is for `import_all`.
"""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.conversation.transcripts.forms import read_form, write_form
from dragoman.conversation.transcripts.moving import only
from dragoman.conversation.transcripts.reading import Given
from dragoman.conversation.transcripts.tree import line_of
from dragoman.types.messages import Message


def written(name: str, messages: Sequence[Message], form: str) -> str:
    """
    Write messages in a form.

    Raises:
        ConfigError: There is no such form, or nothing is written in it.
    """
    return write_form(line_of(messages, name), form)


def read_transcript(data: Given, form: str) -> tuple[Message, ...]:
    """
    Read the messages of a conversation's main branch.

    Raises:
        ConfigError: They are not of that form, or there are several conversations.
    """
    return tuple(only(read_form(data, form)).messages())
