"""
Exact counts in OpenAI's encodings.

The vocabularies travel in the wheel of `bpe-openai` (extra `tokens`): nothing is ever downloaded, and the time is
linear whatever the text is, which cannot be said of every tokenizer.

What a chat adds to its texts was found in the recordings: some tokens at the head, and four for each message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any, Final, NamedTuple

Counter = Callable[[str], int]


class Encoding(NamedTuple):
    """
    How a family of models counts.

    Attributes:
        models: What its names begin with.
        name: Of the encoding.
        head: Tokens that every request has.
        each: Tokens that every message has besides its text.
        sure: Whether recorded requests had exactly as many.
    """

    models: re.Pattern[str]
    name: str
    head: int = 0
    each: int = 0
    sure: bool = False


# The first that fits holds.  Sources: recordings of Chat Completions at OpenAI, Azure and OpenRouter; for the
# encodings, the tables of tiktoken 0.14 (`model.py`), which end with gpt-5.
_FAMILIES: Final = (
    Encoding(re.compile(r"text-embedding-(?:3-|ada-002)"), "cl100k_base", sure=True),
    Encoding(re.compile(r"gpt-4o.*-(?:audio|search|realtime|transcribe|tts)"), "o200k_base", 3, 4),
    Encoding(re.compile(r"(?:chat)?gpt-4(?:o|\.1|\.5)"), "o200k_base", 3, 4, True),
    Encoding(re.compile(r"gpt-(?:4|3\.5-turbo)(?:-|\Z)"), "cl100k_base", 3, 4, True),
    Encoding(re.compile(r"gpt-35"), "cl100k_base", 3, 4),
    Encoding(re.compile(r"gpt-5-(?:chat|codex)"), "o200k_base", 2, 4),
    Encoding(re.compile(r"(?:o[134]|gpt-5(?:\.\d+)?)(?:-|\Z)"), "o200k_base", 2, 4, True),
    Encoding(re.compile(r"gpt-(?:oss|[6-9])"), "o200k_base", 2, 4),
)

# Who counts as OpenAI does, as far as recordings show.
SURE: Final = frozenset({"openai", "azure", "openrouter"})


def encoding_of(model: str) -> Encoding | None:
    """
    How a model counts, by its name with or without its maker's; None if that is not known.

    >>> encoding_of("openai/gpt-4o-mini").name
    'o200k_base'
    """
    name = model.rpartition("/")[2]
    return next((family for family in _FAMILIES if family.models.match(name)), None)


@cache
def counter(encoding: str) -> Counter | None:
    """What counts in an encoding; None if the extra `tokens` is not installed."""
    home = find_spec("bpe_openai")
    if home is None:
        return None
    # Its compiled part alone: the Python around it reads the vocabularies a second time, which takes ten times as long
    # and 80 MB, warns of its own deprecated calls, makes a list of all tokens to count them, and refuses a text of a
    # million characters.
    found = PathFinder.find_spec("bpe_openai._bindings", home.submodule_search_locations)
    if found is None or found.loader is None:
        return None
    backend: Any = module_from_spec(found)
    found.loader.exec_module(backend)
    count: Counter = backend.tokenizer_for_encoding(encoding).count
    return count
