"""
Gemini's generateContent: what the form of a request must be.

Names are looked at as Google's servers read them, in camelCase or snake_case.

Sources: google-genai SDK 3.4.0 (`types.py`), Google's pages on function calling and thought signatures, and the error
texts of the API, quoted at each rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from dragoman.wire.gemini_generate.contents import generation
from dragoman.wire.gemini_generate.dialect import camel_cased
from dragoman.wire.google_media import is_address
from dragoman.wire.lenient import is_array, is_object, list_of, object_of, text_of
from dragoman.wire.validate.rules import Asked, Item, Json, Named, Problem, Problems, Rule, Turn, items, matches

_ROLES: Final = ("user", "model", "function", None, "")
# "Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons
# (:) or dashes (-), with a maximum length of 64."
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}\Z")
_NAME_IS: Final = "a name that begins with a letter or '_', of letters, digits, '_', '.', ':' and '-'"
_DATA: Final = (
    *("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"),
    *("toolCall", "toolResponse"),
)


def _contents(asked: Asked) -> list[Item]:
    """The contents, with their names in camelCase; one content may stand without a list."""
    given = asked.body.get("contents")
    listed: list[Any] = [given] if is_object(given) else list_of(given)
    return [
        Item(f"$.contents[{i}]", object_of(camel_cased(value, {})))
        for i, value in enumerate(listed)
        if is_object(value)
    ]


def _parts(content: Item) -> Iterator[Item]:
    return items(content.fields, "parts", content.path)


def _turns(asked: Asked) -> Problems:
    # "contents is not specified"; "contents.parts must not be empty."; "Please use a valid role: user, model."
    contents = _contents(asked)
    if not contents:
        yield Problem("$.contents", "give at least one")
    for content in contents:
        if content.fields.get("role") not in _ROLES:
            yield Problem(f"{content.path}.role", "use user or model")
        if not list(_parts(content)):
            yield Problem(f"{content.path}.parts", "give at least one")


def _data(asked: Asked) -> Problems:
    # "contents[0].parts[0].data: required oneof field 'data' must have one initialized field"
    for content in _contents(asked):
        for part in _parts(content):
            kinds = [name for name in _DATA if part.fields.get(name) is not None]
            if len(kinds) > 1 or (not kinds and "thoughtSignature" not in part.fields):
                yield Problem(part.path, f"give one of {', '.join(_DATA)}")
            blob = object_of(part.fields.get("inlineData"))
            uri = object_of(part.fields.get("fileData")).get("fileUri")
            # "Invalid or unsupported file uri"
            if kinds == ["fileData"] and not is_address(text_of(uri)):
                yield Problem(f"{part.path}.fileData.fileUri", "give an address")
            if kinds == ["inlineData"] and not (text_of(blob.get("mimeType")) and text_of(blob.get("data"))):
                yield Problem(f"{part.path}.inlineData", "give data and its mimeType")


def _system(asked: Asked) -> Problems:
    # SDK: `system_instruction` is a content, "text only"
    for name in ("systemInstruction", "system_instruction"):
        content = asked.body.get(name)
        if content is None:
            continue
        listed = content if is_array(content) else [content]
        parts = [part for value in listed for part in list_of(object_of(value).get("parts"))]
        if is_object(content) and "parts" in content and not parts:
            yield Problem(f"$.{name}.parts", "give at least one")
        for i, part in enumerate(parts):
            if is_object(part) and "text" not in part:
                yield Problem(f"$.{name}.parts[{i}]", "instructions are text")


# --- functions --------------------------------------------------------------------------------------------------------


def _counted(asked: Asked) -> list[tuple[Turn, str]]:
    """The contents as turns, each with its role; those of one role that follow each other are one."""
    turns: list[tuple[Turn, str]] = []
    for content in _contents(asked):
        role = "model" if content.fields.get("role") == "model" else "user"
        turn = Turn(content.path)
        if turns and turns[-1][1] == role:
            turn = turns[-1][0]
        else:
            turns.append((turn, role))
        for part in _parts(content):
            for field, named in (("functionCall", turn.calls), ("functionResponse", turn.results)):
                if field in part.fields:
                    call = object_of(part.fields[field])
                    named.append(Named(f"{part.path}.{field}", f"{text_of(call.get('id'))}"))
    return turns


def _pairs(asked: Asked) -> Problems:
    # "Please ensure that the number of function response parts is equal to the number of function call parts of the
    # function call turn."; "function response turn comes immediately after a function call turn"
    before = Turn("$")
    for turn, _ in [*_counted(asked), (Turn("$"), "")]:
        if len(before.calls) != len(turn.results):
            where = turn.path if turn.results else before.path
            yield Problem(where, f"{len(before.calls)} calls are answered by {len(turn.results)} results")
        elif {call.id for call in before.calls} != {result.id for result in turn.results}:
            yield Problem(turn.path, "results bear the ids of their calls")
        before = turn


def _calls_after_questions(asked: Asked) -> Problems:
    # "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
    # Calls that follow calls are one turn (recorded).
    before = "model"
    for content in _contents(asked):
        calls = any("functionCall" in part.fields for part in _parts(content))
        if before == "model" and calls:
            yield Problem(content.path, "calls come right after a turn of the user or after results")
        before = "calls" if calls else text_of(content.fields.get("role")) or "user"


def _calls(asked: Asked) -> Problems:
    # SDK: `FunctionCall`, `FunctionResponse`; "Invalid function name. Must start with a letter or an underscore..."
    for content in _contents(asked):
        for part in _parts(content):
            for field, value in (("functionCall", "args"), ("functionResponse", "response")):
                call = part.fields.get(field)
                if call is None:
                    continue
                path = f"{part.path}.{field}"
                yield from matches(object_of(call).get("name"), _NAME, f"{path}.name", _NAME_IS)
                if not isinstance(object_of(call).get(value), dict | None):
                    yield Problem(f"{path}.{value}", "give an object")


def _signed(asked: Asked) -> Problems:
    # "Function call is missing a thought_signature in functionCall parts." (Gemini 3 and later; the turn in hand only,
    # and of calls in parallel the first)
    if generation(asked.model) < 3:
        return
    contents = _contents(asked)
    asked_at = max((i for i, content in enumerate(contents) if _is_question(content)), default=0)
    for content in contents[asked_at:]:
        for part in _parts(content):
            if text_of(part.fields.get("thoughtSignature")):
                break  # it may stand at a thought or a text before the call
            if "functionCall" in part.fields:
                yield Problem(part.path, "the first call of a turn bears a thoughtSignature")
                break


def _is_question(content: Item) -> bool:
    if content.fields.get("role") == "model":
        return False
    return not any("functionResponse" in part.fields for part in _parts(content))


def _tools(asked: Asked) -> Problems:
    # "Function calling config is set without function_declarations."; SDK: `FunctionCallingConfig`; names as above
    given = camel_cased({"tools": asked.body.get("tools"), "toolConfig": _either(asked.body, "toolConfig")}, {})
    declared: list[Any] = []
    for tool in items(object_of(given), "tools"):
        for function in items(tool.fields, "functionDeclarations", tool.path):
            declared.append(function.fields.get("name"))
            yield from matches(function.fields.get("name"), _NAME, f"{function.path}.name", _NAME_IS)
            yield from _schema(function)
    config = object_of(object_of(object_of(given).get("toolConfig")).get("functionCallingConfig"))
    if config.get("mode") == "ANY" and not declared:
        yield Problem("$.toolConfig.functionCallingConfig", "only together with declared functions")
    for name in list_of(config.get("allowedFunctionNames")):
        if name not in declared:
            yield Problem("$.toolConfig.functionCallingConfig", f"no function is called {name!r}")


def _schema(function: Item) -> Problems:
    # "parameters_json_schema must be of type object" (SDK: "of the function in JSON Schema format")
    schema = function.fields.get("parametersJsonSchema")
    if schema is not None and object_of(schema).get("type") != "object":
        yield Problem(f"{function.path}.parametersJsonSchema.type", "a function's arguments are an object")


def _either(body: Json, name: str) -> Any:
    return body.get(name, body.get(re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)))


def _thinking(asked: Asked) -> Problems:
    # "You can only set only one of thinking budget and thinking level."
    config = object_of(camel_cased(object_of(_either(asked.body, "generationConfig")), {}))
    thinking = object_of(config.get("thinkingConfig"))
    if thinking.get("thinkingBudget") is not None and thinking.get("thinkingLevel") is not None:
        yield Problem("$.generationConfig.thinkingConfig", "a budget or a level")


RULES: Final[tuple[Rule, ...]] = (
    _turns,
    _data,
    _system,
    _pairs,
    _calls_after_questions,
    _calls,
    _signed,
    _tools,
    _thinking,
)
