"""Directories of files, served and asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sketch.application import Application
from sketch.response import Response
from tests.support.requests import answer

SECRET = b"root:x:0:0"


def serving(tree: Path, prefix: str = "/static", **options: Any) -> Application:
    app = Application()
    app.add_static(prefix, tree, **options)
    return app


async def get(app: Application, path: str, method: str = "GET", **headers: str) -> Response:
    fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return await answer(app, path, method=method, headers=[(b"host", b"x"), *fields])


def header(response: Response, name: str) -> str | None:
    values = [value.decode() for key, value in response.raw_headers if key == name.encode()]
    assert len(values) < 2
    return values[0] if values else None
