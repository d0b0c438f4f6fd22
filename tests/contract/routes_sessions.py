"""Sessions, where a test asks for them by `X-Outer`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sketch import Application, Request, Response, Session, Sessions, StreamResponse, WebSocket
from sketch.stores import MemoryStore, StoreUnavailable

SECRET = "the secret of the contract's sessions"


class NoStore(MemoryStore):
    """A store that cannot be reached."""

    async def get(self, key: str) -> bytes | None:
        raise StoreUnavailable

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        raise StoreUnavailable


SESSIONS = {
    "sessions": Sessions(SECRET),
    "sessions-store": Sessions(SECRET, store=MemoryStore()),
    "sessions-away": Sessions(SECRET, store=NoStore()),
}


def add_sessions(app: Application) -> None:
    @app.get("/session/put/{value}")
    async def put(value: str, session: Session) -> Response:
        session.setdefault("values", []).append(value)
        response = Response("put", headers={"Cache-Control": "public"})
        response.set_cookie("another", "1")
        return response

    @app.get("/session/values")
    async def values(session: Session) -> list[str]:
        return list(session.get("values", []))

    @app.get("/session/clear")
    async def clear(session: Session) -> str:
        session.clear()
        return "cleared"

    @app.get("/session/boom")
    async def boom(session: Session) -> str:
        session["values"] = "lost"
        raise LookupError

    @app.get("/session/stream")
    async def stream(request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                request.session["values"] = "late"
            except RuntimeError:
                yield repr(request.session["values"]).encode()

        return StreamResponse(chunks())

    async def note(request: Request, handler: Any) -> Response:
        request.session.setdefault("values", []).append("socket")
        return await handler(request)

    @app.websocket("/session/ws")
    @app.websocket("/session/changed-ws", middlewares=[note])
    async def socket(ws: WebSocket, session: Session) -> None:
        await ws.send_json([session["values"], ws.request.session["values"]])
