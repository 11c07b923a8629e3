"""
Answers for the simulator, read from a file.

The file is a list of answers, in JSON, JSON lines (`.jsonl`) or YAML (`.yaml`, `.yml`).  An answer is a text, or an
object with the fields of `ScriptedAnswer`:

    - Hello!
    - {match: weather, tools: [{name: weather, arguments: {city: Paris}}]}
    - {status: 429, message: Slow down, retry_after: 0.5}

An answer with `match` is given, any number of times, to each prompt that has these words; the others are given in
order, one for each prompt that nothing matches.

Rule: a script is data.  A field that is not known is an error that names it, not a silent gap in a test.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.responses import FinishReason


class ScriptedCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool call: the tool's name and its arguments as JSON."""

    name: str
    arguments: Any = {}


class ScriptedAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    One answer.

    Attributes:
        text: What the model says.
        reasoning: What it thought before.
        tools: Calls that it asks for.
        finish: Why it ended; `stop`, or `tool_calls` where there are calls, if not given.
        match: Words that the last user text must have; None for the next prompt whatever it is.
        status: HTTP status of an error to answer instead, 400 to 599.
        message: The error's words.
        code: The error's code.
        retry_after: Seconds that the error asks to wait.
    """

    text: str = ""
    reasoning: str | None = None
    tools: tuple[ScriptedCall, ...] = ()
    finish: FinishReason | None = None
    match: str | None = None
    status: int | None = None
    message: str | None = None
    code: str | None = None
    retry_after: float | None = None


def read_script(name: str) -> tuple[ScriptedAnswer, ...]:
    """
    Read a script.

    Raises:
        ConfigError: No such file, or not a script; `.field` says where.
    """
    path = Path(name).expanduser()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the script {name} cannot be read: {error.strerror}", field="model") from error
    try:
        found = _PARSERS.get(path.suffix.lower(), msgspec.json.decode)(data)
        rows = msgspec.convert(found, list[str | ScriptedAnswer])
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"the script {name} is not a list of answers: {error}", field=_place(error) or "model"
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"the script {name} is malformed: {error}", field="model") from error
    return tuple(ScriptedAnswer(text=row) if isinstance(row, str) else row for row in rows)


def choose(script: tuple[ScriptedAnswer, ...], prompt: str, position: int) -> tuple[ScriptedAnswer | None, int]:
    """
    Find the answer to a prompt.

    Args:
        script: All answers.
        prompt: The last user text.
        position: How many of the answers without `match` were given before.

    Returns:
        The answer, or None if the script has no more; and the position from then on.
    """
    for row in script:
        if row.match is not None and row.match in prompt:
            return row, position
    ordered = [row for row in script if row.match is None]
    return (ordered[position], position + 1) if position < len(ordered) else (None, position)


def _parse_lines(data: bytes) -> Any:
    return msgspec.json.Decoder().decode_lines(data)


def _parse_yaml(data: bytes) -> Any:
    try:
        yaml = import_module("yaml")
    except ImportError as error:
        raise ConfigError(
            "a script in YAML needs PyYAML: pip install pyyaml, or write the script in JSON", field="model"
        ) from error
    try:
        return yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


_PARSERS = {".jsonl": _parse_lines, ".ndjson": _parse_lines, ".yaml": _parse_yaml, ".yml": _parse_yaml}


def _place(error: msgspec.ValidationError) -> str:
    _, _, path = str(error).partition(" - at `")
    return path.rstrip("`")
