"""
Answers as objects of the caller's own type.

The type may be a pydantic model (known by what it can do, never imported), or any other that `dragoman.types.shapes`
can describe.

Source: OpenAI, "Structured outputs", for what a strict schema must say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from dragoman.compat.openai.asking import is_given
from dragoman.compat.openai.errors import ContentFilterFinishReasonError, LengthFinishReasonError
from dragoman.errors import SchemaError
from dragoman.types.shapes import VALUE, shape_of

Json = dict[str, Any]


class PydanticFunctionTool(Json):
    """A tool as a dict, that knows the type of its arguments."""

    kind: Any = None


def pydantic_function_tool(model: Any, *, name: str | None = None, description: str | None = None) -> Json:
    """A tool whose arguments are a pydantic model, as the openai library makes it."""
    shape = shape_of(model, "tools")
    function: Json = {"name": name or shape.name, "strict": True, "parameters": _root(shape.root)}
    described = description or getattr(model, "__doc__", None)
    made = PydanticFunctionTool(type="function", function=function | ({"description": described} if described else {}))
    made.kind = model
    return made


def is_type(value: object) -> bool:
    """Whether a response format is a type, and not a dict or nothing."""
    return is_given(value) and value is not None and not isinstance(value, Mapping)


def format_of(kind: Any, field: str) -> Json:
    """Name and schema of a type."""
    shape = shape_of(kind, field)
    return {"name": shape.name, "schema": _root(shape.root), "strict": True}


def _root(schema: Json) -> Json:
    """The same for a whole schema, whose root must be an object and no reference to one."""
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    definitions: Json = schema.get("$defs", {})
    made: Json = strict({**definitions[name], "$defs": definitions} if name in definitions else schema)
    return made


def strict(schema: Any) -> Any:
    """A schema as strict mode wants it: every property required, none besides."""
    if isinstance(schema, list):
        return [strict(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    made: Json = {name: strict(value) for name, value in cast("Json", schema).items()}
    properties = made.get("properties")
    if made.get("type") == "object" and isinstance(properties, dict):
        made.setdefault("additionalProperties", False)
        made["required"] = list(cast("Json", properties))
    if made.get("default", 0) is None:
        del made["default"]
    return made


def read(text: str, kind: Any) -> Any:
    """
    A text as a value of a type.

    Raises:
        SchemaError: It is none.
    """
    validate = getattr(kind, "model_validate_json", None)
    if validate is not None:
        return validate(text)  # its own error is what its users know
    try:
        if not is_type(kind):
            return msgspec.json.decode(text)
        shape = shape_of(kind)
        value = msgspec.json.decode(text)
        return msgspec.convert(value[VALUE] if shape.wrapped else value, shape.kind)
    except (msgspec.ValidationError, msgspec.DecodeError, LookupError, TypeError) as error:
        raise SchemaError(f"the answer is not what was asked for: {error}") from error


def complete(choice: Any, completion: Any, kind: Any, tools: Iterable[Any]) -> None:
    """
    Give a choice its parsed content and the arguments of its calls.

    Raises:
        LengthFinishReasonError: It ended at its length limit.
        ContentFilterFinishReasonError: It was stopped.
        SchemaError: It is not of the type.
    """
    if choice.finish_reason == "length":
        raise LengthFinishReasonError(completion=completion)
    if choice.finish_reason == "content_filter":
        raise ContentFilterFinishReasonError
    message, typed = choice.message, kinds_of(tools)
    wanted = kind is not None and message.content and not message.refusal
    message.parsed = read(message.content, kind) if wanted else None
    for call in message.tool_calls or ():
        if call.type == "function":
            call.function.parsed_arguments = arguments(call.function.name, call.function.arguments, typed)


def arguments(name: str, text: str, typed: Mapping[str, Any]) -> Any:
    """The arguments of a call, as a value of their type; None for a tool that is not strict."""
    return read(text, typed[name]) if name in typed else None


def kinds_of(tools: Iterable[Any]) -> dict[str, Any]:
    """Type of the arguments of each strict tool; a dict for one that has a schema only."""
    found: dict[str, Any] = {}
    for tool in tools:
        fields: Json = dict(cast("Mapping[str, Any]", tool)) if isinstance(tool, Mapping) else {}
        function: Json = fields.get("function", fields)
        if function.get("strict"):
            found[function.get("name", "")] = getattr(cast("object", tool), "kind", None) or dict
    return found


def typed_chat(arguments: Json) -> tuple[Json, Any]:
    """Arguments of `chat.completions` with the schema in the place of a type, and the type."""
    kind = arguments.get("response_format")
    if is_type(kind):
        schema = {"type": "json_schema", "json_schema": format_of(kind, "response_format")}
        return {**arguments, "response_format": schema}, kind
    return arguments, dict if _is_json(kind) else None


def typed_response(arguments: Json) -> tuple[Json, Any]:
    """The same for `responses`, whose type is `text_format`."""
    given = dict(arguments)
    kind, text = given.pop("text_format", None), dict(given.get("text") or {})
    if is_type(kind):
        given["text"] = {**text, "format": {"type": "json_schema", **format_of(kind, "text_format")}}
        return given, kind
    return given, dict if _is_json(text.get("format")) else None


def _is_json(form: object) -> bool:
    return isinstance(form, Mapping) and cast("Json", form).get("type") in ("json_schema", "json_object")


def items(response: Any, kind: Any, tools: Iterable[Any]) -> None:
    """
    Give the texts and calls of an answer of `responses` their values.

    Raises:
        SchemaError: One is not of its type.
    """
    typed = kinds_of(tools)
    for item in response.output:
        if item.type == "function_call":
            item.parsed_arguments = arguments(item.name, item.arguments, typed)
        for part in item.content if item.type == "message" else ():
            if part.type == "output_text":
                part.parsed = read(part.text, kind) if kind is not None else None
