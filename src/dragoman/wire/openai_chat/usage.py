"""
Token counts of the dialect, both ways.

Rule: numbers are taken as sent.  `prompt_tokens` holds cached tokens and `completion_tokens` holds reasoning; a
vendor that counts otherwise (xAI leaves reasoning out of `completion_tokens`) is seen in `details`, which is the
object as sent.

Sources: OpenAI's OpenAPI file (`CompletionUsage`); where the cached part stands elsewhere: DeepSeek
(`prompt_cache_hit_tokens`), Moonshot (`cached_tokens`), Mistral (`num_cached_tokens`), from the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dragoman.types.usage import Usage
from dragoman.wire.lenient import is_object, object_of, whole

# Setting of `Usage` to where it may stand, nearest first: the object (empty for the usage itself) and the field.
_INPUT, _OUTPUT = "prompt_tokens_details", "completion_tokens_details"
_PLACES: Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    ("input_tokens", (("", "prompt_tokens"), ("", "input_tokens"))),
    ("output_tokens", (("", "completion_tokens"), ("", "output_tokens"))),
    (
        "cache_read_tokens",
        ((_INPUT, "cached_tokens"), ("", "prompt_cache_hit_tokens"), ("", "cached_tokens"), ("", "num_cached_tokens")),
    ),
    ("cache_write_tokens", ((_INPUT, "cache_write_tokens"),)),
    ("reasoning_tokens", ((_OUTPUT, "reasoning_tokens"), ("", "reasoning_tokens"))),
    ("input_audio_tokens", ((_INPUT, "audio_tokens"),)),
    ("output_audio_tokens", ((_OUTPUT, "audio_tokens"),)),
)


def decode_usage(value: Any) -> Usage | None:
    """Read a usage object; None if there is none."""
    sent = object_of(value)
    if not sent:
        return None
    found = _by_field(sent, {}, _TOP)
    if found is not None:
        found = _by_field(sent.get(_INPUT), found, _IN)
    if found is not None:
        found = _by_field(sent.get(_OUTPUT), found, _OUT)
    return _by_place(sent) if found is None else Usage(**found, details=sent)


_TOP, _IN, _OUT = (
    {field: setting for setting, places in _PLACES for holder, field in places if holder == where}
    for where in ("", _INPUT, _OUTPUT)
)


def _by_field(part: Any, found: dict[str, int], fields: Mapping[str, str]) -> dict[str, int] | None:
    """The same by one look at each field that was sent; None if it takes a second look to know which number counts."""
    for field, number in part.items() if is_object(part) else ():
        setting = fields.get(field)
        if setting is None or number is None:
            continue
        if type(number) is not int or setting in found:
            return None
        found[setting] = number
    return found


def _by_place(sent: dict[str, Any]) -> Usage:
    objects = {"": sent, _INPUT: object_of(sent.get(_INPUT)), _OUTPUT: object_of(sent.get(_OUTPUT))}
    found: dict[str, int] = {}
    for setting, places in _PLACES:
        for holder, field in places:
            number = objects[holder].get(field)
            if number is not None and (number := whole(number)) is not None:
                found[setting] = number
                break
    return Usage(**found, details=sent)


def encode_usage(usage: Usage) -> dict[str, Any] | None:
    """Write what is known; None if neither side is."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    flat = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    read = {
        "cached_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "audio_tokens": usage.input_audio_tokens,
    }
    written = {"reasoning_tokens": usage.reasoning_tokens, "audio_tokens": usage.output_audio_tokens}
    return {
        **_known(flat),
        **_known({"prompt_tokens_details": _known(read) or None, "completion_tokens_details": _known(written) or None}),
    }


def _known(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
