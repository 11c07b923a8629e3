"""
Settings of a request, both ways: one row of a table for each.

Rule: what is read is written again exactly.  A field that its setting would write differently (a lone `stop` as a
text, another vendor's name) stays in `native["openai-chat"]` and goes out as it came, as long as it still means what
the setting says; a setting that was changed meanwhile wins.  A field that no setting stands for goes on as it came.

Sources: OpenAI's OpenAPI file (`CreateChatCompletionRequest`); `random_seed` and `any` as Mistral, `reasoning` as
OpenRouter takes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, get_args

import msgspec

from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest, Effort, OutputFormat, ReasoningSettings, Verbosity
from dragoman.wire.lenient import list_of, object_of, text_of, whole
from dragoman.wire.openai_chat.blocks import Notes, own
from dragoman.wire.openai_chat.tools import decode_choice, decode_tools, encode_choice, encode_tools


def _same(value: Any) -> Any:
    return value


class _Row(msgspec.Struct, frozen=True):
    """
    A field of the body.

    Attributes:
        setting: The setting that it stands for.
        decode: JSON to setting; None says that no setting can hold it.
        encode: Setting to JSON; None for a name that is only read: what came under it goes out under it.
    """

    setting: str
    decode: Callable[[Any], Any] = _same
    encode: Callable[[Any], Any] | None = _same


# --- shapes -----------------------------------------------------------------------------------------------------------


# Values beyond ours that servers of this dialect take go on as they came: -1 for no limit, a number for `logprobs`.
def _decode_count(value: Any) -> Any:
    return None if isinstance(value, int) and value < 0 else value


def _decode_flag(value: Any) -> Any:
    return None if whole(value) is not None else value


def _decode_word(value: Any) -> Any:
    return value if value in get_args(Verbosity) or not isinstance(value, str) else None


def _decode_stop(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(list_of(value)) if isinstance(value, list) else value


def _encode_bias(bias: dict[str, float]) -> dict[str, float]:
    # OpenAI's schema wants whole numbers where they are whole.
    return {token: int(value) if value == int(value) else value for token, value in bias.items()}


def _decode_effort(value: Any) -> Any:
    return ReasoningSettings(effort=value) if value in get_args(Effort) else None


def _encode_effort(value: ReasoningSettings) -> Any:
    return value.effort


def _decode_reasoning(value: Any) -> Any:
    sent = object_of(value)
    effort, budget = sent.get("effort"), whole(sent.get("max_tokens"))
    if effort not in (None, *get_args(Effort)) or (effort is None and budget is None):
        return None
    return ReasoningSettings(effort=effort, budget_tokens=budget)


def _decode_format(value: Any) -> Any:
    sent = object_of(value)
    kind = sent.get("type")
    if kind in ("text", "json_object"):
        return OutputFormat(kind=kind)
    body = object_of(sent.get("json_schema"))
    if kind != "json_schema" or not body:
        return None
    schema, strict = body.get("schema"), body.get("strict")
    return OutputFormat(
        schema=object_of(schema) if schema is not None else None,
        name=text_of(body.get("name")) or None,
        description=text_of(body.get("description")) or None,
        strict=strict if isinstance(strict, bool) else None,
    )


def _encode_format(output: OutputFormat) -> Any:
    if output.kind != "json_schema":
        return {"type": output.kind}
    body = {
        # The dialect requires a name of these characters.
        "name": re.sub(r"[^A-Za-z0-9_-]", "_", output.name or "output")[:64],
        "description": output.description,
        "schema": output.schema,
        "strict": output.strict,
    }
    return {"type": "json_schema", "json_schema": {name: item for name, item in body.items() if item is not None}}


def _encode_tools(value: Any) -> Any:
    return encode_tools(value, Notes()) or None


ROWS: Final[dict[str, _Row]] = {
    "temperature": _Row("temperature"),
    "top_p": _Row("top_p"),
    "max_tokens": _Row("max_tokens", _decode_count),
    "max_completion_tokens": _Row("max_tokens", _decode_count, encode=None),
    "stop": _Row("stop", _decode_stop, list),
    "seed": _Row("seed"),
    "random_seed": _Row("seed", encode=None),
    "frequency_penalty": _Row("frequency_penalty"),
    "presence_penalty": _Row("presence_penalty"),
    "logit_bias": _Row("logit_bias", encode=_encode_bias),
    "logprobs": _Row("logprobs", _decode_flag),
    "top_logprobs": _Row("top_logprobs"),
    "n": _Row("n"),
    "tools": _Row("tools", decode_tools, _encode_tools),
    "tool_choice": _Row("tool_choice", decode_choice, encode_choice),
    "parallel_tool_calls": _Row("parallel_tool_calls"),
    "reasoning_effort": _Row("reasoning", _decode_effort, _encode_effort),
    "reasoning": _Row("reasoning", _decode_reasoning, encode=None),
    "verbosity": _Row("verbosity", _decode_word),
    "response_format": _Row("output", _decode_format, _encode_format),
    "service_tier": _Row("service_tier"),
    "metadata": _Row("metadata"),
    "user": _Row("user"),
    "top_k": _Row("top_k", _decode_count, encode=None),
}

# Setting to the fields that may stand for it, its own name first.
_FIELDS: Final[dict[str, list[str]]] = {}
for _name, _row in ROWS.items():
    _FIELDS.setdefault(_row.setting, []).append(_name)


# --- value to body ----------------------------------------------------------------------------------------------------


def encode_settings(request: ChatRequest, provider: Provider, notes: Notes) -> dict[str, Any]:
    """Write every setting that is set, then what only this dialect knows."""
    values = request.values()
    if not values:
        return {}
    native = own(request.native)
    body: dict[str, Any] = {}
    settled: set[str] = set()
    for setting, value in values.items():
        fields = _FIELDS.get(setting)
        if fields is not None:
            settled.update(fields)
            body |= _max_tokens(value, native, provider) if setting == "max_tokens" else _field(value, fields, native)
    if not _NOT_ALL_SAID.isdisjoint(values):
        _say_what_is_missing(request, body, notes)
    return body | {name: value for name, value in native.items() if name not in settled and name != "stream"}


def _field(value: Any, fields: list[str], native: dict[str, Any]) -> dict[str, Any]:
    """The field as it came, if it still says `value`; else the dialect's own."""
    for name in fields:
        if name in native and ROWS[name].decode(native[name]) == value:
            return {name: native[name]}
    for name in fields:
        encode = ROWS[name].encode
        written = encode(value) if encode is not None else None
        if written is not None:
            return {name: written}
    return {}


def _max_tokens(value: int, native: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """Who answers knows the name of the cap; else who asks."""
    asked = "max_completion_tokens" if "max_completion_tokens" in native else "max_tokens"
    return {provider.quirks.max_tokens_field or asked: value}


_NO_REASONING: Final = ReasoningSettings()
# Settings for parts of which this dialect may have no field.
_NOT_ALL_SAID: Final = frozenset(("top_k", "reasoning", "cache", "tools"))


def _say_what_is_missing(request: ChatRequest, body: dict[str, Any], notes: Notes) -> None:
    reasoning = request.reasoning or _NO_REASONING
    as_it_came = "reasoning" in body
    for field, value in (
        ("top_k", None if "top_k" in body else request.top_k),
        ("reasoning.budget_tokens", None if as_it_came else reasoning.budget_tokens),
        ("reasoning.summary", reasoning.summary),
        ("cache.ttl", request.cache.ttl if request.cache else None),
    ):
        if value is not None:
            notes.add(field, "this dialect has no such field, so it was not sent; extra={...} sends any field")
    if request.tools:
        encode_tools(request.tools, notes)


# --- body to value ----------------------------------------------------------------------------------------------------


def decode_settings(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Split a body without `model` and `messages` into settings and what stays as it came.

    Raises:
        ConfigError: A tool that is none.
    """
    settings: dict[str, Any] = {}
    native: dict[str, Any] = {}
    for name, value in body.items():
        row = ROWS.get(name)
        decoded = row.decode(value) if row is not None else None
        if row is None or decoded is None or row.setting in settings:
            native[name] = value
            continue
        settings[row.setting] = decoded
        if row.encode is None or not _written_again(row.encode, decoded, value):
            native[name] = value
    return settings, native


def _written_again(encode: Callable[[Any], Any], decoded: Any, value: Any) -> bool:
    """Whether the setting says it all; a value of a wrong type is found when the request is built."""
    try:
        return bool(encode(decoded) == value)
    except (TypeError, ValueError, AttributeError):
        return True
