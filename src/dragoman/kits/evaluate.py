"""
How well a model does a kit's work.

Each kit has cases in `cases.jsonl`: what it is given, and what its result must have.  A case passes if no check finds
an error and everything that is expected is there.  No model judges another.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from importlib import import_module
from importlib.resources import files
from typing import Any, Protocol, cast

import msgspec

from dragoman.client import AsyncClient
from dragoman.errors import ConfigError, DragomanError
from dragoman.kits.faces import AnyClient, asker
from dragoman.kits.findings import Finding, KitResult


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """
    A case.

    Attributes:
        name: Its name.
        given: Arguments of the kit.
        expect: What the kit's `judge` looks for.
    """

    name: str
    given: dict[str, Any]
    expect: dict[str, Any] = {}


class Kit(Protocol):
    """What the module `dragoman.kits.<name>.kit` of a kit has."""

    NAME: str
    SUMMARY: str

    def run(self, case: Case, model: str, client: AsyncClient) -> Awaitable[KitResult]:
        """Do the work of a case."""
        ...

    def judge(self, case: Case, result: KitResult) -> list[Finding]:
        """What is missing of what was expected; what the kit's checks found is added by itself."""
        ...


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a case."""

    name: str
    passed: bool
    findings: tuple[Finding, ...] = ()
    error: str = ""
    seconds: float = 0.0
    cost: Decimal | None = None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A model's score on a kit."""

    kit: str
    model: str
    cases: tuple[Scored, ...]

    @property
    def passed(self) -> int:
        """How many cases passed."""
        return sum(case.passed for case in self.cases)


def kit_of(name: str) -> Kit:
    """
    A kit by its name.

    Raises:
        ConfigError: There is none.
    """
    if name not in kit_names():
        raise ConfigError(f"there is no kit {name!r}: there are {', '.join(kit_names())}", field="kit")
    return cast("Kit", import_module(f"dragoman.kits.{name}.kit"))


def kit_names() -> list[str]:
    """The kits that there are."""
    root = files("dragoman.kits")
    return sorted(entry.name for entry in root.iterdir() if entry.joinpath("kit.py").is_file())


def cases_of(name: str) -> list[Case]:
    """The cases of a kit."""
    lines = files("dragoman.kits").joinpath(name, "cases.jsonl").read_text(encoding="utf-8").splitlines()
    return [msgspec.json.decode(line, type=Case) for line in lines if line.strip()]


async def evaluate(
    name: str,
    model: str,
    *,
    client: AnyClient = None,
    cases: Sequence[Case] | None = None,
    progress: Callable[[Scored], None] | None = None,
) -> Score:
    """
    Have a model do the cases of a kit, one after another.

    Args:
        name: Of the kit.
        model: `provider/model`.
        client: Who asks.
        cases: Those of the kit by default.
        progress: Called after each.
    """
    kit, asking = kit_of(name), asker(client)
    scored: list[Scored] = []
    for case in cases_of(name) if cases is None else cases:
        scored.append(await _scored(kit, case, model, asking))
        if progress is not None:
            progress(scored[-1])
    return Score(kit=name, model=model, cases=tuple(scored))


async def _scored(kit: Kit, case: Case, model: str, client: AsyncClient) -> Scored:
    begun = time.monotonic()
    try:
        result = await kit.run(case, model, client)
    except DragomanError as error:
        return Scored(name=case.name, passed=False, error=error.message, seconds=time.monotonic() - begun)
    findings = (*result.findings, *kit.judge(case, result))
    return Scored(
        name=case.name,
        passed=not any(finding.severity == "error" for finding in findings),
        findings=findings,
        seconds=time.monotonic() - begun,
        cost=result.cost,
    )
