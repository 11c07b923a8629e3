"""
Facts about models, from `models.json` and, where that is silent, `rules.toml`.

The file is read when a fact is first asked for, and of its text only the provider that is asked for is decoded.  A
name is found as it stands, else without what vendors add to it: a date, `-latest`, a region, `:free`.  What is not
found is not guessed from its likes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from pkgutil import get_data
from typing import Any, Final, Literal

import msgspec

from dragoman.types.models import Ability, Model

# What vendors add to the name of a model without making it another one.
_SUFFIX: Final = re.compile(
    r"(?:-\d{4}-?\d{2}-?\d{2}|-latest|@[\w.-]+|:(?:free|nitro|floor|online|thinking)|-v\d+(?::\d+)?)\Z"
)
_PREFIX: Final = re.compile(
    r"(?:us|eu|apac|global|jp|au)\.(?=\w+\.)|accounts/fireworks/models/|models/|publishers/\w+/models/"
)

# Providers that serve the models of a maker under its own names: where a row is missing, the maker's facts hold.
_MAKERS: Final = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "gemini",
    "mistralai": "mistral",
    "deepseek": "deepseek",
    "x-ai": "xai",
    "moonshotai": "moonshot",
    "z-ai": "zai",
    "qwen": "dashscope",
    "cohere": "cohere",
}


# Facts that are the seller's to say.
_SELLERS: Final = ("context", "max_output", "retires")

# Other doors of a provider: its models, facts and prices hold behind each.
_SAME: Final = {
    "azure-deployments": "azure",
    "azure-entra": "azure",
    "bedrock-anthropic": "bedrock",
    "gemini-interactions": "gemini",
    "gemini-openai": "gemini",
}
# Other sites and plans of a maker: the facts hold there, the prices do not.
_SITES: Final = {
    "anthropic-foundry": "anthropic",
    "kimi-coding": "moonshot",
    "minimax-cn": "minimax",
    "moonshot-cn": "moonshot",
    "tencent-cn": "tencent",
    "zai-coding": "zai",
}


@cache
def _sections() -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(_table(), type=dict[str, msgspec.Raw])


def _table() -> bytes:
    """The table as it lies in a checkout, or as it is packed in a wheel (`hatch_build.py`)."""
    try:
        return get_data("dragoman.catalog", "models.json") or b"{}"
    except FileNotFoundError:
        return zlib.decompress(get_data("dragoman.catalog", "models.json.z") or b"")


def sections() -> tuple[str, ...]:
    """Names of the providers of whose models anything is known."""
    return tuple(name for name in _sections() if name != "sources")


@cache
def known_models(provider: str) -> Mapping[str, Model]:
    """All models that are known of a provider, by name; empty if none are."""
    section = _sections().get(_SAME.get(provider, provider))
    return {} if section is None or provider == "sources" else msgspec.json.decode(section, type=dict[str, Model])


@cache
def find_model(provider: str, model: str) -> Model | None:
    """
    What is known of a model, or None.

    >>> find_model("openai", "gpt-6-luna-2026-09-22").context
    922000
    """
    found = _find(_SAME.get(provider, provider), model)
    made = _made(provider, model)
    if made is None or (found is not None and (found.yes or found.no)):
        return found
    if found is None:
        return msgspec.structs.replace(made, prices=())
    # The maker's facts hold wherever its model is served; whoever serves it has prices and limits of its own.
    own = {name: value for name in _SELLERS if (value := getattr(found, name)) is not None}
    return msgspec.structs.replace(made, prices=found.prices, **own)


def _made(provider: str, model: str) -> Model | None:
    """What its maker says of a model that another site or another provider serves."""
    if provider in _SITES:
        return _find(_SITES[provider], model)
    maker, slash, name = model.partition("/")
    return _find(_MAKERS[maker], name) if slash and maker in _MAKERS else None


def catalogued(provider: str, model: str) -> bool:
    """Whether the catalogue has a model by name, and not only by what its name is like."""
    return _row(provider, model) is not None


def _row(provider: str, model: str) -> Model | None:
    rows = known_models(provider)
    return next((rows[name] for name in _spellings(model) if name in rows), None)


def _find(provider: str, model: str) -> Model | None:
    found = _row(provider, model)
    rules = [rule for rule in _rules() if rule.holds(provider, model)]
    for rule in rules:
        found = rule.applied(found or Model())
    return found


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of `rules.toml`."""

    provider: str
    models: tuple[str, ...]
    efforts: tuple[str, ...] | None = None
    chat_tools: Literal["always", "without_reasoning", "never"] | None = None
    max_plain_output: int | None = None
    retires: date | None = None
    yes: tuple[Ability, ...] = ()
    no: tuple[Ability, ...] = ()

    def holds(self, provider: str, model: str) -> bool:
        return provider == self.provider and any(fnmatchcase(model, pattern) for pattern in self.models)

    def applied(self, model: Model) -> Model:
        """The model with what this rule says of it."""
        set_here = ("efforts", "chat_tools", "max_plain_output", "retires", "yes", "no")
        return with_facts(model, {name: value for name in set_here if (value := getattr(self, name)) not in (None, ())})


def with_facts(model: Model, facts: Mapping[str, Any]) -> Model:
    """
    Return the model with other facts.  A field that is given replaces the model's; abilities are added.

    >>> with_facts(Model(context=8192, yes=("tools",)), {"no": ("images",)}).yes
    ('tools',)
    """
    yes, no = tuple(facts.get("yes", ())), tuple(facts.get("no", ()))
    told = (*yes, *no)
    return msgspec.structs.replace(
        model,
        **{
            **facts,
            "yes": (*(ability for ability in model.yes if ability not in told), *yes),
            "no": (*(ability for ability in model.no if ability not in told), *no),
        },
    )


@cache
def _rules() -> tuple[_Rule, ...]:
    import tomllib  # when a fact is first asked for, not when the package is imported

    text = (get_data("dragoman.catalog", "rules.toml") or b"").decode()
    return tuple(msgspec.convert(tomllib.loads(text)["rule"], list[_Rule]))


def _spellings(name: str) -> Iterator[str]:
    yield name
    bare = _PREFIX.sub("", name, count=1)
    while bare:
        yield bare
        shorter = _SUFFIX.sub("", bare)
        if shorter == bare:
            return
        bare = shorter
