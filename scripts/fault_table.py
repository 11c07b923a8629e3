"""
Writes docs/faults.md from the faults themselves.

    python scripts/fault_table.py

A test holds the page to what this writes.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from dragoman.testing.faults import FAULTS, Expects, Fault
from dragoman.testing.routes import ROUTES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"

_HEAD = """\
# Faults

What [`dragoman.testing.faults`](testing.md#faults) can do to a client, and what a right client makes of it: the errors
of which one is raised, or the whole answer. (Written by `scripts/fault_table.py`.)

| fault | what the server does | a plain call | a stream | in |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return _HEAD + "".join(map(_row, FAULTS.values()))


def _row(fault: Fault) -> str:
    meaning = fault.meaning.replace("|", "\\|")
    cells = (f"`{fault.name}`", meaning, _expected(fault.plain), _expected(fault.stream), _wires(fault))
    return f"| {' | '.join(cells)} |\n"


def _expected(expects: Expects | None) -> str:
    if expects is None:
        return "-"
    facts = [" or ".join([*(["whole answer"] if expects.or_whole or not expects.errors else []), *expects.errors])]
    facts += ["some text delivered"] if expects.errors and expects.partial == "some" else []
    facts += ["retryable"] if expects.retryable else []
    facts += ["one request"] if expects.once else []
    if expects.retry_after is not msgspec.UNSET:
        facts.append("no wait known" if expects.retry_after is None else f"wait {expects.retry_after:g} s")
    return ", ".join(facts)


def _wires(fault: Fault) -> str:
    missing = {route.wire for route in ROUTES} - fault.wires
    if not missing:
        return "all"
    if len(missing) <= 3:
        return f"all but {', '.join(sorted(missing))}"
    return ", ".join(sorted(fault.wires))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
