"""Directories of files, served and asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sketch.application import Application
from sketch.transport import WireResponse
from tests.support.requests import answer
from tests.support.responses import headers_of

SECRET = b"root:x:0:0"


def serving(tree: Path, prefix: str = "/static", **options: Any) -> Application:
    app = Application()
    app.add_static(prefix, tree, **options)
    return app


async def get(app: Application, path: str, method: str = "GET", **headers: str) -> WireResponse:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return await answer(app, path, method=method, headers=[(b"host", b"x"), *fields])


def header(wire: WireResponse, name: str) -> str | None:
    values = headers_of(wire).getall(name, [])
    assert len(values) < 2
    return values[0] if values else None
