"""Middleware that leaves its mark on a response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sketch.request import Request
from sketch.response import Response
from sketch.results import Endpoint
from sketch.transport import WireResponse


def tagging(tag: str, log: list[str] | None = None) -> Callable[..., Awaitable[Response]]:
    async def middleware(request: Request, handler: Endpoint) -> Response:
        if log is not None:
            log.append(f"{tag} in")
        response = await handler(request)
        if log is not None:
            log.append(f"{tag} out")
        response.headers.add("X-Tag", tag)
        return response

    return middleware


def tags(wire: WireResponse) -> list[bytes]:
    return [value for name, value in wire.fields if name == b"x-tag"]
