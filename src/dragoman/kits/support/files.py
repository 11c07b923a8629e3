"""
Persona and policy: Markdown files with a head in TOML between two lines of `+++`.

    +++
    forbidden = ["guarantee"]
    +++
    Returns are free within 30 days.

What stands under the head is told to the model, word for word.  What stands in it is held to by this program.

Rule: an unknown name in a head is an error: a misspelt limit would hold for nobody.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.prompts import Prompts
from dragoman.kits.support.values import REASONS

_HEAD: Final = re.compile(r"\A\ufeff?\s*\+\+\+[ \t]*\r?\n(.*?)^\+\+\+[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_HANDED: Final = "I am handing this over to a colleague, who will get back to you."
_RULED: Final = frozenset(REASONS) - {"failed_checks"}


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Who answers.

    Attributes:
        name: What the model calls itself.
        company: For whom.
        tone: How it speaks; `formal` also forbids emoji and rows of exclamation marks.
        languages: Codes of those that it answers in; others are answered in the first.  Empty for all.
        text: What else it is told.
    """

    name: str = "the assistant"
    company: str = "our company"
    tone: str = "friendly"
    languages: tuple[str, ...] = ()
    text: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    What is allowed.

    Attributes:
        forbidden: Phrases that no reply has.
        max_words: Longest reply; in Chinese and Japanese, signs.
        refund_limit: Largest refund that may be spoken of without a person; None for no limit.
        currency: Of that limit, such as EUR.
        refund_words: Words that say that a refund is meant.
        unanswered: So many questions in a row without an answer, and a person takes over.
        escalate: Words of a customer that have a person take over, by reason.
        handover: What a customer is told then, by language.
        keep: Patterns of what looks personal and is not: order numbers.
        mask: Patterns of what is personal besides.
        text: What the model is told.
    """

    forbidden: tuple[str, ...] = ()
    max_words: int = 200
    refund_limit: Decimal | None = None
    currency: str = ""
    refund_words: tuple[str, ...] = ()
    unanswered: int = 2
    escalate: Mapping[str, tuple[str, ...]] = {}
    handover: Mapping[str, str] = msgspec.field(default_factory=lambda: {"en": _HANDED})
    keep: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    text: str = ""

    def handed(self, language: str) -> str:
        """What a customer is told in their language, or else in the first that there is."""
        return self.handover.get(language) or next(iter(self.handover.values()))


T = TypeVar("T", Persona, Policy)


def read_persona(given: str | Path | Persona | None, prompts: Prompts) -> Persona:
    """
    The persona of a file, of a text, or the shipped one.

    Raises:
        ConfigError: It cannot be read, or its head says something that cannot be.
    """
    return given if isinstance(given, Persona) else _read(given, prompts, "persona", Persona)


def read_policy(given: str | Path | Policy | None, prompts: Prompts) -> Policy:
    """The policy of a file, of a text, or the shipped one.  Errors as `read_persona`."""
    policy = given if isinstance(given, Policy) else _read(given, prompts, "policy", Policy)
    if not policy.handover or not all(policy.handover.values()):
        raise ConfigError("the policy's handover is empty: give a text for one language at least", field="policy")
    if unknown := set(policy.escalate) - _RULED:
        raise ConfigError(
            f"the policy escalates by {', '.join(sorted(unknown))}: reasons are {', '.join(sorted(_RULED))}",
            field="policy",
        )
    if policy.max_words < 1 or policy.unanswered < 1:
        raise ConfigError("the policy's max_words and unanswered are whole numbers, 1 or more", field="policy")
    for pattern in (*policy.keep, *policy.mask):
        _check_pattern(pattern)
    return policy


def _check_pattern(pattern: str) -> None:
    try:
        empty = re.compile(pattern).match("")
    except re.error as error:
        raise ConfigError(f"the policy's pattern {pattern!r} is none: {error}", field="policy") from error
    if empty:
        raise ConfigError(f"the policy's pattern {pattern!r} fits everything", field="policy")


def _read(given: str | Path | None, prompts: Prompts, what: str, kind: type[T]) -> T:
    text = prompts.text(what) if given is None else _text_of(given, what)
    head = _HEAD.match(text)
    body = text[head.end() :] if head else text
    try:
        values: dict[str, Any] = tomllib.loads(head[1]) if head else {}
        if "text" in values:
            raise ConfigError(f"the head of the {what} has `text`: write it under the head", field=what)
        return msgspec.convert({**values, "text": body.strip()}, kind, strict=False)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the head of the {what} is no TOML: {error}", field=what) from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"the head of the {what}: {error}", field=what) from error


def _text_of(given: object, what: str) -> str:
    """A path is read; a text with a line feed is one that is written here."""
    if isinstance(given, str) and "\n" in given:
        return given
    if not isinstance(given, str | Path):
        raise ConfigError(f"{what} is {type(given).__name__}: give the path of a file, or its text", field=what)
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the {what} {str(given)!r} cannot be read: {getattr(error, 'strerror', None) or error}", field=what
        ) from error
