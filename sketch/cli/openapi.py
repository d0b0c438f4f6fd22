"""`sketch openapi package.module:app`: prints the document of an application, or compares it with a file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sketch.cli.routes import load_frozen
from sketch.serving.options import ServeError

if TYPE_CHECKING:
    from sketch.application import Application


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    text = "print the OpenAPI document of an application"
    parser = commands.add_parser("openapi", help=text, description=f"{text.capitalize()}.")
    parser.add_argument("app", help="package.module:app, or package.module:create_app() to call a function for it")
    parser.add_argument(
        "--check",
        metavar="FILE",
        help="print nothing but what differs from the document in a file, and whether that breaks clients; exit with 1"
        " if anything does",
    )
    parser.set_defaults(command=openapi)


def openapi(app: str, *, check: str | None = None) -> int:
    """Print the document of the application that an import string names, looked for in the working directory first.

    An application without an `OpenAPI` is documented under its name. It is not started: routes that a start-up hook
    adds are not in the document.

    Raises:
        SystemExit: with code 1 if there is no such application, if it cannot be documented, and if the file cannot be
            read.
    """
    sys.path.insert(0, str(Path.cwd()))
    try:
        document = make_document(load_frozen(app))
        return _print(document) if check is None else _compare(check, document)
    except ServeError as exc:
        print(f"error: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None


def make_document(app: Application) -> dict[str, Any]:
    """Make the document of a frozen application.

    Raises:
        ServeError: if it cannot be documented.
    """
    from sketch.openapi import OPENAPI  # not every command needs it
    from sketch.openapi.document import DocumentMaker

    try:
        if OPENAPI in app:
            return app[OPENAPI].document()
        made = DocumentMaker({"title": app.name, "version": "0"}, {}, None).make(app)
        return {"openapi": made["openapi"], "info": made["info"], "servers": [{"url": "/"}], **made}
    except (TypeError, ValueError, RuntimeError) as exc:  # mistakes in its parts, or a library that is missing
        raise ServeError(str(exc)) from None


def _print(document: dict[str, Any]) -> int:
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0


def _compare(path: str, document: dict[str, Any]) -> int:
    from sketch.openapi.changes import compare

    changes = compare(_read(path), json.loads(json.dumps(document)))
    for change in changes:
        print(change)
    if changes:
        breaking = sum(change.breaking for change in changes)
        noun = "change" if len(changes) == 1 else "changes"
        print(f"{path} differs: {len(changes)} {noun}, {breaking} of them breaking", file=sys.stderr)
    return 1 if changes else 0


def _read(path: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_bytes())
    except OSError as exc:
        raise ServeError(f"expected a file with a document, got {path!r}: {exc.strerror}") from None
    except ValueError as exc:
        raise ServeError(f"expected a document in JSON, got {path!r}: {exc}") from None
    if not isinstance(found, dict) or not isinstance(found.get("paths", {}), dict):
        raise ServeError(f"expected an OpenAPI document, got {path!r}: it has no paths")
    return found
