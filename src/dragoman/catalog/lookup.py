"""
From a model reference to its two names.

Model names hold slashes and colons of their own (`deepseek/deepseek-v4:free`, `gemma3:4b`), so a reference is split
only where the left side is a provider that is known.  What cannot be split is an error that says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import cast

from dragoman.errors import ConfigError, UnknownModelError, UnknownProviderError
from dragoman.types.providers import Provider

# How alike a word and a provider's name must be to be taken for a slip: `opnai` and `openai` are 0.91, `llama3.1` and
# `ollama` 0.71.
_ALIKE = 0.75
_FEW = 20  # names that a message may list
_LETTERS = re.compile(r"[A-Za-z]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")  # no name has them, and some dialects write it into the address
# Where a model of no known maker is most likely to be found: on one's own machine, or with those who serve them all.
_SERVERS = ("ollama", "openrouter")

_Rows = Mapping[str, Provider | None]


def parse_model(ref: str, providers: Mapping[str, Provider] | Collection[str]) -> tuple[str, str]:
    """
    Split `"provider/model"` (or `"provider:model"`) into the provider's name and the model.

    Only the first slash counts, and only if what stands before it is a known provider (or an alias of one); then the
    first colon likewise.

    Args:
        ref: The reference.
        providers: Rows by name, or only names (which have no aliases).

    Raises:
        UnknownProviderError: What stands before the slash is no provider; the message lists near matches.
        UnknownModelError: No provider is named; the message says what could be meant.
        ConfigError: Not a text, or one with a control character.

    >>> parse_model("openrouter/meta-llama/llama-3.3:free", {"openrouter"})
    ('openrouter', 'meta-llama/llama-3.3:free')
    """
    wanted = _text(ref)
    rows = _rows(providers)
    names = _names(rows)
    for separator in "/:":
        left, found, model = wanted.partition(separator)
        name = names.get(left.strip().lower()) if found else None
        if name is not None:
            return name, _model(model.strip(), name, wanted)
    if wanted.lower() in names:
        _model("", names[wanted.lower()], wanted)
    raise _unknown(wanted, rows, names)


def parse_provider(name: str, providers: Mapping[str, Provider] | Collection[str]) -> str:
    """
    Return the provider's own name for a name or an alias of it.

    Raises:
        UnknownProviderError: There is none; the message lists near matches.
        ConfigError: Not a text.

    >>> parse_provider("OpenAI", {"openai"})
    'openai'
    """
    if not isinstance(name, str):
        raise ConfigError(f"provider is {type(name).__name__}: give the name of a provider", field="provider")
    rows = _rows(providers)
    names = _names(rows)
    wanted = name.strip().lower()
    if wanted in names:
        return names[wanted]
    near = _near(wanted, names)
    hint = f"did you mean {_or(near)}?" if near else _there_are(rows)
    raise UnknownProviderError(f"no provider is called {name!r}: {hint}", field="provider")


def _text(ref: object) -> str:
    if not isinstance(ref, str):
        raise ConfigError(f"model is {type(ref).__name__}: give 'provider/model'", field="model")
    if not ref.strip():
        raise UnknownModelError("model is empty: give 'provider/model'", field="model")
    if _CONTROLS.search(ref.strip()):
        raise ConfigError("model holds a line break or control character: give 'provider/model'", field="model")
    return ref.strip()


def _rows(providers: Mapping[str, Provider] | Collection[str]) -> _Rows:
    if isinstance(providers, Mapping):
        return cast("_Rows", providers)
    return dict.fromkeys(providers)


def _names(rows: _Rows) -> dict[str, str]:
    """
    Every name under which a provider answers, to its own; a name always wins over an alias.

    A hyphen may be written as an underscore, as other libraries do.
    """
    names = {name.lower(): name for name in rows}
    for name, row in rows.items():
        for alias in (name, *(row.aliases if row else ())):
            names.setdefault(alias.lower(), name)
            names.setdefault(alias.lower().replace("-", "_"), name)
    return names


def _model(model: str, provider: str, ref: str) -> str:
    if not model:
        raise UnknownModelError(f"{ref!r} names no model: write {provider}/ and the model's name", field="model")
    return model


def _unknown(ref: str, rows: _Rows, names: Mapping[str, str]) -> UnknownModelError:
    left, slash, model = ref.partition("/")
    if slash:
        near = [f"{name}/{model}" for name in _near(left, names)]
        hint = f"did you mean {_or(near)}?" if near else _whole(ref, rows)
        return UnknownProviderError(f"no provider is called {left!r} (in {ref!r}): {hint}", field="model")
    guesses = _guesses(ref, rows, names)
    hint = f"for example {_or(guesses)}" if guesses else _there_are(rows)
    return UnknownModelError(f"{ref!r} names no provider: write 'provider/model', {hint}", field="model")


def _whole(ref: str, rows: _Rows) -> str:
    """For a reference that is a model's own name, as OpenRouter and Hugging Face write them."""
    known = _there_are(rows)
    return f"the model of that name at OpenRouter is openrouter/{ref}; {known}" if "openrouter" in rows else known


def _there_are(rows: _Rows) -> str:
    """Providers to choose from: all of a few, else those that a default model makes known, and how many more."""
    if len(rows) <= _FEW:
        return f"there are {', '.join(sorted(rows))}"
    named = [name for name, row in rows.items() if row and row.default_model] or sorted(rows)[:_FEW]
    return f"there are {', '.join(named)} and {len(rows) - len(named)} more, which `dragoman models` lists"


def _guesses(ref: str, rows: _Rows, names: Mapping[str, str]) -> list[str]:
    """What someone who wrote `ref` without a provider may have meant, best first."""
    left, colon, model = ref.partition(":")
    slips = [f"{name}/{model}" for name in _near(left, names)] if colon else []
    makers = [f"{name}/{ref}" for name, row in rows.items() if row and _made_by(ref, row)]
    return [*slips, *makers[:1]] or [f"{name}/{ref}" for name in _SERVERS if name in rows]


def _near(left: str, names: Mapping[str, str]) -> list[str]:
    """Providers for whose name `left` may be a slip.  One that goes on after the name (`deepseek-v4`) is a model."""
    wanted = left.lower()
    matches = get_close_matches(wanted, names, n=3, cutoff=_ALIKE)
    return list(dict.fromkeys(names[match] for match in matches if not wanted.startswith(match)))


def _made_by(ref: str, row: Provider) -> bool:
    """Whether the row's default model is of the same family: `gpt-6` is OpenAI's, as `gpt-5.6-luna` is."""
    return row.default_model is not None and _family(ref) == _family(row.default_model) != ""


def _family(model: str) -> str:
    letters = _LETTERS.match(model)
    return letters[0].lower() if letters else ""


def _or(names: Iterable[str]) -> str:
    return " or ".join(names)
