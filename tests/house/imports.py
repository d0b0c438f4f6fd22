"""What the modules of the project import, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import sketch
import sketch_asgi
import sketch_gateway
import sketch_native
import sketch_rsgi


def sources() -> dict[str, Path]:
    """Every module of the three packages: dotted name and file."""
    found = {}
    for package in (sketch, sketch_native, sketch_asgi, sketch_rsgi, sketch_gateway):
        root = Path(package.__file__ or "").parent
        for path in root.rglob("*.py"):
            parts = [root.name, *path.relative_to(root).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(path: Path) -> ast.Module:
    """A parsed file; several tests look at all of them."""
    return ast.parse(path.read_text())


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def _walk(node: ast.AST, *, deferred: bool, typed: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The import statements that run with the module, (`deferred`) with its functions, (`typed`) for type checkers."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not typed and _is_type_checking(child):
            continue
        elif deferred or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _walk(child, deferred=deferred, typed=typed)


def imported(path: Path, known: set[str], *, deferred: bool, typed: bool = False) -> set[str]:
    """The modules of the project that a file imports."""
    found = set()
    for node in _walk(tree(path), deferred=deferred, typed=typed):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        else:
            base = node.module or ""
            found.update(f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names)
    return found & known


def graph(*, deferred: bool, typed: bool = False) -> dict[str, set[str]]:
    """The imports of each module.

    Args:
        deferred: count what functions import when they are called.
        typed: count what only type checkers see.
    """
    files = sources()
    known = set(files)
    return {name: imported(path, known, deferred=deferred, typed=typed) - {name} for name, path in files.items()}


Arrow = tuple[str, str]
"""An import: the importing module, the imported one."""


def without(edges: dict[str, set[str]], arrows: Collection[Arrow]) -> dict[str, set[str]]:
    """The imports of each module, except some."""
    return {name: {other for other in others if (name, other) not in arrows} for name, others in edges.items()}


def cycles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other: strongly connected components of more than one (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(edges[module]):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                groups.append(sorted(group))

    for module in sorted(edges):
        if module not in index:
            visit(module)
    return groups
