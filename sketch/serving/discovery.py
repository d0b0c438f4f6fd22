"""Finds the application of a directory, for `sketch run` without an argument."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sketch.serving.options import ServeError

MODULES = ("main", "app")
FACTORY = "create_app"
"""The name of a function that makes the application."""
NAMES = ("app", "application", FACTORY)
"""The names that are looked for in each module, the first one first."""


class Found(NamedTuple):
    """An application that was found."""

    string: str
    """Its import string."""
    file: str
    """The name of the file that defines it."""


def find_app(folder: Path) -> Found | None:
    """Return the application that `main.py` or `app.py` defines, None if neither defines one.

    The files are read, not run: the process that looks for the application need not be the one that serves it.

    Raises:
        ServeError: for a file that is not Python.
    """
    for module in MODULES:
        path = folder / f"{module}.py"
        name = _first_of(_defined_by(path)) if path.is_file() else None
        if name is not None:
            return Found(f"{module}:{name}", path.name)
    return None


def string_for(place: str) -> str | None:
    """Return the import string for what names a file or a module: `src/api.py`, `api.py:app`, `api`.

    None for anything else. What it lacks is the first of `NAMES` that the file defines, `app` without such a file.

    Raises:
        ServeError: for a file that is not Python.
    """
    path, _, name = place.partition(":")
    file = Path(path) if path.endswith(".py") or "/" in path else Path(*path.split("."))
    if file.is_absolute() and file.is_relative_to(Path.cwd()):
        file = file.relative_to(Path.cwd())
    parts = [part.removesuffix(".py") for part in file.parts]
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    file = Path(*parts).with_suffix(".py")
    found = _first_of(_defined_by(file)) if not name and file.is_file() else None
    return f"{'.'.join(parts)}:{name or found or NAMES[0]}"


def nothing_found(folder: Path) -> ServeError:
    """Make the error for a directory without an application; it lists what was tried."""
    files = [f"{module}.py" for module in MODULES]
    tried = [
        f"{file} (it defines none of {', '.join(NAMES)})" if (folder / file).is_file() else f"{file} (there is none)"
        for file in files
    ]
    return ServeError(
        f"expected an application: write `sketch run package.module:app`. Tried in {folder}: "
        f"app in [tool.sketch] of pyproject.toml, SKETCH_APP, {', '.join(tried)}"
    )


def _first_of(defined: Collection[str]) -> str | None:
    """Return the first of `NAMES` that is defined, with parentheses if it is a function to call."""
    name = next((name for name in NAMES if name in defined), None)
    return f"{name}()" if name == FACTORY else name


def _defined_by(path: Path) -> set[str]:
    """Return the names that a module defines at its top level, also under `if`, `try` and `with`."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as exc:
        raise ServeError(f"cannot read {path}: {exc}") from None
    return set(_names(tree.body))


def _names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name for alias in names)
            case ast.Assign(targets=targets):
                nodes = [node for target in targets for node in ast.walk(target)]
                yield from (node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield name
            case _:
                for inner in ("body", "orelse", "finalbody"):
                    yield from _names(getattr(statement, inner, ()))
                for handler in getattr(statement, "handlers", ()):
                    yield from _names(handler.body)
