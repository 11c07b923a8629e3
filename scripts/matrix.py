"""
Writes docs/matrix.md: what each dialect carries, found out by writing requests and reading them again.

    python scripts/matrix.py

Each row is one thing that may be asked.  A request with it and one without are written by every wire, and the first is
read by the same wire's server half: what comes out as it went in and needs no notice is carried, what changes the
request otherwise is adapted, what changes nothing is left out.  A test holds the page to what this writes, and that
nothing is adapted or left out in silence.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from dragoman import wire as wires
from dragoman.types.http import Notice
from dragoman.types.messages import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.providers import Provider
from dragoman.types.requests import SETTING_NAMES, ChatRequest, OutputFormat, ReasoningSettings
from dragoman.types.tools import Tool

PAGE = Path(__file__).resolve().parent.parent / "docs" / "matrix.md"

CARRIED, ALWAYS, ADAPTED, LEFT_OUT, SILENT = "yes", "always", "adapted", "no", "SILENT"

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_PDF = b"%PDF-1.7\n"
_MODELS = {
    "gemini-generate": "gemini-3.8-flash",
    "gemini-interactions": "gemini-3.8-flash",
    "anthropic-messages": "claude-sonnet-4-6",
    "bedrock-anthropic": "claude-sonnet-4-6",
    "vertex-anthropic": "claude-sonnet-4-6",
    "bedrock-converse": "claude-sonnet-4-6",
}
_SAME = "anthropic-messages"  # whose native state its hosts share

Kept = Callable[[ChatRequest], bool]


class Feature(NamedTuple):
    """
    One thing that may be asked.

    Attributes:
        name: For the page.
        ask: Fields of a request with it, and without, for a wire.
        kept: Whether a request that was read has it.
        always: Wires where it is so anyway, and nothing is sent for it.
    """

    name: str
    ask: Callable[[str], tuple[dict[str, Any], dict[str, Any]]]
    kept: Kept
    always: tuple[str, ...] = ()


class Cell(NamedTuple):
    """What a wire does with a feature, and what it says of it."""

    verdict: str
    notices: tuple[Notice, ...]


def row(name: str) -> Provider:
    """A provider without quirks."""
    address = {"project": "p", "location": "l"}
    return Provider(name="any", base_url="https://any.example/v1", wire=name, address=address)


def judge(feature: Feature, name: str) -> Cell:
    """What a wire does with a feature."""
    asked, plain = feature.ask(name)
    wire, provider = wires.get(name), row(name)
    model = _MODELS.get(name, "m")
    base = {"model": model, "max_tokens": 64, "tools": (_TOOL,)}
    sent = wire.encode_request(ChatRequest(**base | asked), provider)
    before = wire.encode_request(ChatRequest(**base | plain), provider)
    notices = tuple(notice for notice in sent.notices if notice not in before.notices)
    read, otherwise = (wire.decode_request(one.body, path=urlsplit(one.url).path) for one in (sent, before))
    kept = feature.kept(read)
    if name in feature.always:
        return Cell(ALWAYS, ())
    if kept and not any(notice.adapted for notice in notices):
        return Cell(CARRIED, ())
    if not notices:
        return Cell(SILENT, ())
    return Cell(LEFT_OUT if _plain(read) == _plain(otherwise) else ADAPTED, notices)


def _plain(value: Any) -> Any:
    """A value as JSON without native state, which says how a thing was spelled."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name != "native"}
    return _plain(msgspec.to_builtins(value)) if isinstance(value, msgspec.Struct) else value


# --- messages ---------------------------------------------------------------------------------------------------------

_TOOL = Tool(name="look", parameters={"type": "object", "properties": {}})
_HI = Message.user("Hi")
_CALL, _OTHER = ToolCall("call_1", "look", '{"a":1}'), ToolCall("call_2", "look", "{}")
_SEEN = Message.tool(_CALL, "seen")


def _parts(request: ChatRequest) -> Iterable[tuple[Message, Part]]:
    for message in request.messages:
        for part in message.parts:
            yield message, part
            if isinstance(part, ToolResult):
                yield from ((message, inner) for inner in part.parts)


def _has(kind: Any, test: Callable[[Any], Any] = lambda part: True, role: str | None = None) -> Kept:
    def kept(request: ChatRequest) -> bool:
        found = ((message, part) for message, part in _parts(request) if isinstance(part, kind) and test(part))
        return any(role in (None, message.role) for message, _ in found)

    return kept


def _turns(name: str, messages: tuple[Message, ...], plain: tuple[Message, ...], kept: Kept) -> Feature:
    return Feature(name, lambda wire: ({"messages": messages}, {"messages": plain}), kept)


def _shown(name: str, part: Part, kept: Kept, plain: tuple[Part, ...] = ()) -> Feature:
    """A part of a question, instead of a plain one."""
    return _turns(name, (Message.user("Hi", part),), (Message.user("Hi", *plain),), kept)


def _said(
    name: str,
    make: Callable[[str], tuple[Part, ...]],
    kept: Kept,
    origin: str = "any/m",
    plain: tuple[Part, ...] = (),
) -> Feature:
    """Parts of an answer, behind one text, instead of plain ones."""

    def ask(wire: str) -> tuple[dict[str, Any], dict[str, Any]]:
        author = origin.replace("any/m", f"any/{_MODELS.get(wire, 'm')}")
        turns = [
            Message("assistant", Message.assistant("So.", *extra).parts, origin=author) for extra in (make(wire), plain)
        ]
        asked, without = ({"messages": (_HI, turn, _HI)} for turn in turns)
        return asked, without

    return Feature(name, ask, kept)


# What decoding leaves of signed reasoning, by dialect.
_SIGNED: dict[str, dict[str, Any]] = {
    "openai-chat": {"field": "reasoning_content"},
    "openai-responses": {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
    "anthropic-messages": {"signature": "c2ln"},
    "bedrock-converse": {"reasoningContent": {"reasoningText": {"signature": "c2ln"}}},
    "gemini-generate": {"thoughtSignature": "c2ln"},
    "gemini-interactions": {"signature": "c2ln"},
    "cohere-chat": {"block": {}},
    "ollama-chat": {},
}


def _dialect(wire: str) -> str:
    return _SAME if wire.endswith("-anthropic") else wire


def _thought(wire: str) -> tuple[Part, ...]:
    state = _SIGNED[_dialect(wire)]
    thought = Reasoning("hm", native={_dialect(wire): state})
    # OpenAI takes reasoning back together with the item that followed it.
    item = {"block": {}, "item": {"id": "msg_1", "status": "completed"}}
    return (thought, Text("Yes.", native={wire: item})) if wire == "openai-responses" else (thought,)


_SOURCE = {"type": "web_search_result_location", "url": "https://e.org", "cited_text": "x", "encrypted_index": "e"}
_CITED: dict[str, dict[str, Any]] = {
    "openai-responses": {
        "type": "url_citation",
        "url": "https://e.org",
        "title": "T",
        "start_index": 0,
        "end_index": 1,
    },
    "bedrock-converse": {"title": "T", "location": {"web": {"url": "https://e.org"}}},
    "gemini-interactions": {"type": "url_citation", "url": "https://e.org", "title": "T"},
    "cohere-chat": {"start": 0, "end": 1, "text": "x", "sources": [], "type": "TEXT_CONTENT"},
}


def _cited(wire: str) -> tuple[Part, ...]:
    name = _dialect(wire)
    source = Citation(url="https://e.org", title="T", native={name: _CITED.get(name, _SOURCE)})
    native = (
        {wire: {"block": {}, "item": {"id": "msg_1", "status": "completed"}}} if wire == "openai-responses" else None
    )
    return (Text("Yes.", (source,), native=native),)


def _later_system(request: ChatRequest) -> bool:
    roles = [message.role for message in request.messages]
    return len(roles) > 1 and roles[1] in ("system", "developer")


def _two_calls(request: ChatRequest) -> bool:
    return any(len(message.tool_calls) == 2 for message in request.messages)


def _result_with_picture(request: ChatRequest) -> bool:
    results = (part for _, part in _parts(request) if isinstance(part, ToolResult))
    return any(isinstance(piece, Image) for result in results for piece in result.parts)


def _answer(*parts: Part | str) -> Message:
    return Message("assistant", Message.assistant(*parts).parts, origin="any/m")


_LOOKED = (_HI, _answer("So."), _HI)
_MESSAGES: tuple[Feature, ...] = (
    _turns(
        "instructions at the head",
        (Message.system("Be brief."), _HI),
        (_HI,),
        _has(Text, lambda p: p.text == "Be brief.", "system"),
    ),
    _turns("instructions later", (_HI, Message.system("Be brief."), _HI), (_HI, _HI), _later_system),
    _turns(
        "name of a speaker", (Message("user", (Text("Hi"),), "ada"),), (_HI,), lambda r: r.messages[0].name == "ada"
    ),
    _shown("picture, bytes", Image(data=_PNG), _has(Image, lambda p: p.data == _PNG, "user")),
    _shown("picture, address", Image(url="https://e.org/a.png"), _has(Image, lambda p: p.url == "https://e.org/a.png")),
    _shown("picture, id of a file", Image(file_id="file_1"), _has(Image, lambda p: p.file_id == "file_1")),
    _shown(
        "how exactly to look at a picture",
        Image(data=_PNG, detail="low"),
        _has(Image, lambda p: p.detail == "low"),
        (Image(data=_PNG),),
    ),
    _shown("sound, bytes", Audio(data=b"RIFF0000WAVE", media_type="audio/wav"), _has(Audio, lambda p: p.data)),
    _shown("PDF, bytes", File(data=_PDF), _has(File, lambda p: p.data == _PDF)),
    _shown("PDF, address", File(url="https://e.org/a.pdf"), _has(File, lambda p: p.url)),
    _shown("text file, bytes", File(data=b"a", media_type="text/plain"), _has(File, lambda p: p.data == b"a")),
    _shown("PDF with a name", File(data=_PDF, name="a"), _has(File, lambda p: p.name == "a")),
    _shown(
        "mark for the cache", Text("x", cache=CacheMark()), lambda r: any(p.cache for _, p in _parts(r)), (Text("x"),)
    ),
    _turns(
        "tool call",
        (_HI, _answer(_CALL), _SEEN),
        _LOOKED,
        _has(ToolCall, lambda p: (p.id, p.arguments) == ("call_1", {"a": 1})),
    ),
    _turns("calls in parallel", (_HI, _answer(_CALL, _OTHER), _SEEN, Message.tool(_OTHER, "b")), _LOOKED, _two_calls),
    _turns(
        "call with free text",
        (_HI, _answer(ToolCall("call_1", "look", "x", "custom")), _SEEN),
        _LOOKED,
        _has(ToolCall, lambda p: p.kind == "custom" or p.arguments == {"input": "x"}),
    ),
    _turns(
        "call whose arguments are no JSON",
        (_HI, _answer(ToolCall("call_1", "look", '{"a')), _SEEN),
        _LOOKED,
        _has(ToolCall, lambda p: p.arguments_json == '{"a'),
    ),
    _turns("result of a tool", (_HI, _answer(_CALL), _SEEN), _LOOKED, _has(ToolResult, lambda p: p.text == "seen")),
    _turns(
        "mark that a tool failed",
        (_HI, _answer(_CALL), Message.tool(_CALL, "no", is_error=True)),
        (_HI, _answer(_CALL), Message.tool(_CALL, "no")),
        _has(ToolResult, lambda p: p.is_error),
    ),
    _turns(
        "result with a picture",
        (_HI, _answer(_CALL), Message.tool(_CALL, "a", Image(data=_PNG))),
        (_HI, _answer(_CALL), Message.tool(_CALL, "a")),
        _result_with_picture,
    ),
    _said("its own reasoning, signed", _thought, _has(Reasoning, lambda p: p.text == "hm")),
    _said(
        "another's reasoning",
        lambda wire: (Reasoning("hm", native={"acme": {"signature": "x"}}),),
        _has(Reasoning),
        "acme/m",
    ),
    _said("refusal", lambda wire: (Refusal("No."),), _has(Refusal)),
    _said("its own sources of a text", _cited, _has(Text, lambda p: p.citations), plain=(Text("Yes."),)),
    _said(
        "another's sources of a text",
        lambda wire: (Text("Yes.", (Citation(url="https://e.org", title="T"),)),),
        _has(Text, lambda p: p.citations),
        "acme/m",
        (Text("Yes."),),
    ),
    _said("picture in an answer", lambda wire: (Image(data=_PNG),), _has(Image, lambda p: True, "assistant")),
    _said("another dialect's block", lambda wire: (Opaque("acme", {"type": "x"}),), _has(Opaque), "acme/m"),
)

# --- settings ---------------------------------------------------------------------------------------------------------

_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
_VALUES: dict[str, tuple[Any, ...]] = {
    "temperature": (0.5,),
    "top_p": (0.5,),
    "top_k": (5,),
    "max_tokens": (99,),
    "stop": (("X",),),
    "seed": (7,),
    "frequency_penalty": (0.5,),
    "presence_penalty": (0.5,),
    "logit_bias": ({"1": 5},),
    "logprobs": (True,),
    "top_logprobs": (3,),
    "n": (2,),
    "tools": (
        (_TOOL, Tool(name="other", description="d", parameters=_SCHEMA)),
        (_TOOL, Tool(name="free", kind="custom")),
    ),
    "tool_choice": ("auto", "none", "required", "look"),
    "parallel_tool_calls": (False,),
    "reasoning": (
        ReasoningSettings(effort="high"),
        ReasoningSettings(effort="none"),
        ReasoningSettings(budget_tokens=2_000),
        ReasoningSettings(summary="auto"),
    ),
    "verbosity": ("low",),
    "output": (OutputFormat(kind="json_object"), OutputFormat(schema=_SCHEMA, name="output", strict=True)),
    "cache": (CacheMark(),),
    "service_tier": ("flex",),
    "metadata": ({"a": "b"},),
    "user": ("u1",),
}
_TITLES = {
    ("tools", 0): "tools",
    ("tools", 1): "tools: free text",
    ("output", 0): "output: any JSON",
    ("output", 1): "output: a schema",
}
NOT_SENT = ("timeout", "priority", "reuse", "extra", "native")
"""Settings that are no field of a dialect."""


def _setting(name: str, index: int, value: Any) -> Feature:
    title = _TITLES.get((name, index)) or (name if len(_VALUES[name]) == 1 else f"{name}: {_word(value)}")
    needed = {"logprobs": True} if name == "top_logprobs" else {}

    def kept(request: ChatRequest) -> bool:
        return _bare(getattr(request, name)) == _bare(value)

    def ask(wire: str) -> tuple[dict[str, Any], dict[str, Any]]:
        plain = {"messages": (_HI,), **needed}
        return {**plain, name: value}, plain

    return Feature(title, ask, kept, _ALWAYS.get(title, ()))


# Google and OpenAI cache of themselves; who declares tools and says no more leaves the choice to the model.
_ALWAYS = {
    "cache": ("openai-chat", "openai-responses", "gemini-generate"),
    "tool_choice: auto": ("cohere-chat", "ollama-chat"),
}


def _word(value: Any) -> str:
    if isinstance(value, ReasoningSettings):
        return value.effort or ("a budget" if value.budget_tokens else f"summary {value.summary}")
    return "one tool" if value == "look" else str(value)


def _bare(value: Any) -> Any:
    """A setting without how it was spelled, and without what a dialect does not tell of it."""
    if isinstance(value, tuple) and any(isinstance(item, Tool) for item in value):
        return [(tool.name, tool.description, tool.parameters or {}, tool.kind) for tool in value]
    if isinstance(value, OutputFormat):
        return (value.kind, value.schema)
    if isinstance(value, ReasoningSettings) and value.summary == "summarized":
        return msgspec.structs.replace(value, summary="auto")  # Anthropic's word for it
    return value


_SETTINGS: tuple[Feature, ...] = tuple(
    _setting(name, i, value) for name, values in _VALUES.items() for i, value in enumerate(values)
)
FEATURES: dict[str, tuple[Feature, ...]] = {"Messages": _MESSAGES, "Settings": _SETTINGS}


# --- the page ---------------------------------------------------------------------------------------------------------

_HEAD = """\
# What each dialect carries

Written by `scripts/matrix.py` from what the wires do; see [Crossing providers](crossing.md) for the rules behind it.

* **yes**: it is sent, and says the same to whoever reads the dialect.
* **always**: it is so there without being asked for.
* **adapted**: it is sent in another form, with a notice in `answer.notices` (with `strict=True` it is refused).
* **no**: the dialect has no place for it; it is left out, with a notice (with `strict=True` it is refused).

Which model takes what is another question, answered before sending by the rules of the catalogue ([Models](models.md)).
The settings `timeout`, `priority` and `reuse` (which are no fields), `extra` and `native` (which are sent as they are)
have no row.
"""
_COLUMNS = {
    "openai-chat": "chat",
    "openai-responses": "responses",
    "anthropic-messages": "anthropic",
    "gemini-generate": "gemini",
    "gemini-interactions": "interactions",
    "bedrock-converse": "bedrock",
    "cohere-chat": "cohere",
    "ollama-chat": "ollama",
}
_NOTE = """
`bedrock-anthropic` and `vertex-anthropic` are `anthropic-messages`. Of `openai-chat` this is OpenAI's own; servers that
imitate it differ by their rows ([Providers](providers.md)).
"""


def table(features: Iterable[Feature]) -> list[str]:
    """Rows of features, columns of wires."""
    head = f"| | {' | '.join(_COLUMNS.values())} |"
    rows = [
        f"| {feature.name} | {' | '.join(judge(feature, wire).verdict for wire in _COLUMNS)} |" for feature in features
    ]
    return [head, f"|---|{'---|' * len(_COLUMNS)}", *rows]


def said(features: Iterable[Feature]) -> list[str]:
    """What is said of what is adapted or left out, each text once."""
    lines: list[str] = []
    for feature in features:
        texts: dict[str, list[str]] = {}
        for wire, title in _COLUMNS.items():
            for notice in judge(feature, wire).notices[:1]:
                texts.setdefault(notice.text, []).append(title)
        if texts:
            lines.append(
                f"* {feature.name}: " + "; ".join(f"*{', '.join(names)}*: {text}" for text, names in texts.items())
            )
    return lines


def page() -> str:
    """The whole page."""
    lines = [_HEAD]
    for title, features in FEATURES.items():
        lines += [f"## {title}\n", *table(features), ""]
    lines.append(_NOTE)
    for title, features in FEATURES.items():
        lines += [f"## {title}: what the notices say\n", *said(features), ""]
    return "\n".join(lines).rstrip() + "\n"


assert set(_VALUES) | set(NOT_SENT) == set(SETTING_NAMES)

if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
