"""
The simulated models: what they answer, as pure functions of the request.

    sim/echo          the last user text, exactly
    sim/lorem         filler text; as long as `max_tokens` says, else 50 words
    sim/hello         one canned paragraph (also sim/default)
    sim/script:FILE   the answers in a file; see `simulated_script`

They are for trying things out, for demonstrations and for tests, and are never mistaken for a real one: the same
question always has the same answer, and the transport marks every answer.

What they share: a token is one word with the space after it, or one Chinese, Japanese or Korean character, and usage is
counted in these.  `max_tokens` cuts and gives finish reason `length`; `stop` cuts and gives `stop`.  Where a tool must
be called, the tool is called with the smallest arguments that its schema allows; where the output has a schema, the
answer is its smallest instance.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Final

import msgspec

from dragoman.errors import BadRequestError, ModelNotFoundError
from dragoman.transport.minimal import Unsatisfiable, minimal
from dragoman.transport.simulated_script import ScriptedAnswer
from dragoman.types.messages import Message, Part, Reasoning, Text, ToolCall, ToolResult
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.tools import Tool
from dragoman.types.usage import Usage

# Scripts without spaces between words: kana, Han, Hangul, and their full-width signs.
_CJK: Final = "\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef"
_TOKEN: Final = re.compile(rf"[{_CJK}]\s*|[^\s{_CJK}]+\s*|\s+")

_LOREM_TEXT: Final = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea "
    "commodo consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla "
    "pariatur. Excepteur sint occaecat cupidatat non proident, sunt in culpa qui officia deserunt mollit anim id est "
    "laborum."
)
_LOREM: Final = _LOREM_TEXT.split()
_LOREM_WORDS: Final = 50
_LOREM_MOST: Final = 100_000  # words; what a caller asks beyond that is a slip of the keyboard


def tokens(text: str) -> list[str]:
    """
    Cut a text into the tokens of the simulated models.  Put together they are the text.

    >>> tokens("so be it, 好的")
    ['so ', 'be ', 'it, ', '好', '的']
    """
    return _TOKEN.findall(text)


# --- the models -------------------------------------------------------------------------------------------------------


def _echo(request: ChatRequest) -> str:
    return _last_text(request)


def _lorem(request: ChatRequest) -> str:
    # One word more than is allowed, so that the cut is a real one.
    wanted = _LOREM_WORDS if request.max_tokens is None else min(request.max_tokens + 1, _LOREM_MOST)
    return " ".join(islice(cycle(_LOREM), wanted))


def _hello(request: ChatRequest) -> str:
    words = len(_last_text(request).split())
    return (
        "This is canned text so you can try the tool. It is not a language model. "
        f"Your prompt had {words} {'word' if words == 1 else 'words'}."
    )


MODELS: Final[dict[str, Callable[[ChatRequest], str]]] = {
    "echo": _echo,
    "lorem": _lorem,
    "hello": _hello,
    "default": _hello,
}


def answer(request: ChatRequest, scripted: ScriptedAnswer | None = None) -> ChatResponse:
    """
    Let a simulated model answer.

    Args:
        request: With the bare model name.
        scripted: What the script says, for a `script:` model.

    Raises:
        ModelNotFoundError: No simulated model is called so.
        BadRequestError: What is asked cannot be simulated.
    """
    if request.n is not None and request.n > 1:
        raise BadRequestError(f"the simulated models give one answer, and n is {request.n}", status=400)
    parts, finish = _scripted(scripted) if scripted is not None else _made(request)
    cut, finish = _cut(parts, finish, request)
    return ChatResponse(
        message=Message("assistant", cut),
        finish_reason=finish,
        usage=_usage(request, cut),
        model=f"sim/{request.model}",
        id="simulated",
    )


def _made(request: ChatRequest) -> tuple[list[Part], FinishReason]:
    make = MODELS.get(request.model)
    if make is None:
        raise ModelNotFoundError(
            f"no simulated model is called {request.model!r}: there are {', '.join(MODELS)} and script:FILE",
            status=404,
            code="model_not_found",
        )
    tool = _forced_tool(request)
    if tool is not None:
        arguments = _instance(tool.parameters or {"type": "object"}, f"tool {tool.name}")
        return [ToolCall("call_0", tool.name, arguments)], "tool_calls"
    if request.output is not None and request.output.kind != "text":
        return [Text(_instance(request.output.schema or {"type": "object"}, "output"))], "stop"
    return [Text(make(request))], "stop"


def _scripted(said: ScriptedAnswer) -> tuple[list[Part], FinishReason]:
    parts: list[Part] = [Reasoning(said.reasoning)] if said.reasoning else []
    parts += [Text(said.text)] if said.text else []
    parts += [
        ToolCall(f"call_{number}", tool.name, msgspec.json.encode(tool.arguments).decode())
        for number, tool in enumerate(said.tools)
    ]
    return parts, said.finish or ("tool_calls" if said.tools else "stop")


def _forced_tool(request: ChatRequest) -> Tool | None:
    """The tool that must be called: the one that is named, or the first where any will do."""
    choice = request.tool_choice
    if choice in (None, "auto", "none") or not request.tools:
        return None
    for tool in request.tools:
        if choice in ("required", tool.name):
            return tool
    raise BadRequestError(
        f"tool_choice is {choice!r}, and the tools are {', '.join(tool.name for tool in request.tools)}", status=400
    )


def _instance(schema: dict[str, object], what: str) -> str:
    try:
        return msgspec.json.encode(minimal(schema)).decode()
    except Unsatisfiable as error:
        raise BadRequestError(
            f"the simulator can make no value for the schema of {what}: {error}; script it with sim/script:FILE",
            status=400,
        ) from error


# --- what they share -------------------------------------------------------------------------------------------------


def _cut(parts: list[Part], finish: FinishReason, request: ChatRequest) -> tuple[tuple[Part, ...], FinishReason]:
    """End the answer where `stop` or `max_tokens` says."""
    left = request.max_tokens
    kept: list[Part] = []
    for part in parts:
        text, stopped = _stop(part.text, request.stop or ()) if isinstance(part, Text) else (_written(part), False)
        pieces = tokens(text)
        if left is not None and len(pieces) > left:
            shorter = _rewritten(part, "".join(pieces[:left]))
            return (*kept, *([shorter] if left else [])), "length"
        left = None if left is None else left - len(pieces)
        kept.append(_rewritten(part, text))
        if stopped:
            return tuple(kept), "stop"
    return tuple(kept), finish


def _stop(text: str, stops: tuple[str, ...]) -> tuple[str, bool]:
    """Text up to the first of the stop texts, and whether there was one."""
    places = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def _written(part: Part) -> str:
    """What of a part the model wrote token by token."""
    if isinstance(part, ToolCall):
        return part.arguments_json
    return part.text if isinstance(part, Text | Reasoning) else ""


def _rewritten(part: Part, text: str) -> Part:
    field = "arguments_json" if isinstance(part, ToolCall) else "text"
    return msgspec.structs.replace(part, **{field: text})


def _usage(request: ChatRequest, parts: tuple[Part, ...]) -> Usage:
    thought = sum(len(tokens(part.text)) for part in parts if isinstance(part, Reasoning))
    return Usage(
        input_tokens=sum(len(tokens(text)) for message in request.messages for text in _read(message)),
        output_tokens=sum(len(tokens(_written(part))) for part in parts),
        reasoning_tokens=thought or None,
    )


def _read(message: Message) -> Iterator[str]:
    for part in message.parts:
        yield part.text if isinstance(part, ToolResult) else _written(part)


def _last_text(request: ChatRequest) -> str:
    return next((message.text for message in reversed(request.messages) if message.role == "user"), "")
