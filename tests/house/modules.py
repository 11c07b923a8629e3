"""
What every module of the package imports, read from its syntax tree.

Nothing is imported to find out.  An import inside a function counts like any other: it is how a cycle is hidden.  An
import under `TYPE_CHECKING` counts for the layers (a type is a dependency, too) but makes no cycle.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


class Import(msgspec.Struct, frozen=True):
    """
    One imported name.

    Attributes:
        target: Absolute dotted name of what is imported, module or attribute.
        line: Where it stands.
        typing: Whether it stands under `if TYPE_CHECKING`.
        local: Whether it stands inside a function.
    """

    target: str
    line: int
    typing: bool = False
    local: bool = False


def name_of(path: Path) -> str:
    """Dotted name of the module in a file below `src`."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def trees() -> dict[str, ast.Module]:
    """Module name to syntax tree, for every file of the package."""
    return {name_of(path): ast.parse(path.read_text("utf-8"), str(path)) for path in sorted(SOURCE.rglob("*.py"))}


@cache
def imports() -> dict[str, tuple[Import, ...]]:
    """Module name to what it imports."""
    return {name: tuple(_found(tree, False, False)) for name, tree in trees().items()}


def _found(node: ast.AST, typing: bool, local: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, node.lineno, typing, local)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield Import(f"{node.module}.{alias.name}", node.lineno, typing, local)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for child in node.body:
            yield from _found(child, True, local)
        for child in node.orelse:
            yield from _found(child, typing, local)
    else:
        inside = local or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from _found(child, typing, inside)


def module_of(target: str) -> str | None:
    """The module of this package in which an imported name lives, or None if it is not of this package."""
    if target.partition(".")[0] != "dragoman":
        return None
    while target not in trees():
        target = target.rpartition(".")[0]
    return target


def edges(*, typing: bool) -> Iterator[tuple[str, str, int]]:
    """(importer, imported, line) within the package; with `typing`, those for types only as well."""
    for name, found in imports().items():
        for item in found:
            target = module_of(item.target)
            if target is not None and target != name and (typing or not item.typing):
                yield name, target, item.line
