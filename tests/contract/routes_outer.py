"""Outer middlewares, where a test asks for them."""

from __future__ import annotations

from typing import Any

from sketch import CORS, Compression, Request, RequestID, Response, SecurityHeaders
from tests.contract.routes_sessions import SESSIONS

OUTER = {
    "request-id": RequestID(),
    "cors": CORS(["https://page.example"], credentials=True, headers=["X-Token"]),
    "security": SecurityHeaders(),
    "compression": Compression(minimum_size=1),
    **SESSIONS,
}


async def chosen_outer(request: Request, handler: Any) -> Response:
    """The one that `X-Outer` names. A preflight has no fields of its own: it asks for `/preflight`."""
    name = "cors" if request.raw_path == "/preflight" else request.headers.get("x-outer", "")
    middleware = OUTER.get(name)
    return await (handler(request) if middleware is None else middleware(request, handler))
