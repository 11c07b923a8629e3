"""
A question through a template.

Rule: what is put into a place is never read as a template again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from dragoman.cli.template.store import Template
from dragoman.errors import ConfigError
from dragoman.kits.prompts import fill
from dragoman.types.messages import Message, Part, Text

_INPUT = "input"


def parse_params(pairs: Sequence[str]) -> dict[str, str]:
    """
    Read `name=value` pairs; of a name that is given twice the last value holds.

    Raises:
        ConfigError: There is no `=`.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"-p {pair}: write -p name=value", field="param")
        values[name.strip()] = value
    return values


def templated(messages: Sequence[Message], template: Template, params: Mapping[str, str]) -> list[Message]:
    """
    Put a question into a template.

    Args:
        messages: What was asked: an instruction perhaps, and a message of the user's perhaps.
        template: Where it goes.
        params: Values of the other places.

    Raises:
        ConfigError: A place has no value, or a value has no place.
    """
    values = template.defaults | dict(params)
    _check_names(template, params)
    given = [message for message in messages if message.role != "system"]
    parts = list(given[-1].parts) if given else []
    first = parts[0] if parts else None
    text = first.text if isinstance(first, Text) else ""
    parts = parts[1:] if isinstance(first, Text) else parts
    where = f"the template {template.name!r}"
    missing = [name for name in template.places if name not in values]
    if missing:
        flags = " ".join(f"-p {name}=…" for name in missing)
        raise ConfigError(f"{where} needs {', '.join(missing)}: add {flags}", field="param")
    takes = "{" + _INPUT + "}" in template.text
    if takes and not text and not parts:
        raise ConfigError(
            f"{where} needs something to work on: give a prompt, -f FILE, or pipe text in", field="prompt"
        )
    body = fill(template.text, values | {_INPUT: text}, where)
    if text and not takes:
        body = f"{body}\n\n{text}"
    said = [message for message in messages if message.role == "system"]
    if not said and template.system:
        said = [Message.system(fill(template.system, values | {_INPUT: text}, where))]
    filled: list[Part] = [Text(body), *parts]
    return [*said, Message("user", tuple(filled))]


def _check_names(template: Template, params: Mapping[str, str]) -> None:
    known = {*template.places, *template.defaults}
    for name in params:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            words = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
            raise ConfigError(f"the template {template.name!r} has no place {{{name}}}: {words}", field="param")
