"""
The table of forms.

Rule: what a form cannot say is left out of it and listed in docs/moving.md; what it says is read back as it was.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, NamedTuple, cast

from dragoman.conversation.transcripts.reading import Given
from dragoman.conversation.transcripts.tree import Tree
from dragoman.errors import ConfigError


class _Way(NamedTuple):
    """The module of a form, which is loaded by who uses it, and its functions; None for what is only read."""

    module: str
    read: str = "read"
    write: str | None = "write"


_FORMS: Final[dict[str, _Way]] = {
    "json": _Way("ours"),
    "openai": _Way("wires", "read_openai", "write_openai"),
    "responses": _Way("wires", "read_responses", "write_responses"),
    "anthropic": _Way("wires", "read_anthropic", "write_anthropic"),
    "sharegpt": _Way("sharegpt"),
    "markdown": _Way("markdown"),
    "langgraph": _Way("langgraph"),
    "pydantic-ai": _Way("pydantic_ai"),
    "openai-agents": _Way("agents_file", write=None),
    "chatgpt": _Way("chatgpt", write=None),
    "llm": _Way("llm_logs", write=None),
}


def check_written(form: object) -> None:
    """
    Do nothing if a form can be written.

    Raises:
        ConfigError: There is no such form, or it is only read.
    """
    way = _FORMS.get(form) if isinstance(form, str) else None
    if way is None or way.write is None:
        known = ", ".join(name for name, other in _FORMS.items() if other.write)
        raise ConfigError(f"form is {form!r}: give one of {known}", field="form")


def write_form(tree: Tree, form: str) -> str:
    """
    Write a conversation: all of it in `json`, its main branch in the others.

    Raises:
        ConfigError: There is no such form, or it is only read.
    """
    check_written(form)
    way = _FORMS[form]
    return cast("str", getattr(_module(way), way.write or "")(tree))


def read_form(given: Given, form: str) -> list[Tree]:
    """
    Read the conversations of a text, a file or values.

    Raises:
        ConfigError: There is no such form, or they are not of it; `.field` says where.
    """
    way = _FORMS.get(form) if isinstance(form, str) else None
    if way is None:
        raise ConfigError(f"form is {form!r}: give one of {', '.join(_FORMS)}", field="form")
    return cast("list[Tree]", getattr(_module(way), way.read)(given))


def _module(way: _Way) -> object:
    return import_module(f"dragoman.conversation.transcripts.{way.module}")
