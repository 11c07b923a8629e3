"""
The layers of the package (ARCHITECTURE.md): imports go down only.

Every module must have a place in the table below; a new one without a place fails here, and the table is where to think
about it.
"""

from __future__ import annotations

import ast
import sys
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house.modules import edges, imports, trees

LAYERS: tuple[tuple[str, ...], ...] = (
    ("types", "errors", "redact", "plugged", "_version"),
    ("wire", "catalog", "tokens"),
    ("policy", "transport", "observe", "secrets", "runtime", "background", "drivers", "limits"),
    (
        "client",
        "stack",
        "stream",
        "call",
        "routes",
        "transfer",
        "ledger",
        "plain",
        "plans",
        "verbs",
        "local",
        "notebook",
        "exact",
        "structured",
    ),
    ("batch", "conversation", "tools", "writing", "kits", "knowledge", "bridge", "compat"),
    ("",),  # the package itself: the public names
    ("cli", "gateway", "testing"),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
SURFACES = frozenset({"cli", "gateway", "testing"})
# A command whose whole work is to start another surface is its switch, and may import that one.
STARTS = {"dragoman.cli.mock": "testing"}

# What is a pure function of its input, and what drives it: neither waits, reads a clock nor touches the machine.
PURE = (
    "types",
    "errors",
    "redact",
    "wire",
    "policy",
    "call",
    "transfer",
    "stream",
    "client",
    "ledger",
    "exact",
    "plain",
    "plans",
    "stack",
    "verbs",
    "tokens",
    "structured",
)
MACHINE = frozenset(
    {"asyncio", "socket", "ssl", "time", "select", "selectors", "subprocess", "http", "concurrent", "multiprocessing"}
)
# The face hands the environment to its transport; it does not look into it.
HANDS_ENVIRON = frozenset({"dragoman.client"})

# Who may import which library.  No other library may be imported at all, except inside the one function that needs it.
LIBRARIES = {
    "msgspec": ("",),
    "urllib3": ("transport",),
    "aiohttp": ("transport", "testing"),
    "yarl": ("transport",),
    "click": ("cli",),
    "pytest": ("testing",),
    "httpx2": ("bridge",),
}


def place(module: str) -> str:
    """First name below the package: `dragoman.wire.sse` has its place in `wire`."""
    return module.partition(".")[2].partition(".")[0]


def test_every_module_has_a_place():
    """A new package or module is put into a layer before anything can import it."""
    assert set() == {place(module) for module in trees()} - set(RANK)


def test_imports_go_down_only():
    """No module imports one of a layer above its own; within a layer the order is free."""
    upward = [
        f"{importer}:{line} imports {imported}"
        for importer, imported, line in edges(typing=True)
        # The root re-exports for type checkers what it loads by name, from every layer.
        if RANK[place(imported)] > RANK[place(importer)] and importer != "dragoman"
    ]
    assert [] == upward


def test_surfaces_do_not_import_each_other():
    """Command line, gateway and testing each stand alone; a command that starts one may import that one."""
    sideways = [
        f"{importer}:{line} imports {imported}"
        for importer, imported, line in edges(typing=True)
        if {place(importer), place(imported)} <= SURFACES
        and place(imported) not in (place(importer), STARTS.get(importer))
    ]
    assert [] == sideways


def test_there_is_no_import_cycle():
    """No module reaches itself through what it imports, not even by an import hidden in a function."""
    graph: dict[str, set[str]] = {module: set() for module in trees()}
    for importer, imported, _ in edges(typing=False):
        graph[importer].add(imported)
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
    assert len(trees()) == len(order)


def test_wires_policies_and_the_core_do_not_touch_the_machine():
    """They import nothing that waits, tells the time, or opens something."""
    found = [
        f"{module}:{item.line} imports {item.target}"
        for module, items in imports().items()
        if place(module) in PURE
        for item in items
        if item.target.partition(".")[0] in MACHINE
    ]
    assert [] == found


def test_wires_policies_and_the_core_do_not_read_the_environment():
    """No environment variable changes what a codec or a decision does."""
    found = [
        f"{module}:{node.lineno}"
        for module, tree in trees().items()
        if place(module) in PURE and module not in HANDS_ENVIRON
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    ]
    assert [] == found


def test_wires_know_values_and_nothing_else():
    """A wire imports types, errors, msgspec and the standard library, so it can be tested by bytes alone."""
    allowed = {"types", "errors", "redact", "wire"}
    found = [
        f"{a}:{line} imports {b}" for a, b, line in edges(typing=True) if place(a) == "wire" and place(b) not in allowed
    ]
    assert [] == found


def test_libraries_stay_where_they_belong():
    """The HTTP libraries are imported by the transports, click by the command line, and no other at module level."""
    found = [
        f"{module}:{item.line} imports {item.target}"
        for module, items in imports().items()
        for item in items
        if not _library_is_allowed(module, item.target.partition(".")[0], item.local)
    ]
    assert [] == found


def _library_is_allowed(module: str, library: str, local: bool) -> bool:
    if library in sys.stdlib_module_names or library in ("dragoman", "__future__"):
        return True
    if library not in LIBRARIES:
        return local
    return any(home in ("", place(module)) for home in LIBRARIES[library])
