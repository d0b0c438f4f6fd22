"""`sketch routes package.module:app`: lists the routes of an application."""

from __future__ import annotations

import argparse
import inspect
import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING

from sketch.callables import find_place, innermost
from sketch.routing import Mount, Route
from sketch.routing.route import WEBSOCKET
from sketch.serving.loading import is_sketch_application, load_app
from sketch.serving.options import ServeError

if TYPE_CHECKING:
    from sketch.application import Application
    from sketch.binding.inputs import Input
    from sketch.routing.mount import MountedApp


@dataclass(frozen=True, slots=True)
class Row:
    """One route, as the list shows it."""

    methods: list[str]
    """`*` for every method, `WEBSOCKET` for handshakes of websockets; `MOUNT` for a mounted foreign application."""
    template: str
    """The path with the prefixes of groups and mounts."""
    name: str | None
    """The name as `url_for` of the outermost application takes it."""
    handler: str
    place: str | None
    """File and line of the handler."""
    middlewares: list[str]
    """Those that wrap the handler, the outermost first."""
    conditions: list[str]
    tags: list[str]
    takes: list[str] = field(default_factory=list)
    """What the handler, its dependencies and its guards declare to take, as `query skip: int = 0`."""
    returns: str | None = None
    """What the handler declares to return, of a view each method."""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    text = "list the routes of an application"
    parser = commands.add_parser("routes", help=text, description=f"{text.capitalize()}.")
    parser.add_argument("app", help="package.module:app, or package.module:create_app() to call a function for it")
    parser.add_argument("--json", action="store_true", dest="as_json", help="as JSON, for programs")
    parser.set_defaults(command=routes)


def routes(app: str, *, as_json: bool) -> int:
    """Print the routes of the application that an import string names, looked for in the working directory first.

    The application is not started: routes that a start-up hook adds are not among them.

    Raises:
        SystemExit: with code 1 if there is no such application.
    """
    sys.path.insert(0, str(Path.cwd()))
    try:
        rows = list(list_routes(load_frozen(app)))
    except ServeError as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(json.dumps([asdict(row) for row in rows], indent=2) if as_json else render(rows, width))
    return 0


def load_frozen(string: str) -> Application:
    """Load the application that an import string names, with its parts checked, but not started.

    Raises:
        ServeError: if there is none, or a mistake in one of its parts.
    """
    app = load_app(string)
    if not is_sketch_application(app):
        raise ServeError(f"expected a sketch Application, got {app!r} from {string!r}: only its own framework knows")
    app.parent = None  # listed as if it is run by itself
    try:
        app.freeze()
    except (TypeError, ValueError, RuntimeError) as exc:  # mistakes in its parts
        raise ServeError(str(exc)) from None
    return app


def list_routes(app: MountedApp, prefix: str = "") -> Iterator[Row]:
    """List the routes of a frozen application in the order in which they were added, then those of its mounts.

    Args:
        app: the application.
        prefix: is put before the names of the routes.
    """
    outside: list[str] = []
    outer: MountedApp | None = app
    while outer is not None:
        outside = [_name_of(middleware) for middleware in (*outer.outer_middlewares, *outer.middlewares)] + outside
        outer = outer.parent
    for route in app.router.routes():
        yield _row(route, prefix, outside)
    for mount in app.router.mounts():
        if mount.app is None:
            yield _row(mount, prefix, outside)
        else:
            yield from list_routes(mount.app, f"{prefix}{mount.name}:" if mount.name else prefix)


def _row(route: Route, prefix: str, outside: list[str]) -> Row:
    inside = [*(middleware for group in route.groups for middleware in group.middlewares), *route.middlewares]
    return Row(
        methods=["MOUNT"] if isinstance(route, Mount) else sorted(map(_method_name, route.methods)),
        template=route.template,
        name=None if route.name is None else prefix + route.name,
        handler=_name_of(route.handler),
        place=None if isinstance(route, Mount) else find_place(route.handler),
        middlewares=[*outside, *map(_name_of, inside)],
        conditions=[] if route.conditions is None else list(route.conditions.key),
        tags=list(route.tags),
        takes=[*map(_describe_input, _inputs_of(route))],
        returns=_returns_of(route),
    )


def _inputs_of(route: Route) -> Iterable[Input]:
    declared = [*route.bound.arguments, *(guard.arguments for guard in route.guards)]
    return {id(each): each for arguments in declared for each in arguments.all_inputs()}.values()


def _describe_input(declared: Input) -> str:
    name = f"{declared.place} {declared.name}".rstrip()
    default = "" if declared.required or declared.fields is not None else f" = {declared.default!r:.50}"
    return f"{name}: {_write(declared.kind)}{default}"


def _returns_of(route: Route) -> str | None:
    of_methods = {name: bound.returns for name, bound in route.bound.by_method.items()}
    told = [f"{name} {_write(kind)}" for name, kind in of_methods.items() if kind is not inspect.Parameter.empty]
    if route.bound.returns is not inspect.Parameter.empty:
        told.append(_write(route.bound.returns))
    return ", ".join(told) or None


def _write(kind: object) -> str:
    """Write a type as its author has, without the modules of classes."""
    return "None" if kind is NoneType else re.sub(r"\b(?:[a-z_]\w*\.)+(?=\w)", "", inspect.formatannotation(kind))


def _method_name(method: str) -> str:
    return "WEBSOCKET" if method == WEBSOCKET else method


def _name_of(function: object) -> str:
    function = innermost(function)
    return getattr(function, "__qualname__", None) or type(function).__qualname__


# -- as text ----------------------------------------------------------------------------------------------------------


def render(rows: Sequence[Row], width: int | None) -> str:
    """Format a table, or a paragraph per route if the terminal is too narrow for a table.

    Args:
        rows: the routes.
        width: the width of the terminal in columns, None without a terminal.
    """
    if not rows:
        return "no routes"
    cells = [_cells(row) for row in rows]
    # Empty columns are left out.
    names = [name for name in cells[0] if any(row[name] for row in cells)]
    lines = [[name.upper() for name in names], *[[row[name] for name in names] for row in cells]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    if width is not None and sum(widths) + 2 * (len(widths) - 1) > width:
        return "\n".join(_paragraph(row) for row in cells)
    return "\n".join(_joined(cell.ljust(size) for cell, size in zip(line, widths, strict=True)) for line in lines)


def _cells(row: Row) -> dict[str, str]:
    return {
        "methods": ",".join(row.methods),
        "template": row.template,
        "name": row.name or "",
        "handler": row.handler,
        "middlewares": ", ".join(row.middlewares),
        "conditions": ", ".join(row.conditions),
        "tags": ", ".join(row.tags),
        "takes": ", ".join(row.takes),
        "returns": row.returns or "",
    }


def _joined(cells: Iterable[str]) -> str:
    return "  ".join(cells).rstrip()


def _paragraph(row: dict[str, str]) -> str:
    first = f"{row['methods']} {row['template']}"
    others = [f"    {name}: {text}" for name, text in row.items() if text and name not in ("methods", "template")]
    return "\n".join([first, *others])
