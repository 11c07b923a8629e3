"""
A request for a value, in the form that its provider takes.

It is decided for each request on the wire, because the next provider of a plan may speak another dialect.

Rule: whatever a provider cannot hold its model to is held to here, and said in a notice.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

from dragoman.structured.compilers import BY_WIRE, DIALECTS, Compiled, Dialect, compile_schema
from dragoman.structured.reading import ANSWER, IN_WORDS
from dragoman.types.http import Notice
from dragoman.types.messages import Message, Text
from dragoman.types.models import Model
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest, OutputFormat
from dragoman.types.shapes import Schema, shape_of
from dragoman.types.tools import Tool

_GIVE: Final = "Gives the answer: call it once, with the whole answer as its arguments."
_ANY: Final = "Answer with one JSON object and nothing else: no code fence, no words around it."
_SCHEMA: Final = (
    "Answer with one JSON object and nothing else: no code fence, no words around it. It must satisfy this JSON Schema:"
)


def fitted(
    request: ChatRequest, provider: Provider, model: Model | None, wire: str
) -> tuple[ChatRequest, list[Notice]]:
    """
    Return the request as its provider takes it, and what should be known of the difference.

    Args:
        request: One that asks for a typed answer.
        provider: The row that answers.
        model: What is known of the model.
        wire: Name of the dialect that is used.
    """
    form = request.output
    assert form is not None  # whoever calls has seen that it is typed
    dialect = dialect_of(provider, model, wire)
    if form.kind != "json_schema":
        return _any_json(request, dialect)
    if dialect.tool and request.tools:
        dialect = DIALECTS["words"]  # the model must be free to call the caller's own
    name, compiled = _compiled(form, dialect)
    if compiled.schema is not None and dialect.tool:
        return _as_tool(request, compiled.schema, form.description), _lost(compiled.lost)
    if compiled.schema is not None:
        sent = OutputFormat(schema=compiled.schema, name=name, description=form.description, strict=dialect.strict)
        return _beside(_with(request, sent), dialect, wire), _lost(compiled.lost)
    if dialect.otherwise == "loose" and dialect.schemas:
        sent = OutputFormat(schema=form.schema, name=name, description=form.description, strict=False)
        text = f"the provider cannot hold to it ({compiled.reason}): sent without `strict`, and held to here"
        return _with(request, sent), [Notice("output", text, adapted=False)]
    return _in_words(request, dialect, f"{_SCHEMA}\n{msgspec.json.encode(form.schema).decode()}", compiled.reason)


def dialect_of(provider: Provider, model: Model | None, wire: str) -> Dialect:
    """What can be asked of a model: by its provider's own quirk, else by its dialect if it knows schemas at all."""
    quirks = provider.quirks
    if quirks.schemas is not None:
        return DIALECTS[quirks.schemas]
    if model is not None and model.can("json_schema") is False:
        return DIALECTS["tool" if model.can("tools") and model.can("forced_tools") is not False else "words"]
    if quirks.variant == "mistral":
        return DIALECTS["mistral"]
    return BY_WIRE.get(wire, DIALECTS["words"])


def _compiled(form: OutputFormat, dialect: Dialect) -> tuple[str, Compiled]:
    if isinstance(form.type, dict):
        return form.name or "output", compile_schema(form.schema or {}, dialect)
    shape = shape_of(form.type)
    return form.name or shape.name, _compiled_type(shape.kind, dialect.name)


@lru_cache(maxsize=512)
def _compiled_type(kind: Any, dialect: str) -> Compiled:
    return compile_schema(shape_of(kind).root, DIALECTS[dialect])


def _as_tool(request: ChatRequest, schema: Schema, description: str | None) -> ChatRequest:
    tool = Tool(name=ANSWER, description=description or _GIVE, parameters=schema)
    return msgspec.structs.replace(request, output=None, tools=(tool,), tool_choice=ANSWER)


def _beside(request: ChatRequest, dialect: Dialect, wire: str) -> ChatRequest:
    """llama.cpp reads the schema of Chat Completions in its Responses API too, and not that API's own."""
    form = request.output
    if dialect.name != "grammar" or wire != "openai-responses" or form is None:
        return request
    told = {"type": "json_schema", "json_schema": {"name": form.name, "schema": form.schema}}
    return msgspec.structs.replace(request, extra={"response_format": told, **(request.extra or {})})


def _with(request: ChatRequest, sent: OutputFormat | None) -> ChatRequest:
    return msgspec.structs.replace(request, output=sent)


def _lost(lost: tuple[str, ...]) -> list[Notice]:
    if not lost:
        return []
    text = f"the dialect's schemas cannot say {', '.join(lost)}: said in a description, and held to here"
    return [Notice("output", text, adapted=False)]


def _any_json(request: ChatRequest, dialect: Dialect) -> tuple[ChatRequest, list[Notice]]:
    if not dialect.json_object:
        return _in_words(request, dialect, _ANY, "it has no JSON mode")
    sent = _with(request, OutputFormat(kind="json_object"))
    # OpenAI refuses this mode where no message says JSON; models without a schema then write spaces without end.
    if not any("json" in message.text.lower() for message in request.messages):
        sent = sent.directed(messages=_told(request.messages, _ANY))
    return sent, []


def _in_words(
    request: ChatRequest, dialect: Dialect, words: str, reason: str | None
) -> tuple[ChatRequest, list[Notice]]:
    sent = _with(request, OutputFormat(kind="json_object") if dialect.json_object else None)
    text = f"{IN_WORDS}, because the provider cannot hold its model to it ({reason})"
    return sent.directed(messages=_told(request.messages, words)), [Notice("output", text)]


def _told(messages: tuple[Message, ...], words: str) -> tuple[Message, ...]:
    """The words at the end of the last turn of the user: all models have one, and what is cached stays the same."""
    at = next((i for i in range(len(messages) - 1, -1, -1) if messages[i].role == "user"), None)
    if at is None:
        return (*messages, Message.user(words))
    told = msgspec.structs.replace(messages[at], parts=(*messages[at].parts, Text(f"\n\n{words}")))
    return (*messages[:at], told, *messages[at + 1 :])
