"""Routes that fail with what the client sends."""

from __future__ import annotations

from sketch import Application, HTTPException, Request, Response


def add_problems(app: Application) -> None:
    @app.get("/problem/{status:int}")
    async def problem(request: Request, status: int) -> Response:
        raise HTTPException(status, request.query.get("detail"), headers={"Retry-After": "7"})
