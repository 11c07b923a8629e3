r"""
`markdown`: to read and to edit, and back.

    # ticket-42

    ## user

    What is the weather?

    ## assistant

    Calls `weather` (`call-1`):

    ```json
    {"city": "Paris"}
    ```

A message is a heading of the second level with its role, then its parts.  A line of a text that would be taken for one
of these marks has a backslash before it, which is taken away again.

Rule: texts, reasoning, calls and results come back; other parts are named and not read.  Empty lines around a text are
not kept, and texts that follow each other are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from dragoman.conversation.transcripts.reading import Given, content_of, wrong
from dragoman.conversation.transcripts.tree import Tree, line_of
from dragoman.types.messages import Message, Part, Reasoning, Role, Text, ToolCall, ToolResult

FORM = "markdown"

_ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "you": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "claude": "assistant",
    "tool": "tool",
}
_HEADING: Final = re.compile(rf"## ({'|'.join(_ROLES)})\s*\Z", re.IGNORECASE)
_THOUGHT: Final = "> **Reasoning**"
_CALL: Final = re.compile(r"Calls `([^`]+)` \(`([^`]*)`(, free text)?\):\Z")
_RESULT: Final = re.compile(r"Result of `([^`]*)` \(`([^`]*)`(, an error)?\):\Z")
_OTHER: Final = re.compile(r"\*\[(?:image|audio|file|refusal|opaque)\]\*\Z")
_MARKS: Final = (_HEADING, re.compile(re.escape(_THOUGHT) + r"\Z"), _CALL, _RESULT, _OTHER)


# --- writing ----------------------------------------------------------------------------------------------------------


def write(tree: Tree) -> str:
    """Write a conversation to read."""
    return "\n\n".join([f"# {tree.name}", *(_section(message) for message in tree.messages())]) + "\n"


def _section(message: Message) -> str:
    paragraphs = [_paragraph(part) for part in message.parts]
    return "\n\n".join([f"## {message.role}", *(text for text in paragraphs if text)])


def _paragraph(part: Part) -> str:
    write_part = _WRITE.get(type(part))
    return write_part(part) if write_part else f"*[{type(part).__name__.lower()}]*"


def _escaped(text: str) -> str:
    return "\n".join("\\" + line if _is_mark(line.lstrip("\\")) else line for line in text.split("\n"))


def _unescaped(line: str) -> str:
    return line[1:] if line.startswith("\\") and _is_mark(line.lstrip("\\")) else line


def _is_mark(line: str) -> bool:
    return any(mark.match(line) for mark in _MARKS)


def _thought(part: Reasoning) -> str:
    lines = [f"> {line}" if line else ">" for line in part.text.split("\n")]
    return "\n".join([_THOUGHT, ">", *lines]) if part.text else ""


def _call(part: ToolCall) -> str:
    custom = part.kind == "custom"
    head = f"Calls `{_named(part.name)}` (`{_named(part.id)}`{', free text' if custom else ''}):"
    return f"{head}\n\n{_fenced('' if custom else 'json', part.arguments_json)}"


def _result(part: ToolResult) -> str:
    head = f"Result of `{_named(part.name or '')}` (`{_named(part.call_id)}`{', an error' if part.is_error else ''}):"
    return f"{head}\n\n{_fenced('', part.text)}"


def _named(name: str) -> str:
    return re.sub(r"[`\n\r]", "_", name)


def _fenced(word: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{word}\n{_escaped(text)}\n{fence}"


_WRITE: Final[dict[type, Callable[[Any], str]]] = {
    Text: lambda part: _escaped(part.text),
    Reasoning: _thought,
    ToolCall: _call,
    ToolResult: _result,
}


# --- reading ----------------------------------------------------------------------------------------------------------


def read(given: Given) -> list[Tree]:
    """Read one conversation."""
    content = content_of(given, FORM)
    if not isinstance(content, bytes):
        raise wrong(FORM, f"it is {type(given).__name__}: give a text")
    try:
        lines = content.decode().replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise wrong(FORM, str(error)) from error
    starts = [i for i, line in enumerate(lines) if _HEADING.match(line)]
    if not starts:
        raise wrong(FORM, "there is no heading such as `## user`")
    title = next((line[2:].strip() for line in lines[: starts[0]] if line.startswith("# ")), "")
    ends = [*starts[1:], len(lines)]
    return [line_of((_message(lines, *span) for span in zip(starts, ends, strict=True)), title)]


def _message(lines: list[str], start: int, end: int) -> Message:
    heading = _HEADING.match(lines[start])
    assert heading is not None  # `start` is where one is
    return Message(_ROLES[heading[1].lower()], tuple(_Section(lines, start + 1, end).parts()))


class _Section:
    """Reads what stands under one heading."""

    def __init__(self, lines: list[str], at: int, end: int) -> None:
        self._lines = lines
        self._at = at
        self._end = end

    def parts(self) -> Iterator[Part]:
        """Its parts, in order."""
        words: list[str] = []
        while self._at < self._end:
            line = self._lines[self._at]
            read_mark = next((read for mark, read in self._marks() if mark.match(line)), None)
            if read_mark is None:
                words.append(_unescaped(line))
                self._at += 1
                continue
            yield from _text(words)
            words = []
            part = read_mark(line)
            if part is not None:
                yield part
        yield from _text(words)

    def _marks(self) -> tuple[tuple[re.Pattern[str], Callable[[str], Part | None]], ...]:
        return ((_MARKS[1], self._thought), (_CALL, self._call), (_RESULT, self._result), (_OTHER, self._skip))

    def _skip(self, line: str) -> None:
        self._at += 1

    def _thought(self, line: str) -> Part:
        self._at += 1
        said: list[str] = []
        while self._at < self._end and self._lines[self._at].startswith(">"):
            said.append(self._lines[self._at][1:].removeprefix(" "))
            self._at += 1
        return Reasoning("\n".join(said[1:] if said and not said[0] else said))

    def _call(self, line: str) -> Part:
        found = _CALL.match(line)
        assert found is not None  # it was looked at before
        text = self._block(line)
        return ToolCall(found[2], found[1], text, "custom" if found[3] else "function")

    def _result(self, line: str) -> Part:
        found = _RESULT.match(line)
        assert found is not None  # it was looked at before
        text = self._block(line)
        return ToolResult(found[2], (Text(text),) if text else (), found[1] or None, bool(found[3]))

    def _block(self, line: str) -> str:
        """The fenced block that follows a mark."""
        at = self._at + 1
        while at < self._end and not self._lines[at].strip():
            at += 1
        fence = re.match("`{3,}", self._lines[at]) if at < self._end else None
        place = f"line {self._at + 1}"
        if fence is None:
            raise wrong(FORM, f"no block in backticks follows {line!r}", place)
        try:
            close = self._lines.index(fence[0], at + 1, self._end)
        except ValueError as error:
            raise wrong(FORM, f"the block behind {line!r} does not end", place) from error
        self._at = close + 1
        return "\n".join(map(_unescaped, self._lines[at + 1 : close]))


def _text(words: list[str]) -> Iterator[Part]:
    text = "\n".join(words).strip("\n")
    if text:
        yield Text(text)
