"""The realistic request, in four frameworks: see `benchmarks.work`.

Each is written as the framework's documentation does it, and by its own parts where it has them. This module imports no
framework by itself: each function is called in a process of its own.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from benchmarks.work import SECURITY, USERS

BEARER = "Bearer "


def log_requests() -> None:
    """Let the access log go to stdout, for a framework that leaves this to its user."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")


def sketch() -> Any:
    from sketch import (
        Application,
        HTTPUnauthorized,
        JSONResponse,
        Request,
        RequestID,
        Response,
        SecurityHeaders,
    )
    from sketch.middleware import Endpoint

    async def known(request: Request, handler: Endpoint) -> Response:
        user = USERS.get(request.headers.get("Authorization", "").removeprefix(BEARER))
        if user is None:
            raise HTTPUnauthorized
        request.user = user
        return await handler(request)

    app = Application(json="orjson", outer_middlewares=[RequestID(), SecurityHeaders()], middlewares=[known])

    @app.post("/orders/{id:int}")
    async def order(request: Request, id: int) -> Response:
        return JSONResponse({"id": id, "user": request.user, "order": await request.json()})

    return app


class ByASGI:
    """The three middlewares in pure ASGI, the cheapest kind, for Starlette and FastAPI."""

    def __init__(self, app: Any) -> None:
        self.app = app


class Identified(ByASGI):
    """Gives each request an id, and answers with it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = uuid.uuid4().hex.encode()

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-request-id", number))
            await send(message)

        await self.app(scope, receive, answer)


class Secured(ByASGI):
    """Adds fields for browsers to each answer."""

    fields = tuple((name.lower().encode(), value.encode()) for name, value in SECURITY.items())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].extend(self.fields)
            await send(message)

        await self.app(scope, receive, answer)


class Known(ByASGI):
    """Refuses unknown tokens."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            from starlette.datastructures import Headers
            from starlette.responses import PlainTextResponse

            user = USERS.get(Headers(scope=scope).get("authorization", "").removeprefix(BEARER))
            if user is None:
                await PlainTextResponse("Unauthorized", 401)(scope, receive, send)
                return
            scope.setdefault("state", {})["user"] = user
        await self.app(scope, receive, send)


def starlette() -> Any:
    import orjson
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def order(request: Request) -> Response:
        data = {
            "id": request.path_params["id"],
            "user": request.state.user,
            "order": orjson.loads(await request.body()),
        }
        return Response(orjson.dumps(data), media_type="application/json")

    middleware = [Middleware(one) for one in (Identified, Secured, Known)]
    return Starlette(routes=[Route("/orders/{id:int}", order, methods=["POST"])], middleware=middleware)


def fastapi() -> Any:
    import orjson
    from fastapi import FastAPI
    from fastapi.requests import Request
    from fastapi.responses import Response

    app = FastAPI(openapi_url=None)

    async def order(request: Request, id: int) -> Response:
        data = {"id": id, "user": request.state.user, "order": orjson.loads(await request.body())}
        return Response(orjson.dumps(data), media_type="application/json")

    # The annotations are local names, which FastAPI does not find by their text.
    order.__annotations__ = {"request": Request, "id": int, "return": Response}
    app.add_api_route("/orders/{id}", order, methods=["POST"], response_model=None)
    for one in (Known, Secured, Identified):  # the one that is added last is the outermost
        app.add_middleware(one)
    return app


def aiohttp() -> Any:
    from aiohttp import web

    from benchmarks.peers.aiohttp import json_response, loads

    log_requests()

    @web.middleware
    async def identified(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        response.headers["X-Request-ID"] = uuid.uuid4().hex
        return response

    @web.middleware
    async def secured(request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        response.headers.update(SECURITY)
        return response

    @web.middleware
    async def known(request: web.Request, handler: Any) -> web.StreamResponse:
        user = USERS.get(request.headers.get("Authorization", "").removeprefix(BEARER))
        if user is None:
            raise web.HTTPUnauthorized
        request["user"] = user
        response: web.StreamResponse = await handler(request)
        return response

    async def order(request: web.Request) -> web.Response:
        number, data = int(request.match_info["id"]), await request.json(loads=loads)
        return json_response({"id": number, "user": request["user"], "order": data})

    app = web.Application(middlewares=[identified, secured, known])
    app.router.add_post(r"/orders/{id:\d+}", order)
    return app
