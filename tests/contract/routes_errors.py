"""Routes that fail: with what the client sends, or with an answer that cannot be sent."""

from __future__ import annotations

from typing import Any

from sketch import Application, HTTPException, Request, Response


def add_problems(app: Application) -> None:
    @app.get("/problem/{status:int}")
    async def problem(request: Request, status: int) -> Response:
        raise HTTPException(status, request.query.get("detail"), headers={"Retry-After": "7"})

    @app.get("/unsendable/{what}")
    async def unsendable(what: str) -> Response:
        """Changed into what cannot be sent after it was made; a constructor would refuse it."""
        response: Any = Response("x")
        if what == "number":
            response.headers["X-A"] = 5
        elif what == "text":
            response.headers["X-A"] = "\u20ac"
        elif what == "status":
            response.status = "404"
        elif what == "body":
            response.body = "text"
        return response  # type: ignore[no-any-return]
