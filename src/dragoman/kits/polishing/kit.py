"""The kit `polishing`, as `dragoman kit eval` asks it."""

from __future__ import annotations

from typing import Final

from dragoman.client import AsyncClient
from dragoman.kits.evaluate import Case
from dragoman.kits.findings import Finding, KitResult
from dragoman.kits.polishing.polish import polish

NAME: Final = "polishing"
SUMMARY: Final = "improves texts in their own language, and shows what it changed"


async def run(case: Case, model: str, client: AsyncClient) -> KitResult:
    """Polish the text of a case."""
    return await polish(**case.given, model=model, client=client)


def judge(case: Case, result: KitResult) -> list[Finding]:
    """What is missing of `has`, what is there of `lacks`, and whether a text that is good (`same`) was changed."""
    missing = [one for one in case.expect.get("has", ()) if not any(way in result.text for way in one.split("|"))]
    there = [one for one in case.expect.get("lacks", ()) if one in result.text]
    changed = case.expect.get("same") and result.text != case.given["source"]
    return [
        *(Finding(check="expected", message=f"{one!r} is missing", expected=one) for one in missing),
        *(Finding(check="expected", message=f"{one!r} is there", found=one) for one in there),
        *([Finding(check="expected", message="a text that was good is changed")] if changed else []),
    ]
