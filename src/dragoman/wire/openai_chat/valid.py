"""
Ids and names as servers of this dialect take them.

Rule: what is valid stays as it is; what is not becomes always the same text, in a call and in its result alike.

Sources: error texts of OpenAI ("string too long. Expected a string with maximum length 40"; "string does not match the
pattern '^[^\\s<|\\\\/>]+$'") and Mistral ("must be a-z, A-Z, 0-9, with a length of 9").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_SHORT: Final = 40
_NINE: Final = re.compile(r"[A-Za-z0-9]{9}\Z")
_NOT_SPEAKER: Final = re.compile(r"[\s<|\\/>]")
_LONGEST_SPEAKER: Final = 64
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def valid_id(value: str, kind: str) -> str:
    """
    The id of a call, or one made of it.

    Args:
        value: As it came.
        kind: `Quirks.call_ids` of the provider.

    >>> valid_id("call_1", "short"), valid_id("call_1", "nine")
    ('call_1', 'van7uymq0')
    """
    repair = _REPAIRS.get(kind)
    return repair(value) if repair is not None else value


def _short(value: str) -> str:
    return value if len(value) <= _SHORT else f"{value[: _SHORT - 10]}_{_nine_of(value)}"


def _nine(value: str) -> str:
    return value if _NINE.match(value) else _nine_of(value)


def _nine_of(value: str) -> str:
    from hashlib import blake2b  # 2 ms and 2 MB; hardly any name needs it

    number = int.from_bytes(blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    digits = ""
    for _ in range(9):
        number, rest = divmod(number, len(_DIGITS))
        digits += _DIGITS[rest]
    return digits


_REPAIRS: Final[dict[str, Callable[[str], str]]] = {"short": _short, "nine": _nine}


def valid_speaker(name: str) -> str:
    """
    The name of a speaker, or one made of it.

    >>> valid_speaker("Ada Lovelace")
    'Ada_Lovelace'
    """
    return _NOT_SPEAKER.sub("_", name)[:_LONGEST_SPEAKER]
