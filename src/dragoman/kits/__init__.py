"""
Ready-made work: translate, polish, write, answer customers.

Each kit is a package: prompts in files that a user can copy and edit, a typed result, checks that need no model, and a
small set of cases that scores any model on it.  The functions here block; `dragoman.kits.aio` has the same to await.

Rule: a kit says what it found wrong with an answer (`findings`), and never hands over one that is broken as if it were
whole.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES: dict[str, str] = {
    "Finding": "findings",
    "KitResult": "findings",
    "TranslateResult": "translation.translate",
    "PolishResult": "polishing.polish",
    "RewrittenSegment": "rewriting.values",
    "RewriteEstimate": "rewriting.values",
    "RewriteProgress": "rewriting.values",
    "Support": "support.faces",
    "SupportReply": "support.values",
    "Escalation": "support.values",
    "Scenario": "support.scenarios",
    "Simulation": "support.scenarios",
    "MailResult": "composing.values",
    "ReportResult": "composing.values",
    "CodeResult": "composing.values",
}
_FUNCTIONS: dict[str, str] = {
    "code": "composing.code",
    "mail": "composing.mail",
    "report": "composing.report",
    "translate": "translation.translate",
    "estimate_translation": "translation.translate",
    "polish": "polishing.polish",
    "estimate_polishing": "polishing.polish",
}
"""Coroutines by name, and the module that has each; this module has the blocking form."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"dragoman.kits.{_HOMES[name]}"), name)
    if name in _FUNCTIONS:
        from dragoman.kits.faces import blocking

        made = blocking(getattr(import_module(f"dragoman.kits.{_FUNCTIONS[name]}"), name))
        globals()[name] = made
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_HOMES, *_FUNCTIONS])
