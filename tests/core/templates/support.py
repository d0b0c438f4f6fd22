"""Applications with templates that are written for a test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sketch.application import Application
from sketch.request import Request
from sketch.response import Response
from sketch.templates import Templates
from tests.support.requests import answer


def write(folder: Path, **sources: str) -> Path:
    """Write templates; in a keyword, `__` stands for a dot."""
    for name, source in sources.items():
        (folder / name.replace("__", ".")).write_text(source)
    return folder


async def page(
    templates: Templates, name: str, context: Mapping[str, Any] | None = None, *, debug: bool = False, **options: Any
) -> str:
    """The body of a page that an application makes."""
    app = Application(debug=debug)

    @app.get("/")
    async def show(request: Request) -> Response:
        return await templates.response(request, name, context, **options)

    return await body(app)


async def body(app: Application, target: str = "/") -> str:
    """The body of an answer, of which nothing failed."""
    wire = await answer(app, target)
    assert isinstance(wire.payload, bytes)
    assert wire.status == 200, wire.payload.decode()
    return wire.payload.decode()
