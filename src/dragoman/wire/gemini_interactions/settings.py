"""
Settings of a request, both ways: rows for the fields of the body and of its `generation_config`.

Rule: what is read is written again exactly; see `dragoman.wire.setting_rows`.  How much to think is one setting and two
fields, so it stands apart from the rows.

Sources: google-genai SDK 3.4.0 (`CreateModelInteraction`, `GenerationConfig`, `ResponseFormat`); for `top_k`, which the
SDK does not name and the API takes, a public recording.
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest, OutputFormat, ReasoningSettings
from dragoman.wire.gemini_interactions.dialect import NAME, Json
from dragoman.wire.gemini_interactions.tools import decode_choice, decode_tools, encode_choice, encode_tools
from dragoman.wire.google_names import check_names
from dragoman.wire.lenient import is_array, is_object, known, object_of
from dragoman.wire.native import own
from dragoman.wire.setting_rows import Note, Row, as_list, decode_rows, encode_rows, note_unsaid, texts

CONFIG: Final = "generation_config"
_LEVEL: Final = "thinking_level"
_SUMMARIES: Final = "thinking_summaries"


# --- the form of the answer -------------------------------------------------------------------------------------------

_MODALITIES: Final = ("audio", "image", "video")


def _decode_format(value: Any) -> OutputFormat | None:
    """One form of text; a list of one, and a schema that stands alone (as before the change of 2026), too."""
    listed = value if is_array(value) else [value]
    form = object_of(listed[0]) if len(listed) == 1 else {}
    if form.get("type") == "text":
        return _decode_text(form)
    if not form or form.get("type") in _MODALITIES:
        return None
    return OutputFormat(kind="json_schema", schema=form, name="output")


def _decode_text(form: Json) -> OutputFormat | None:
    schema = form.get("schema")
    if is_object(schema):
        return OutputFormat(kind="json_schema", schema=schema, name="output")
    return OutputFormat(kind="json_object" if form.get("mime_type") == "application/json" else "text")


def _encode_format(output: OutputFormat, note: Note) -> Json | None:
    if output.kind == "text":
        return None
    if output.description:
        note("the form of an answer has no description in this dialect; left out")
    schema = output.schema if output.kind == "json_schema" else None
    return {"type": "text", "mime_type": "application/json", **known({"schema": schema})}


# --- labels -----------------------------------------------------------------------------------------------------------


def _decode_labels(value: Any) -> Json | None:
    return object_of(value) or None


def _encode_labels(metadata: Json, note: Note) -> Json | None:
    labels = {name: value for name, value in metadata.items() if isinstance(value, str)}
    if len(labels) < len(metadata):
        note(f"labels are texts; left out: {', '.join(sorted(metadata.keys() - labels.keys()))}")
    return labels or None


_BODY: Final = {
    "response_format": Row("output", _decode_format, _encode_format),
    "labels": Row("metadata", _decode_labels, _encode_labels),
    "service_tier": Row("service_tier"),
}
_FIELDS: Final = {
    "temperature": Row("temperature"),
    "top_p": Row("top_p"),
    "top_k": Row("top_k"),
    "seed": Row("seed"),
    "max_output_tokens": Row("max_tokens"),
    "stop_sequences": Row("stop", texts, as_list),
    "tool_choice": Row("tool_choice", decode_choice, encode_choice),
}
_CARRIED: Final = frozenset(
    {"tools", "reasoning", *(row.setting for row in (*_BODY.values(), *_FIELDS.values()))},
)


# --- how much to think ------------------------------------------------------------------------------------------------

_LEVELS: Final = ("minimal", "low", "medium", "high", "xhigh")
# Efforts that the dialect has no word for.
_NEAREST: Final[dict[str, str]] = {"none": "minimal", "max": "xhigh"}
_SHOWN: Final = {"auto": "auto", "none": "omitted"}


def _decode_thinking(config: Json) -> ReasoningSettings | None:
    level, shown = config.get(_LEVEL), config.get(_SUMMARIES)
    thinking = ReasoningSettings(
        effort=level if level in _LEVELS else None,
        summary=_SHOWN.get(shown) if isinstance(shown, str) else None,
    )
    return thinking if thinking != ReasoningSettings() else None


def _encode_thinking(thinking: ReasoningSettings, notices: list[Notice]) -> Json:
    effort, summary = thinking.effort, thinking.summary
    if effort in _NEAREST:
        notices.append(Notice("reasoning.effort", f"this dialect knows no {effort!r}; {_NEAREST[effort]!r} was sent"))
    if thinking.budget_tokens == 0 and effort is None:
        effort = "minimal"
        notices.append(Notice("reasoning.budget_tokens", "thinking cannot be switched off here; 'minimal' was sent"))
    elif thinking.budget_tokens is not None:
        notices.append(Notice("reasoning.budget_tokens", "this dialect has levels and no budgets; left out"))
    shown = None if summary is None else "none" if summary == "omitted" else "auto"
    return known({_LEVEL: _NEAREST.get(effort or "", effort), _SUMMARIES: shown})


# --- both ways --------------------------------------------------------------------------------------------------------


def encode_settings(request: ChatRequest, notices: list[Notice]) -> Json:
    """The body's fields for everything but model, messages and `stream`; what came in this dialect lies under them."""
    native = own(request.native, NAME)
    came = object_of(native.get(CONFIG))
    body = encode_rows(_BODY, request, native, notices)
    if request.tools is not None:
        check_names(request.tools)
        body["tools"] = encode_tools(request.tools, notices)
    config = {**came, **encode_rows(_FIELDS, request, came, notices)}
    if request.reasoning is not None:
        config |= _encode_thinking(request.reasoning, notices)
    note_unsaid(request, _CARRIED, notices)
    return {**native, **body, **({CONFIG: config} if config or CONFIG in native else {})}


def decode_settings(body: Json) -> tuple[Json, Json]:
    """
    Split the fields of a body into settings and what has none, which stays as it came.

    Raises:
        ConfigError: A tool is not what the dialect says.
    """
    settings, native = decode_rows(_BODY, body)
    if (tools := native.pop("tools", None)) is not None:
        settings["tools"] = decode_tools(tools)
    config = object_of(native.pop(CONFIG, None))
    more, rest = decode_rows(_FIELDS, config)
    thinking = _decode_thinking(config)
    if thinking is not None:
        more["reasoning"] = thinking
        made = _encode_thinking(thinking, [])
        rest = {name: value for name, value in rest.items() if made.get(name) != value}
    return settings | more, native | ({CONFIG: rest} if rest or body.get(CONFIG) == {} else {})
