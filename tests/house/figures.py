"""Figures of the code base: packages, import cycles, and the largest files and classes."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import sketch
from tests.house.imports import Arrow, cycles, graph, sources, tree, without

ROOT = Path(sketch.__file__).parent
ARROWS = Path(__file__).with_name("arrows.txt")
"""The imports that may point upwards, each with its reason."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large something is: lines of a file, methods and properties of a class."""

    name: str
    number: int


def flat_modules() -> list[str]:
    """The modules that lie in `sketch/` itself."""
    return sorted(path.stem for path in ROOT.glob("*.py"))


def rooms() -> list[str]:
    """The folders of `sketch/`."""
    return sorted(path.parent.name for path in ROOT.glob("*/__init__.py"))


def runtime_circles() -> list[list[str]]:
    """The groups of modules that import each other when they are loaded."""
    return cycles(graph(deferred=False))


def arrows() -> dict[Arrow, str]:
    """The imports that may point upwards, and the reason of each."""
    named = {}
    for line in ARROWS.read_text().splitlines():
        if not line.startswith("#"):
            arrow, _, reason = line.partition(": ")
            importing, _, imported = arrow.partition(" -> ")
            named[importing, imported] = reason
    return named


def typed_circles() -> list[list[str]]:
    """The same groups, counting deferred and type-only imports, too, but not those that may point upwards."""
    return cycles(without(graph(deferred=True, typed=True), arrows()))


def needless_arrows() -> list[Arrow]:
    """The imports of that list that are in no circle."""
    edges, named = graph(deferred=True, typed=True), arrows()
    return [arrow for arrow in named if not cycles(without(edges, named.keys() - {arrow}))]


def largest_files(count: int = 5) -> list[Size]:
    """The files with the most lines."""
    sizes = [Size(name, len(path.read_text().splitlines())) for name, path in sources().items()]
    return sorted(sizes, key=lambda size: (-size.number, size.name))[:count]


def largest_classes(count: int = 5) -> list[Size]:
    """The classes that define the most methods and properties; dunder methods and overloads are not counted."""
    found = [
        Size(f"{name}.{node.name}", len(_members(node)))
        for name, path in sources().items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
    ]
    return sorted(found, key=lambda size: (-size.number, size.name))[:count]


def _members(owner: ast.ClassDef) -> set[str]:
    functions = (node for node in owner.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node.name for node in functions if not (node.name.startswith("__") and node.name.endswith("__"))}
