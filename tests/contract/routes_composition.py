"""Routes of groups and mounted applications, conditions, slashes, reverse URLs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from sketch import (
    Application,
    HTTPException,
    JSONResponse,
    Limits,
    Request,
    Response,
    RouteGroup,
    StreamResponse,
    TextResponse,
    WebSocket,
    current_app,
)


def add_composition(app: Application) -> None:
    app.mount("/{tenant}/part", make_part(), name="part")
    app.add_group(make_group())
    app.mount("/soft", make_soft())
    add_conditions(app)

    @app.get("/links")
    async def links(request: Request) -> Response:
        return JSONResponse(
            [str(request.url_for("part:where", tenant="a/b", id=1)), str(app.url_for("group:id", id=2))]
        )

    @app.get("/slash/soft/", slashes="redirect")
    async def soft() -> Response:
        return TextResponse("soft")

    @app.get("/slash/hard/")
    async def hard() -> Response:
        return TextResponse("hard")


def make_part() -> Application:
    """An application with its own hooks and handlers, mounted below a parameter."""

    async def outer(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        response.headers["X-Part"] = request.app.name
        return response

    async def lifespan(part: Application) -> AsyncIterator[dict[str, str]]:
        yield {"part": "from its lifespan"}

    part = Application("part", outer_middlewares=[outer], lifespan=lifespan, limits=Limits(body=8))
    deep = Application("deep")
    part.mount("/deep", deep)

    @part.get("/where/{id:int}", name="where")
    async def where(request: Request, id: int) -> Response:
        assert request.route is not None
        return JSONResponse(
            {
                "app": [request.app.name, current_app.name],
                "root_path": request.root_path,
                "path": request.path,
                "template": request.route.template,
                "parameters": dict(request.match_info),
                "url": request.url_for("where", id=4).path,
                "state": sorted(request.state),
            }
        )

    @part.post("/read")
    async def read(request: Request) -> Response:
        return Response(await request.read())

    @part.get("/fails")
    async def fails() -> Response:
        raise LookupError("in the part")

    @part.error_handler(404)
    async def not_found(request: Request, exc: HTTPException) -> Response:
        return TextResponse(f"{request.app.name} has no {request.path}", status=404)

    @part.error_handler(LookupError)
    async def lookup(request: Request, exc: LookupError) -> Response:
        return TextResponse("the part's answer", status=418)

    @deep.get("/stream/{name}")
    async def stream(request: Request, name: str) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            yield f"{name} of {request.app.name} at {request.root_path}".encode()

        return StreamResponse(chunks())

    return part


def make_soft() -> Application:
    """An application that redirects to the slash of its root."""
    soft = Application("soft", slashes="redirect")

    @soft.get("/")
    async def root() -> Response:
        return TextResponse("root")

    @soft.websocket("/")
    async def echo(ws: WebSocket) -> None:
        await ws.send(await ws.receive())

    return soft


def make_group() -> RouteGroup:
    async def marking(request: Request, handler: Any) -> Response:
        response: Response = await handler(request)
        response.headers.add("X-Order", "group")
        return response

    group = RouteGroup("/group", name="group", middlewares=[marking], limits=Limits(body=4))

    @group.post("")
    async def read(request: Request) -> Response:
        return Response(await request.read())

    @group.group("/inner").get("/{id:int}", name="id")
    async def inner(request: Request, id: int) -> Response:
        return TextResponse(request.url_for("group:id", id=id + 1).path)

    @group.get("/fails")
    async def fails() -> Response:
        raise LookupError("in the group")

    @group.error_handler(LookupError)
    async def lookup(request: Request, exc: LookupError) -> Response:
        return TextResponse("the group's answer", status=418)

    return group


async def say(text: str) -> Response:
    return TextResponse(text)


def add_conditions(app: Application) -> None:
    for name, options in {
        "plain": {},
        "host": {"host": "one.example.com"},
        "below": {"host": "*.example.com"},
        "header": {"headers": {"X-Version": "2"}},
    }.items():
        app.add_get("/conditions", partial(say, name), **options)  # type: ignore[arg-type]

    @app.get("/conditions/only", host="one.example.com")
    async def only() -> Response:
        return TextResponse("only")
