"""
Messages for servers whose messages differ from OpenAI's, and who refuse what they do not know.

`Quirks.variant` of the provider's row names the variant.

Source: Mistral's OpenAPI file (`UserMessage`, `AssistantMessage`, `ContentChunk`: "additionalProperties": false).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dragoman.types.providers import Quirks
from dragoman.wire.lenient import is_array, object_of, text_of
from dragoman.wire.openai_chat.blocks import Notes
from dragoman.wire.openai_chat.order import together

Json = dict[str, Any]

_FIELD: Final = "messages"


def in_variant(messages: list[Json], quirks: Quirks, notes: Notes) -> list[Json]:
    """The messages as the provider's variant of the dialect has them."""
    write = _VARIANTS.get(quirks.variant)
    return messages if write is None else [write(message, notes) for message in messages]


def _mistral(message: Json, notes: Notes) -> Json:
    fields = dict(message)
    if refused := text_of(fields.pop("refusal", None)):
        notes.add(_FIELD, "a refusal is sent as a text")
        fields["content"] = together(fields.get("content") or "", refused)
    for name in _NOT_MISTRAL.get(message["role"], ()):
        if fields.pop(name, None) is not None:
            notes.add(_FIELD, f"this provider's messages have no {name!r}; left out")
    if is_array(fields.get("content")):
        fields["content"] = [_mistral_block(block, notes) for block in fields["content"]]
    return fields


_NOT_MISTRAL: Final = {
    "system": ("name",),
    "user": ("name",),
    "assistant": ("name", "audio", "reasoning_content", "reasoning"),
}


def _mistral_block(block: Json, notes: Notes) -> Json:
    if block.get("cache_control") is not None:
        notes.add(_FIELD, "this provider caches of itself; cache marks were left out")
        block = {name: value for name, value in block.items() if name != "cache_control"}
    write = _MISTRAL_BLOCKS.get(text_of(block.get("type")))
    return block if write is None else write(block)


def _mistral_file(block: Json) -> Json:
    source = object_of(block.get("file"))
    if not source.get("file_data"):
        return {"type": "file", "file_id": source["file_id"]} if source.get("file_id") else block
    name = {"document_name": source["filename"]} if source.get("filename") else {}
    return {"type": "document_url", "document_url": source["file_data"], **name}


def _mistral_sound(block: Json) -> Json:
    source = object_of(block.get("input_audio"))
    return {"type": "input_audio", "input_audio": source["data"]} if "data" in source else block


_MISTRAL_BLOCKS: Final[dict[str, Callable[[Json], Json]]] = {"file": _mistral_file, "input_audio": _mistral_sound}

_VARIANTS: Final[dict[str, Callable[[Json, Notes], Json]]] = {"mistral": _mistral}
