"""
From a neutral request to a body of this dialect.

Settings are rows of a table, both ways; a setting that the dialect does not know is left out with a notice.  What came
in this dialect and has no neutral form lies under the result, and never covers what was set.

Sources: service model of `bedrock-runtime` (`ConverseRequest`); Bedrock user guide, Converse and tool use.
"""

from __future__ import annotations

from typing import Any, Final, get_args

import msgspec

from dragoman.types.http import HttpRequest, Notice
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest, Effort, OutputFormat, ReasoningSettings
from dragoman.wire.aws import STREAM_TYPE
from dragoman.wire.base import encode_json
from dragoman.wire.bedrock_converse.content import ContentWriter
from dragoman.wire.bedrock_converse.conversation import encode_conversation
from dragoman.wire.bedrock_converse.dialect import NAME, path_of
from dragoman.wire.bedrock_converse.tools import encode_tools
from dragoman.wire.lenient import known, object_of, text_of
from dragoman.wire.native import own
from dragoman.wire.request_body import overlay
from dragoman.wire.setting_rows import Note, Row, as_list, encode_rows, note_unsaid, texts


def encode_request(request: ChatRequest, provider: Provider) -> HttpRequest:
    """
    Write a request.

    Raises:
        ConfigError: There are only instructions and no message to answer, or a text that has no bytes.
    """
    writer = ContentWriter(provider.name, request.model)
    body = overlay(own(request.native, NAME), encode_conversation(request.messages, writer))
    notices = writer.notices
    body = overlay(body, encode_settings(request, notices))
    if tools := encode_tools(request, body["messages"], notices):
        body = overlay(body, {"toolConfig": tools})
    if request.extra:
        body = overlay(body, request.extra)
    path, model = path_of(request.model, stream=request.stream)
    return HttpRequest(
        url=provider.url(path, model),
        headers={
            **{name.lower(): value for name, value in provider.headers.items()},
            "content-type": "application/json",
            "accept": STREAM_TYPE if request.stream else "application/json",
        },
        body=encode_json(body),
        notices=tuple(notices),
    )


# --- settings ---------------------------------------------------------------------------------------------------------


def _tier(value: Any) -> str | None:
    return text_of(object_of(value).get("type")) or None


def _write_tier(value: str, note: Note) -> dict[str, Any]:
    return {"type": value}


def _write_metadata(value: dict[str, Any], note: Note) -> dict[str, Any] | None:
    said = {name: inner for name, inner in value.items() if isinstance(inner, str)}
    if len(said) < len(value):
        note("values are texts in this dialect; others were left out")
    return said or None


def _effort(value: Any) -> ReasoningSettings | None:
    return ReasoningSettings(effort=value) if value in get_args(Effort) else None


def _write_effort(value: ReasoningSettings, note: Note) -> str | None:
    if value.budget_tokens is not None or value.summary is not None:
        note("this dialect knows only an effort; the model's own fields go into `native` or `extra`")
    if value.effort == "none":
        note("this dialect cannot switch reasoning off; left out")
        return None
    return value.effort


def _format(value: Any) -> OutputFormat | None:
    told = object_of(object_of(object_of(value).get("structure")).get("jsonSchema"))
    try:
        schema = msgspec.json.decode(text_of(told.get("schema")), type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    return OutputFormat(schema=schema, name=told.get("name"), description=told.get("description"))


def _write_format(value: OutputFormat, note: Note) -> dict[str, Any] | None:
    if value.kind == "text":
        return None
    if value.schema is None:
        note("this dialect needs a JSON Schema to hold an answer to JSON; left out")
        return None
    if value.strict is False:
        note("this dialect always holds the model to the schema")
    schema = encode_json(value.schema).decode()
    declared = {"schema": schema} | known({"name": value.name, "description": value.description})
    return {"type": "json_schema", "structure": {"jsonSchema": declared}}


# Object of the body ("" for the body itself) to its rows.
ROWS: Final[dict[str, dict[str, Row]]] = {
    "inferenceConfig": {
        "maxTokens": Row("max_tokens"),
        "temperature": Row("temperature"),
        "topP": Row("top_p"),
        "stopSequences": Row("stop", texts, as_list),
    },
    "outputConfig": {
        "textFormat": Row("output", _format, _write_format),
        "effort": Row("reasoning", _effort, _write_effort),
    },
    "": {
        "serviceTier": Row("service_tier", _tier, _write_tier),
        "requestMetadata": Row("metadata", encode=_write_metadata),
    },
}
_CARRIED: Final = {row.setting for rows in ROWS.values() for row in rows.values()} | {"tools", "tool_choice"}


def encode_settings(request: ChatRequest, notices: list[Notice]) -> dict[str, Any]:
    """The body's fields for everything but model, messages and tools."""
    native, body = own(request.native, NAME), dict[str, Any]()
    for name, rows in ROWS.items():
        fields = encode_rows(rows, request, object_of(native.get(name)) if name else native, notices)
        if fields:
            body |= {name: fields} if name else fields
    note_unsaid(request, _CARRIED, notices)
    return body
