"""Applications whose handler fails, and what they answer."""

from __future__ import annotations

from typing import Any

from sketch.application import Application
from sketch.response import Response
from tests.support.requests import answer

PLAIN_500 = (500, b"500 Internal Server Error")


def raising(error: BaseException, **options: Any) -> Application:
    app = Application(**options)

    @app.get("/")
    async def handler() -> Response:
        raise error

    return app


async def status_and_body(app: Application, target: str = "/") -> tuple[int, Any]:
    response = await answer(app, target)
    return response.status, response.payload
