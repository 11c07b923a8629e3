"""
Settings of a request, both ways.

Most are fields of `generationConfig`, one row of a table each; tools, the choice among them and the service tier stand
beside it.

Rule: what is read is written again exactly; see `dragoman.wire.setting_rows`.  The three fields that say the form of
the answer are looked at as one.

Sources: google-genai SDK 3.4.0 (`GenerateContentConfig`, `ThinkingConfig`); Google's pages on thinking and on the
compatible API, for what an effort is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final, cast, get_args

from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest, Effort, OutputFormat, ReasoningSettings
from dragoman.wire.gemini_generate.contents import generation
from dragoman.wire.gemini_generate.dialect import NAME, Json
from dragoman.wire.gemini_generate.schemas import json_schema
from dragoman.wire.gemini_generate.tools import decode_choice, decode_tools, encode_choice, encode_tools
from dragoman.wire.google_names import check_names
from dragoman.wire.lenient import object_of, text_of, whole
from dragoman.wire.native import own
from dragoman.wire.setting_rows import Note, Row, as_list, decode_rows, encode_rows, note_unsaid, same, texts

CONFIG: Final = "generationConfig"
_CHOICE: Final = "functionCallingConfig"
_FORM: Final = "(form of the answer)"
"""Stands for the fields of `_FORM_FIELDS`, which no field of the dialect is called."""
_FORM_FIELDS: Final = ("responseMimeType", "responseJsonSchema", "responseSchema")
_JSON: Final = "application/json"


# --- shapes -----------------------------------------------------------------------------------------------------------


def _count(value: Any) -> Any:
    """Whole numbers may be written as `40.0`; what is below 0 asks for the default."""
    number = whole(value)
    return number if number is not None and number >= 0 else None if number is not None else value


def _decode_form(value: Any) -> Any:
    sent = object_of(value)
    media, schema = sent.get("responseMimeType"), sent.get("responseJsonSchema")
    if schema is None and "responseSchema" in sent:
        schema = json_schema(sent["responseSchema"])
    if media != _JSON or not isinstance(schema, dict | None):
        return None
    return OutputFormat(kind="json_object") if schema is None else OutputFormat(schema=object_of(schema), name="output")


def _encode_form(output: OutputFormat, note: Note) -> Any:
    if output.kind == "text":
        return None
    if output.kind == "json_schema" and output.schema is not None:
        return {"responseMimeType": _JSON, "responseJsonSchema": output.schema}
    return {"responseMimeType": _JSON}


# Up to Gemini 2.5 thinking is measured in tokens: what Google's compatible API takes for an effort.
_BUDGETS: Final[dict[Effort, int]] = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}
_HIGHEST_BUDGET: Final = 24576
_LEVELS: Final = ("minimal", "low", "medium", "high", "xhigh")


def _decode_thinking(value: Any) -> Any:
    sent = object_of(value)
    level, shown = text_of(sent.get("thinkingLevel")).lower(), sent.get("includeThoughts")
    budget = sent.get("thinkingBudget")
    tokens = whole(budget)
    if (level and level not in get_args(Effort)) or (budget is not None and (tokens is None or tokens < 0)):
        return None  # a budget of -1 leaves it to the model
    made = ReasoningSettings(
        effort=cast("Effort", level) if level else None,
        budget_tokens=tokens,
        summary=None if shown is None else "auto" if shown else "omitted",
    )
    return made if made != ReasoningSettings() else None


def _encode_thinking(reasoning: ReasoningSettings, note: Note, modern: bool) -> Any:
    made: Json = {}
    if reasoning.budget_tokens is not None:
        made["thinkingBudget"] = reasoning.budget_tokens
        if reasoning.effort is not None:
            note("this dialect takes an effort or a number of tokens; the number was sent")
    elif reasoning.effort is not None:
        made |= (_level if modern else _budget)(reasoning.effort, note)
    if reasoning.summary is not None:
        made["includeThoughts"] = reasoning.summary != "omitted"
    return made or None


def _level(effort: Effort, note: Note) -> Json:
    if effort in _LEVELS:
        return {"thinkingLevel": effort}
    level = "low" if effort == "none" else "xhigh"
    note(f"this dialect has no thinking level {effort!r}; sent as {level!r}")
    return {"thinkingLevel": level}


def _budget(effort: Effort, note: Note) -> Json:
    budget = _BUDGETS.get(effort)
    if budget is None:
        budget = _HIGHEST_BUDGET
        note(f"this model thinks by a number of tokens; {effort!r} was sent as {budget}")
    return {"thinkingBudget": budget}


@cache
def _rows(modern: bool) -> dict[str, Row]:
    thinking: Callable[[Any, Note], Any] = partial(_encode_thinking, modern=modern)
    return {
        "temperature": Row("temperature"),
        "topP": Row("top_p"),
        "topK": Row("top_k", _count),
        "maxOutputTokens": Row("max_tokens", _count),
        "stopSequences": Row("stop", texts, as_list),
        "seed": Row("seed"),
        "frequencyPenalty": Row("frequency_penalty"),
        "presencePenalty": Row("presence_penalty"),
        "candidateCount": Row("n", _count),
        "responseLogprobs": Row("logprobs"),
        "logprobs": Row("top_logprobs", _count),
        "thinkingConfig": Row("reasoning", _decode_thinking, thinking),
        _FORM: Row("output", _decode_form, _encode_form),
    }


_OUTER: Final = {"serviceTier": Row("service_tier", same)}
_CARRIED: Final = frozenset(
    {row.setting for row in (*_rows(True).values(), *_OUTER.values())}
    | {"tools", "tool_choice", "cache"}  # prompts are cached of themselves
)


def _packed(config: Json) -> Json:
    """Put the fields that say the form of the answer under one name."""
    form = {name: config[name] for name in _FORM_FIELDS if name in config}
    rest = {name: value for name, value in config.items() if name not in _FORM_FIELDS}
    return rest | ({_FORM: form} if form else {})


def _unpacked(config: Json) -> Json:
    return {**{name: value for name, value in config.items() if name != _FORM}, **object_of(config.get(_FORM))}


# --- value to body ----------------------------------------------------------------------------------------------------


def encode_settings(request: ChatRequest, notices: list[Notice]) -> Json:
    """The body's fields for everything but model and messages."""
    native = own(request.native, NAME)
    came = _packed(object_of(native.get(CONFIG)))
    rows = _rows(generation(request.model) >= 3)
    config = _unpacked({**came, **encode_rows(rows, request, came, notices)})
    body = encode_rows(_OUTER, request, native, notices)
    if config or CONFIG in native:
        body[CONFIG] = config
    if request.tools is not None:
        body["tools"] = _tools(request, native, notices)
    if request.tool_choice is not None:
        body["toolConfig"] = {**object_of(native.get("toolConfig")), _CHOICE: _choice(request.tool_choice, native)}
    note_unsaid(request, _CARRIED, notices)
    return {name: value for name, value in {**native, **body}.items() if value is not None}


def _tools(request: ChatRequest, native: Json, notices: list[Notice]) -> Any:
    came = native.get("tools")
    if came is not None and decode_tools(came) == request.tools:
        return came
    check_names(request.tools or ())
    return encode_tools(request.tools or (), notices) or None


def _choice(choice: str, native: Json) -> Json:
    came = object_of(object_of(native.get("toolConfig")).get(_CHOICE))
    return came if came and decode_choice(came) == choice else encode_choice(choice)


# --- body to value ----------------------------------------------------------------------------------------------------


def decode_settings(body: Json, model: str) -> tuple[Json, Json]:
    """
    Split a body without its contents into settings and what stays as it came.

    Raises:
        ConfigError: A tool that is none.
    """
    settings, native = decode_rows(_OUTER, {n: v for n, v in body.items() if n not in (CONFIG, "tools", "toolConfig")})
    if CONFIG in body:
        found, rest = decode_rows(_rows(generation(model) >= 3), _packed(object_of(body[CONFIG])))
        settings |= found
        if rest or not found:
            native[CONFIG] = _unpacked(rest)
    if "tools" in body:
        settings["tools"] = decode_tools(body["tools"])
        if not body["tools"] or encode_tools(settings["tools"], []) != body["tools"]:
            native["tools"] = body["tools"]
    if "toolConfig" in body:
        native |= _decode_tool_config(object_of(body["toolConfig"]), settings)
    return settings, native


def _decode_tool_config(sent: Json, settings: Json) -> Json:
    choice = decode_choice(sent.get(_CHOICE))
    if choice is not None:
        settings["tool_choice"] = choice
        if encode_choice(choice) == sent[_CHOICE]:
            rest = {name: value for name, value in sent.items() if name != _CHOICE}
            return {"toolConfig": rest} if rest else {}
    return {"toolConfig": sent}
