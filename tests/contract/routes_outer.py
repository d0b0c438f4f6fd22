"""Outer middlewares, where a test asks for them."""

from __future__ import annotations

from typing import Any

from sketch import (
    CORS,
    CSP,
    CSRF,
    NONCE,
    Compression,
    HTTPSRedirect,
    Protection,
    RateLimit,
    Request,
    RequestID,
    Response,
    SecurityHeaders,
    csp_nonce,
    csrf_token,
)
from tests.contract.routes_sessions import SESSIONS

OUTER = {
    "protection": Protection(
        ["shop.example", "127.0.0.1:*", "localhost:*", "testserver:*", "scripted:*"],
        headers=SecurityHeaders(csp=CSP(default_src=["'self'"], script_src=[NONCE])),
        csrf=CSRF(secret="a secret of the contract's own, long enough"),
    ),
    "elsewhere": Protection(["elsewhere.example"]),
    "https": HTTPSRedirect(hosts=["shop.example"]),
    "rate": RateLimit("2/day", key=lambda request: request.headers.get("x-key", "all")),
    "request-id": RequestID(),
    "cors": CORS(["https://page.example"], credentials=True, headers=["X-Token"]),
    "security": SecurityHeaders(),
    "compression": Compression(minimum_size=1),
    **SESSIONS,
}


async def page_outer(request: Request) -> Response:
    """A page with a token and a nonce."""
    return Response(f"{csrf_token(request)} {csp_nonce(request)}")


async def chosen_outer(request: Request, handler: Any) -> Response:
    """The one that `X-Outer` names. A preflight has no fields of its own: it asks for `/preflight`."""
    name = "cors" if request.raw_path == "/preflight" else request.headers.get("x-outer", "")
    middleware = OUTER.get(name)
    return await (handler(request) if middleware is None else middleware(request, handler))
