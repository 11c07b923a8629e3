"""The cases of mail, report and code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from dragoman.client import AsyncClient
from dragoman.errors import ConfigError
from dragoman.kits.composing.code import code
from dragoman.kits.composing.mail import mail
from dragoman.kits.composing.report import report
from dragoman.kits.composing.values import CodeResult
from dragoman.kits.evaluate import Case
from dragoman.kits.findings import Finding, KitResult

NAME: Final = "composing"
SUMMARY: Final = "write mail, reports and code to a brief: length, points, facts, sections and syntax are checked"

_WORKS: Final[dict[str, Callable[..., Awaitable[KitResult]]]] = {"mail": mail, "report": report, "code": code}


async def run(case: Case, model: str, client: AsyncClient) -> KitResult:
    """Write what a case asks for; `given` has the kind, the brief, and arguments."""
    given: dict[str, Any] = dict(case.given)
    kind, brief = given.pop("kind", ""), given.pop("brief", "")
    if kind not in _WORKS:
        raise ConfigError(f"the case {case.name!r} has the kind {kind!r}: give mail, report or code", field="kind")
    return await _WORKS[kind](brief, model=model, client=client, **given)


def judge(case: Case, result: KitResult) -> list[Finding]:
    """What is not there that should be: `says` phrases, `never` phrases, `files` paths."""
    text, expect = result.text.casefold(), case.expect
    findings = [
        Finding(check="expect", message=f"{phrase!r} is missing", expected=phrase)
        for phrase in expect.get("says", ())
        if phrase.casefold() not in text
    ]
    findings += [
        Finding(check="expect", message=f"{phrase!r} is in it", found=phrase)
        for phrase in expect.get("never", ())
        if phrase.casefold() in text
    ]
    made: Mapping[str, str] = result.files if isinstance(result, CodeResult) else {}
    return findings + [
        Finding(check="expect", message=f"the file {path} is missing", expected=path)
        for path in expect.get("files", ())
        if path not in made
    ]
