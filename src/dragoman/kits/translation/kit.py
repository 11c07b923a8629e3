"""The kit `translation`, as `dragoman kit eval` asks it."""

from __future__ import annotations

from typing import Final

from dragoman.client import AsyncClient
from dragoman.kits.evaluate import Case
from dragoman.kits.findings import Finding, KitResult
from dragoman.kits.translation.translate import translate

NAME: Final = "translation"
SUMMARY: Final = "translates documents; everything but words stays, and is checked"


async def run(case: Case, model: str, client: AsyncClient) -> KitResult:
    """Translate the text of a case."""
    return await translate(**case.given, model=model, client=client)


def judge(case: Case, result: KitResult) -> list[Finding]:
    """What is missing of `has`, and what is there of `lacks`; capital letters do not count."""
    text = result.text.casefold()
    missing = [one for one in case.expect.get("has", ()) if not any(way.casefold() in text for way in one.split("|"))]
    there = [one for one in case.expect.get("lacks", ()) if one.casefold() in text]
    return [
        *(Finding(check="expected", message=f"{one!r} is missing", expected=one) for one in missing),
        *(Finding(check="expected", message=f"{one!r} is there", found=one) for one in there),
    ]
