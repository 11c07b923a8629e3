"""
Writes docs/faults.md from the faults themselves.

    python scripts/fault_table.py

A test holds the page to what this writes.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import msgspec

from dragoman.testing.faults import FAULTS, Expects, Fault
from dragoman.testing.routes import ROUTES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"

_HEAD = """\
# Faults

What [`dragoman.testing.faults`](testing.md#faults) can do to a client, and what a right client makes of it: the errors
of which one is raised, or the whole answer. (Written by `scripts/fault_table.py`.)

| fault | what the server does | a plain call | a stream | in |
|---|---|---|---|---|
"""

_PEERS = """\

## The same faults, other libraries

`./dev bench faults` asks each library the same: every fault above that happens in the dialect, plain and streamed,
blocking and async. Each is one call with a timeout of 2 s to a server of its own, in a process that is killed if it
does not come back. Retries are the library's own where the fault is about them, and off elsewhere. A stream is put
together by the library's own helper.

What is right is judged by rules that ask for nothing of ours (`bench/fault_rules.py`):

* A right answer that HTTP and the dialect allow arrives whole: text, tool calls, finish reason. Where the bytes break
  a standard and still prove the answer, an exception is as right.
* An answer that is cut, damaged or an error is an exception: any class of the library, or of the HTTP library under
  it, or a built-in one of timeouts and connections. Its words and its traceback do not show the key.
* One request where trying again cannot help, three elsewhere; redirects to the same origin may be followed.
* The call ends within its timeout and a second; where retries are on, within three timeouts and 4 s.

Every case counts the same, however rare it is. A call that was late is asked again, and the second answer counts.

<!-- faults: begin (written by scripts/fault_table.py) -->
{table}
<!-- faults: end -->
"""


def page() -> str:
    """The whole page."""
    peers: str = runpy.run_path(str(ROOT / "bench" / "table.py"))["faults"]()
    return _HEAD + "".join(map(_row, FAULTS.values())) + _PEERS.format(table=peers)


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
