"""What the tests of typed handlers share: one route, what it answers to a request, and why it is refused."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

import pytest
from hypothesis import settings

from sketch.application import Application
from sketch.http.fields import RawHeaders
from sketch.response import JSONResponse, Response
from sketch.routing import Router
from sketch.transport import WireResponse
from tests.support.requests import answer

T = TypeVar("T")

ROUNDS = int(os.environ.get("SKETCH_FUZZ", "0"))
"""Examples per property in a long session (`nox -s fuzz`), which then differ from run to run."""


def bounded(examples: int) -> settings:
    return settings(max_examples=ROUNDS or examples, derandomize=not ROUNDS, deadline=None, database=None)


JSON = (b"content-type", b"application/json")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
MULTIPART = (b"content-type", b"multipart/form-data; boundary=bound")


def told(*values: Any, **named: Any) -> Response:
    """An answer that shows what a handler was given."""
    return JSONResponse(repr(named or (values[0] if len(values) == 1 else values)))


def serving(handler: Callable[..., Any], path: str = "/", method: str = "GET", **options: Any) -> Application:
    """An application with one route."""
    app = Application()
    app.add_route(method, path, handler, **options)
    return app


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, bounded."""
    return asyncio.run(asyncio.wait_for(main, 20))


def fields(headers: Iterable[tuple[bytes, bytes]] = (), content: bytes | None = None) -> RawHeaders:
    """The header fields of a request, with its host and the length of its body."""
    length = [] if content is None else [(b"content-length", str(len(content)).encode())]
    return [(b"host", b"example.com"), *headers, *length]


async def send(
    app: Application,
    target: str = "/",
    *headers: tuple[bytes, bytes],
    method: str = "GET",
    content: bytes | None = None,
) -> WireResponse:
    """The answer of an application to one request; the exchange is over afterwards."""
    body = None if content is None else [content]
    return await answer(app, target, method=method, headers=fields(headers, content), body=body)


def ask(
    handler: Callable[..., Any],
    target: str = "/",
    *headers: tuple[bytes, bytes],
    path: str = "/",
    method: str | None = None,
    content: bytes | None = None,
) -> WireResponse:
    """The answer of one route to one request; of POST if it has a body."""
    method = method or ("GET" if content is None else "POST")

    async def main() -> WireResponse:
        app = serving(handler, path, method)
        try:
            return await send(app, target, *headers, method=method, content=content)
        finally:
            app.threads.close()

    return run(main())


def text(wire: WireResponse) -> str:
    """The body of an answer; what `told` has told, if it did."""
    assert isinstance(wire.payload, bytes)
    content = wire.payload.decode()
    return str(json.loads(content)) if dict(wire.fields).get(b"content-type") == b"application/json" else content


def heard(*args: Any, **options: Any) -> str:
    """What a handler has told of what it was given: see `ask`."""
    wire = ask(*args, **options)
    assert wire.status == 200, text(wire)
    return text(wire)


def faults(*args: Any, **options: Any) -> list[str]:
    """What was wrong with the inputs of a request, as `query q: expected an integer`; see `ask`."""
    wire = ask(*args, **options)
    assert wire.status == 422, text(wire)
    return text(wire).splitlines()


def refusal(
    handler: Callable[..., Any], path: str = "/", method: str = "GET", converters: Mapping[str, Any] | None = None
) -> str:
    """Why a handler was refused when its route was added, without the place of the route."""
    router = Router()
    router.converters.update(converters or {})
    with pytest.raises(ValueError, match="; in the route ") as caught:
        router.add_route(method, path, handler)
    return str(caught.value).partition("; in the route ")[0]
