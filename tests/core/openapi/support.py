"""Documents of small applications."""

from __future__ import annotations

from typing import Any

from sketch import Application
from sketch.openapi import OpenAPI


def document(app: Application, **settings: Any) -> dict[str, Any]:
    """The document of an application."""
    settings = {"title": "It", "version": "1", **settings}
    made = OpenAPI(**settings)
    made.attach(app)
    return made.document()


def operation(app: Application, path: str | None = None, method: str | None = None, **settings: Any) -> dict[str, Any]:
    """One operation of the document, by default the only one."""
    paths = document(app, **settings)["paths"]
    if path is None:
        (path,) = paths
    if method is None:
        (method,) = paths[path]
    found: dict[str, Any] = paths[path][method]
    return found


def parameters(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The parameters of an operation by place and name."""
    return {(each["in"], each["name"]): each for each in found.get("parameters", ())}
